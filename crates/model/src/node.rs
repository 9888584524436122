//! A node as the scheduler sees it.

use crate::price::CapacityType;
use crate::{Labels, Name, Resources, Time};

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// metadata.name.
    pub name: Name,
    /// metadata.uid, empty where the input has none.
    pub uid: Name,
    /// metadata.labels.
    pub labels: Labels,
    /// Of the annotations only those that speak to us (see `observe`).
    pub annotations: Labels,
    /// metadata.creationTimestamp.
    pub created: Option<Time>,
    /// spec.unschedulable: cordoned.
    pub unschedulable: bool,
    /// spec.taints.
    pub taints: Vec<Taint>,
    /// status.allocatable: the only thing that decides what fits.
    pub allocatable: Resources,
    /// status.capacity.
    pub capacity: Resources,
    /// Condition Ready is True.
    pub ready: bool,
    /// metadata.deletionTimestamp is set.
    pub terminating: bool,
    /// status.declaredFeatures, sorted.
    pub declared_features: Vec<Name>,
    /// spec.providerID.
    pub provider_id: Name,
    /// Something on or of this node could not be read (a broken pod, a bad quantity): nothing is moved to or from it.
    pub unreadable: bool,
}

/// One taint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Taint {
    /// Its key.
    pub key: Name,
    /// Its value, often empty.
    pub value: Name,
    /// What it does.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaintEffect {
    /// They are not placed here.
    NoSchedule,
    /// They are placed elsewhere where possible; never a filter.
    PreferNoSchedule,
    /// They are not placed here, and those running are evicted.
    NoExecute,
}

/// The taint of a cordoned node.
pub const UNSCHEDULABLE_TAINT: &str = "node.kubernetes.io/unschedulable";

/// Labels by which providers and tools say that a node is spot, with the value that says so.
const SPOT_LABELS: [(&str, &str); 13] = [
    ("karpenter.sh/capacity-type", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("cloud.google.com/gke-spot", "true"),
    ("cloud.google.com/gke-preemptible", "true"),
    ("cloud.google.com/gke-provisioning", "spot"),
    ("cloud.google.com/gke-provisioning", "preemptible"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
    ("node-role.kubernetes.io/spot-worker", "true"),
    ("node.kubernetes.io/lifecycle", "spot"),
    ("kubernetes.io/lifecycle", "spot"),
    ("lifecycle", "Ec2Spot"),
    ("spotinst.io/node-lifecycle", "spot"),
    ("scheduling.cast.ai/spot", "true"),
];
/// These two mean it by being there; their value is usually empty.
const SPOT_MARKS: [&str; 2] = ["machine.openshift.io/interruptible-instance", "cluster.x-k8s.io/interruptible"];

impl Node {
    /// The failure domain, by the standard label or its predecessor.
    pub fn zone(&self) -> Option<&Name> {
        self.first_label(&["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"])
    }

    /// The region, by the standard label or its predecessor.
    pub fn region(&self) -> Option<&Name> {
        self.first_label(&["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"])
    }

    /// The machine type, by the standard label or its predecessor.
    pub fn instance_type(&self) -> Option<&Name> {
        self.first_label(&["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"])
    }

    /// The CPU architecture, such as `amd64`.
    pub fn architecture(&self) -> Option<&Name> {
        self.first_label(&["kubernetes.io/arch", "beta.kubernetes.io/arch"])
    }

    /// Spot or on-demand, by the labels that Karpenter, EKS, GKE, AKS, kOps, Cluster API and others set; on-demand where
    /// none says so.
    pub fn capacity_type(&self) -> CapacityType {
        let is_spot = SPOT_LABELS.iter().any(|(key, value)| self.labels.get(key).is_some_and(|have| &**have == *value))
            || SPOT_MARKS.iter().any(|key| self.labels.get(key).is_some_and(|have| &**have != "false"));
        if is_spot { CapacityType::Spot } else { CapacityType::OnDemand }
    }

    /// The same node as it would be of the other capacity type: its labels say so as they say it now.
    pub fn with_capacity_type(&self, capacity_type: CapacityType) -> Node {
        let says = |key: &Name| SPOT_LABELS.iter().any(|(label, _)| **key == **label) || SPOT_MARKS.contains(&&**key);
        let mut labels: Vec<(Name, Name)> =
            self.labels.iter().filter(|(key, _)| !says(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
        labels.push(("karpenter.sh/capacity-type".into(), capacity_type.as_str().into()));
        if self.labels.get("eks.amazonaws.com/capacityType").is_some() {
            let value = if capacity_type == CapacityType::Spot { "SPOT" } else { "ON_DEMAND" };
            labels.push(("eks.amazonaws.com/capacityType".into(), value.into()));
        }
        Node { labels: Labels::new(labels), ..self.clone() }
    }

    /// The group of nodes it belongs to: Karpenter NodePool, or the node group of EKS, GKE, AKS, kOps, Gardener, HyperShift
    /// and the smaller clouds.
    pub fn node_pool(&self) -> Option<&Name> {
        self.first_label(&[
            "karpenter.sh/nodepool",
            "karpenter.sh/provisioner-name",
            "eks.amazonaws.com/nodegroup",
            "alpha.eksctl.io/nodegroup-name",
            "cloud.google.com/gke-nodepool",
            "kubernetes.azure.com/agentpool",
            "agentpool",
            "kops.k8s.io/instancegroup",
            "hypershift.openshift.io/nodePool",
            "worker.gardener.cloud/pool",
            "node.deckhouse.io/group",
            "doks.digitalocean.com/node-pool",
            "lke.linode.com/pool-id",
        ])
    }

    fn first_label(&self, keys: &[&str]) -> Option<&Name> {
        keys.iter().find_map(|key| self.labels.get(key).filter(|value| !value.is_empty()))
    }
}
