//! A pod: what is its own, and the spec that it shares with its siblings.

use std::sync::Arc;

use crate::placement::{NodeSelectorTerm, PodAffinityTerm, Toleration, TopologySpreadConstraint, Weighted};
use crate::{Labels, Name, NonZeroRequests, Resources, Time};

/// One pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// metadata.namespace.
    pub namespace: Name,
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
    /// metadata.deletionTimestamp is set.
    pub terminating: bool,
    /// spec.nodeName, where bound. It may name a node that is not there.
    pub node: Option<Name>,
    /// status.nominatedNodeName.
    pub nominated_node: Option<Name>,
    /// status.phase.
    pub phase: Phase,
    /// Condition Ready is True.
    pub ready: bool,
    /// The owner reference with `controller: true`.
    pub controller: Option<Owner>,
    /// The index in `Snapshot::workloads` of the workload at the top of its owners.
    pub workload: Option<u32>,
    /// Restarts of its containers, summed.
    pub restarts: i64,
    /// What is in the way of a resize that was asked for: `Deferred`, `Infeasible` or `Error`; empty where nothing is.
    pub resize_problem: Name,
    /// What it asks for when pending: from the spec alone.
    pub requests: Resources,
    /// What it holds on its node: with in-place resizes under way, the larger of spec, allocated and actual.
    pub held: Resources,
    /// `requests` as the scheduler's scores count them.
    pub nonzero_requests: NonZeroRequests,
    /// `held` as the scheduler's scores count it.
    pub nonzero_held: NonZeroRequests,
    /// What its siblings share.
    pub spec: Arc<PodSpec>,
}

/// The scheduling side of a pod's spec, shared between pods of one template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodSpec {
    /// spec.schedulerName, `default-scheduler` where absent.
    pub scheduler_name: Name,
    /// spec.nodeSelector.
    pub node_selector: Labels,
    /// Required node affinity, where there is one: any term, and none matches nothing.
    pub node_affinity: Option<Vec<NodeSelectorTerm>>,
    /// Preferred node affinity.
    pub preferred_node_affinity: Vec<Weighted<NodeSelectorTerm>>,
    /// spec.tolerations.
    pub tolerations: Vec<Toleration>,
    /// spec.topologySpreadConstraints, both hard and soft.
    pub topology_spread: Vec<TopologySpreadConstraint>,
    /// Required pod affinity: all terms.
    pub pod_affinity: Vec<PodAffinityTerm>,
    /// Required pod anti-affinity: none of the terms.
    pub pod_anti_affinity: Vec<PodAffinityTerm>,
    /// Preferred pod affinity.
    pub preferred_pod_affinity: Vec<Weighted<PodAffinityTerm>>,
    /// Preferred pod anti-affinity.
    pub preferred_pod_anti_affinity: Vec<Weighted<PodAffinityTerm>>,
    /// Host ports of its containers and sidecars.
    pub host_ports: Vec<HostPort>,
    /// spec.volumes, in order.
    pub volumes: Vec<Volume>,
    /// Names of the gates that keep it from being scheduled.
    pub scheduling_gates: Vec<Name>,
    /// It uses resource claims (dynamic resource allocation), which we do not model.
    pub has_resource_claims: bool,
    /// It belongs to a gang (spec.workloadRef, spec.schedulingGroup, or a batch scheduler's group label), which we do not model.
    pub gang: Option<Name>,
    /// Features a node must declare (NodeDeclaredFeatures), sorted.
    pub required_features: Vec<Name>,
    /// spec.priority, 0 where absent.
    pub priority: i32,
    /// spec.priorityClassName.
    pub priority_class: Name,
    /// spec.terminationGracePeriodSeconds, 30 where absent.
    pub termination_grace_seconds: i64,
    /// spec.hostNetwork.
    pub host_network: bool,
    /// Per container, in order: its name, and whether it asks for CPU and for memory.
    pub containers: Vec<ContainerRequests>,
}

/// What one container asks for; for rightsizing and for 'pods without requests'.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContainerRequests {
    /// The container's name.
    pub name: Name,
    /// Millicores, where it says.
    pub cpu: Option<i64>,
    /// Bytes, where it says.
    pub memory: Option<i64>,
    /// Millicores that it may not use more of, where it says.
    pub cpu_limit: Option<i64>,
    /// Bytes at which it is killed, where it says.
    pub memory_limit: Option<i64>,
    /// It is an init container that runs beside the others.
    pub is_sidecar: bool,
    /// Bytes to which its options let the heap of a Java virtual machine grow.
    pub java_heap: Option<i64>,
}

/// A port of the node that a pod takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// The address; `0.0.0.0` (also where the spec has none) is every address.
    pub ip: Name,
    /// TCP, UDP or SCTP.
    pub protocol: Name,
    /// 1 to 65535.
    pub port: i32,
}

impl HostPort {
    /// Can the two not be on one node?
    pub fn conflicts(&self, other: &HostPort) -> bool {
        const EVERY_ADDRESS: &str = "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || &*self.ip == EVERY_ADDRESS || &*other.ip == EVERY_ADDRESS)
    }
}

/// One volume of a pod, by what matters for placement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Volume {
    /// A PersistentVolumeClaim of the pod's namespace.
    Claim {
        /** The claim's name. */
        claim: Name,
    },
    /// A generic ephemeral volume: its claim is named `POD-VOLUME` and must be owned by the pod.
    Ephemeral {
        /** The volume's name. */
        volume: Name,
    },
    /// emptyDir.
    EmptyDir {
        /** The volume's name. */
        volume: Name,
        /** It lives in memory. */
        in_memory: bool,
    },
    /// hostPath.
    HostPath {
        /** The volume's name. */
        volume: Name,
    },
    /// An in-tree GCE disk named in the spec.
    GcePersistentDisk {
        /** pdName. */
        name: Name,
        /** readOnly. */
        read_only: bool,
    },
    /// An in-tree EBS volume named in the spec.
    AwsElasticBlockStore {
        /** volumeID. */
        id: Name,
    },
    /// An iSCSI target.
    Iscsi {
        /** The iSCSI qualified name. */
        iqn: Name,
        /** readOnly. */
        read_only: bool,
    },
    /// A Ceph block device.
    Rbd {
        /** Monitors. */
        monitors: Vec<Name>,
        /** Pool. */
        pool: Name,
        /** Image. */
        image: Name,
        /** readOnly. */
        read_only: bool,
    },
    /// Another in-tree volume that migrates to a CSI driver and counts against its limit.
    InTree {
        /** The in-tree plugin, such as `kubernetes.io/azure-disk`. */
        plugin: Name,
        /** The CSI volume handle it becomes. */
        handle: Name,
    },
    /// Anything that does not bear on placement: ConfigMap, Secret, projected, inline CSI, NFS …
    Other,
}

/// The controller of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Such as `apps/v1`.
    pub api_version: Name,
    /// Such as `ReplicaSet`.
    pub kind: Name,
    /// metadata.name.
    pub name: Name,
    /// metadata.uid.
    pub uid: Name,
}

/// status.phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not yet running, bound or not.
    #[default]
    Pending,
    /// Running.
    Running,
    /// Finished well.
    Succeeded,
    /// Finished badly.
    Failed,
    /// The node has not been heard of.
    Unknown,
}

impl Pod {
    /// Succeeded or Failed: it holds nothing any more.
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Waiting for a node.
    pub fn is_unbound(&self) -> bool {
        self.node.is_none() && !self.is_finished()
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Run by a DaemonSet.
    pub fn is_daemon(&self) -> bool {
        self.controller.as_ref().is_some_and(|owner| &*owner.kind == "DaemonSet")
    }

    /// Static: made from a file on its node, with at most a mirror in the API.
    pub fn is_static(&self) -> bool {
        self.annotations.get("kubernetes.io/config.mirror").is_some()
            || self.annotations.get("kubernetes.io/config.source").is_some_and(|source| &**source != "api")
            || self.controller.as_ref().is_some_and(|owner| &*owner.kind == "Node")
    }

    /// Names of the claims it uses, generic ephemeral ones included.
    pub fn claims(&self) -> impl Iterator<Item = Name> + '_ {
        self.spec.volumes.iter().filter_map(|volume| match volume {
            Volume::Claim { claim } => Some(claim.clone()),
            Volume::Ephemeral { volume } => Some(format!("{}-{volume}", self.name).into()),
            _ => None,
        })
    }
}
