//! The rules by name, and what breaking one looks like.

use std::fmt;

use model::Name;

/// Every rule that this crate checks. The names are stable: machines and tests read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    // kube-scheduler's filters, by the names of its plugins. NodeName is missing: a pod as if pending names no node.
    /// The node is cordoned.
    NodeUnschedulable,
    /// A taint of the node is not tolerated.
    TaintToleration,
    /// Node selector or required node affinity.
    NodeAffinity,
    /// A host port is taken.
    NodePorts,
    /// Too little of a resource, or too many pods.
    NodeResourcesFit,
    /// An in-tree disk or a ReadWriteOncePod claim is in use.
    VolumeRestrictions,
    /// More volumes than the node's drivers can attach.
    NodeVolumeLimits,
    /// A volume cannot be reached from, bound or made for the node.
    VolumeBinding,
    /// A volume lies in another zone or region.
    VolumeZone,
    /// Topology spread.
    PodTopologySpread,
    /// Pod affinity or anti-affinity, in either direction.
    InterPodAffinity,
    /// Resource claims, which are not modelled: no node takes such a pod.
    DynamicResources,
    /// The node does not declare a feature that the pod needs.
    NodeDeclaredFeatures,

    // What a plan says of itself.
    /// A step names a pod that is not there, or another one of that name.
    PodIdentity,
    /// A step names a node that the pod is not on.
    PodOrigin,
    /// A step names another workload than the pod's.
    PodWorkload,
    /// A pod moves more than once.
    MovesOnce,
    /// Waves start at 1, never decrease and never skip.
    WaveOrder,
    /// The target is unknown, is where the pod is, goes away, or cannot be relied upon.
    TargetNode,
    /// A node to remove is not there, named twice, or never emptied.
    RemovedNode,
    /// A node to remove must stay: an annotation, the control plane, or something unreadable.
    KeptNode,
    /// A node without a price is removed.
    UnpricedNode,
    /// An added node is not described well enough to be relied upon.
    AddedNode,
    /// The figures do not follow from the plan.
    Summary,
    /// The certificate does not prove the lower bound.
    LowerBound,

    // What a plan may do.
    /// The pod may not be evicted.
    NotEvictable,
    /// The step has the new pod come up first, which the pod's controller would not do, or not for this pod alone.
    CannotSurge,
    /// A wave takes more from a budget than it allows.
    BudgetExceeded,
    /// More than one budget covers the pod: the eviction API refuses.
    BudgetDoubled,
    /// A wave takes more than a quarter of the ready replicas of a workload without a budget.
    WorkloadQuarter,
    /// A wave takes all ready pods of a workload that has several.
    LastReadyPod,
    /// A wave leaves a workload in fewer zones, or empties several of its zones at once.
    ZonesSurvived,
    /// A wave moves more pods than the policy allows.
    WaveSize,
    /// A wave takes pods of one workload from more nodes than the policy allows.
    WaveNodes,
    /// The plan moves more pods than the policy allows.
    PlanSize,
    /// The plan saves less than the policy wants, in all or for each pod that moves.
    Savings,
    /// A pod of several replicas leaves its zone, where the policy keeps zones.
    ZoneKept,
    /// Two users of one ReadWriteOnce claim end a wave apart.
    SharedClaim,
    /// The target is left with less free than the policy's headroom.
    Headroom,
    /// A pod that is pending now loses the room it had.
    PendingRoom,
}

/// The rule's stable name.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a node does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The first filter that refuses, in the scheduler's order.
    pub rule: Rule,
    /// A sentence for people, lower case, no dot.
    pub detail: String,
}

impl Rejection {
    pub(crate) fn new(rule: Rule, detail: impl Into<String>) -> Rejection {
        Rejection { rule, detail: detail.into() }
    }
}

/// One place where a plan breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The step, counted from 0, where one step is at fault.
    pub step: Option<usize>,
    /// The wave, where the fault belongs to one.
    pub wave: Option<u32>,
    /// The pod as `namespace/name`.
    pub pod: Option<String>,
    /// The node concerned.
    pub node: Option<Name>,
    /// The rule broken.
    pub rule: Rule,
    /// A sentence for people, lower case, no dot.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(rule: Rule, message: impl Into<String>) -> Fault {
        Fault { step: None, wave: None, pod: None, node: None, rule, message: message.into() }
    }

    pub(crate) fn in_wave(self, wave: u32) -> Fault {
        Fault { wave: Some(wave), ..self }
    }

    pub(crate) fn of_pod(self, pod: String) -> Fault {
        Fault { pod: Some(pod), ..self }
    }

    pub(crate) fn on_node(self, node: &Name) -> Fault {
        Fault { node: Some(node.clone()), ..self }
    }

    pub(crate) fn at_step(self, step: usize, migration: &model::Migration) -> Fault {
        Fault {
            step: Some(step),
            wave: Some(migration.wave),
            pod: Some(format!("{}/{}", migration.namespace, migration.pod)),
            ..self
        }
    }
}

/// `step 4, wave 2, pod web/api-1, node a-17: NodeResourcesFit: …`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut place = Vec::new();
        place.extend(self.step.map(|step| format!("step {}", step + 1)));
        place.extend(self.wave.map(|wave| format!("wave {wave}")));
        place.extend(self.pod.as_ref().map(|pod| format!("pod {pod}")));
        place.extend(self.node.as_ref().map(|node| format!("node {node}")));
        if place.is_empty() {
            place.push("plan".to_owned());
        }
        write!(f, "{}: {}: {}", place.join(", "), self.rule, self.message)
    }
}
