//! A cluster at one moment, as far as it could be seen.

use std::collections::BTreeMap;

use crate::storage::{
    CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeAttachment,
};
use crate::{
    Finding, Labels, LimitRange, Name, Node, Pod, PodDisruptionBudget, Requirement, ResourceQuota, Taint, Time,
    Workload,
};

/// Everything that was read. Lists are sorted by (namespace and) name.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// A name for people: the kubeconfig context, or the input's file name.
    pub cluster: String,
    /// When it was taken: live, the moment of reading; from a dump, the latest moment any object names.
    pub taken_at: Time,
    /// `sha256:…` over everything read, in any order.
    pub digest: String,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// All pods, finished ones too.
    pub pods: Vec<Pod>,
    /// Namespaces and their labels.
    pub namespaces: BTreeMap<Name, Labels>,
    /// Workloads that have pods, and those seen without any.
    pub workloads: Vec<Workload>,
    /// PodDisruptionBudgets.
    pub budgets: Vec<PodDisruptionBudget>,
    /// LimitRanges.
    pub limit_ranges: Vec<LimitRange>,
    /// ResourceQuotas.
    pub quotas: Vec<ResourceQuota>,
    /// PersistentVolumes by name.
    pub volumes: BTreeMap<Name, PersistentVolume>,
    /// Claims by namespace and name.
    pub claims: BTreeMap<(Name, Name), PersistentVolumeClaim>,
    /// Storage classes by name.
    pub storage_classes: BTreeMap<Name, StorageClass>,
    /// CSINodes by node name.
    pub csi_nodes: BTreeMap<Name, CsiNode>,
    /// CSI drivers by name.
    pub csi_drivers: BTreeMap<Name, CsiDriver>,
    /// Published free space.
    pub csi_capacities: Vec<CsiStorageCapacity>,
    /// Volume attachments.
    pub volume_attachments: Vec<VolumeAttachment>,
    /// Karpenter NodePools by name.
    pub node_pools: BTreeMap<Name, NodePool>,
    /// Usage of pods by (namespace, name), where metrics.k8s.io served it.
    pub usage: BTreeMap<(Name, Name), Usage>,
    /// What was read of each kind; kinds that nobody asked for are absent.
    pub kinds: BTreeMap<&'static str, KindRead>,
    /// Objects that could not be read, and what else the reader noticed.
    pub findings: Vec<Finding>,
}

/// What a pod uses now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Millicores.
    pub cpu: i64,
    /// Bytes of working set.
    pub memory: i64,
}

/// A Karpenter NodePool, as far as consolidation asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePool {
    /// metadata.name.
    pub name: Name,
    /// spec.disruption.consolidationPolicy and budgets as written, for people.
    pub disruption: String,
    /// spec.limits, of CPU in millicores and of memory in bytes.
    pub limits: [Option<i64>; 2],
    /// Why it makes no more nodes, or none that we could foresee; empty where it does.
    pub closed: Name,
    /// Labels that its nodes get.
    pub labels: Labels,
    /// Taints that its nodes get and keep.
    pub taints: Vec<Taint>,
    /// What the labels of its nodes meet: types, zones, capacity types and the like.
    pub requirements: Vec<Requirement>,
}

/// What became of reading one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRead {
    /// How many objects were kept.
    pub objects: usize,
    /// Whether the list is whole.
    pub state: ReadState,
}

/// Whether a kind could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadState {
    /// The whole list.
    Complete,
    /// The dump has no object of the kind, so there may be none or they were not saved.
    NotInInput,
    /// The API server does not serve it.
    NotServed,
    /// The right is missing: what to grant, such as `list poddisruptionbudgets.policy`.
    Forbidden(String),
}

impl Snapshot {
    /// Is the list of this kind known to be whole? (`Pod`, `PodDisruptionBudget` …)
    pub fn has(&self, kind: &str) -> bool {
        self.kinds.get(kind).is_some_and(|read| read.state == ReadState::Complete)
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.binary_search_by(|node| (*node.name).cmp(name)).ok().map(|at| &self.nodes[at])
    }

    /// The pod of this namespace and name.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<&Pod> {
        let key = (namespace, name);
        self.pods.binary_search_by(|pod| (&*pod.namespace, &*pod.name).cmp(&key)).ok().map(|at| &self.pods[at])
    }

    /// The workload a pod belongs to.
    pub fn workload_of(&self, pod: &Pod) -> Option<&Workload> {
        self.workloads.get(pod.workload? as usize)
    }
}
