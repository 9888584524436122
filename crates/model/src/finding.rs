//! Why something is as it is: every pod not moved, every node kept, every object not read has its typed reason.

use crate::{Name, UsdPerHour, WorkloadRef};

/// One thing worth knowing, with what it concerns and, where it costs money, how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of finding.
    pub code: FindingCode,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// A sentence for people, lower case, no dot.
    pub message: String,
    /// What it costs, where that is known and it costs anything.
    pub usd_per_hour: Option<UsdPerHour>,
    /// How many alike are grouped here, 1 for a single one.
    pub count: u32,
    /// What to do about it, where we know.
    pub hint: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// The answer is less than it could be.
    Warning,
    /// Something is wrong with the input.
    Error,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The whole cluster or input.
    Cluster,
    /// A node.
    Node(Name),
    /// A pod.
    Pod {
        /// metadata.namespace.
        namespace: Name,
        /// metadata.name.
        name: Name,
    },
    /// A workload.
    Workload(WorkloadRef),
    /// Any other object, and where it was read.
    Object {
        /// Its kind, where known.
        kind: String,
        /// `namespace/name` or name, where known.
        name: String,
        /// The file and place, such as `pods.json item 12`.
        source: String,
    },
}

/// Declares the codes and the list of them all, so that neither can lack one.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident,)*) => {
        /// The codes, stable for machines.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $($(#[$doc])* $code,)*
        }

        /// All codes, in order.
        const CODES: &[FindingCode] = &[$(FindingCode::$code),*];
    };
}

codes! {
    /// An object could not be read.
    UnreadableObject,
    /// A second object of the same kind and name; the later one is dropped.
    DuplicateObject,
    /// A kind is not in the input or not served.
    MissingKind,
    /// A right is missing.
    MissingRight,
    /// A pod names a node that is not there.
    PodOnMissingNode,
    /// Owners form a circle.
    OwnerCycle,
    /// A node can hold nothing.
    NodeWithoutAllocatable,
    /// A price row could not be used.
    BadPrice,
    /// A node has no price.
    UnknownPrice,

    // Why a pod is not moved.
    /// It has no controller that would make it anew.
    BarePod,
    /// It is static or the mirror of a static pod.
    StaticPod,
    /// A DaemonSet runs it.
    DaemonSetPod,
    /// A Job runs it.
    JobPod,
    /// It is being deleted.
    TerminatingPod,
    /// An annotation forbids it.
    AnnotationForbids,
    /// Its budget allows no disruption.
    BudgetExhausted,
    /// More than one budget covers it: the eviction API refuses.
    BudgetDoubled,
    /// Its budget's status is not current.
    BudgetNotObserved,
    /// Its owner is in the middle of a rollout.
    RolloutInProgress,
    /// Its owner is gone.
    OwnerGone,
    /// No replica of its workload is ready.
    NoReadyReplica,
    /// A hostPath volume.
    HostPathVolume,
    /// A volume that lives on one node.
    NodeLocalVolume,
    /// It tolerates a cordon, so it could come back.
    ToleratesCordon,
    /// It uses resource claims, which we do not model.
    ResourceClaims,
    /// It belongs to a gang, which we do not model.
    GangScheduled,
    /// Another scheduler places it.
    OtherScheduler,
    /// It waits behind a scheduling gate.
    SchedulingGated,
    /// A kube-system pod without a budget.
    SystemPodWithoutBudget,
    /// A kube-system pod, where the policy keeps them all.
    SystemPod,
    /// emptyDir, where the policy keeps such pods.
    EmptyDirVolume,
    /// Its workload has fewer replicas than the policy wants.
    FewReplicas,
    /// It is younger than the policy wants.
    TooYoung,
    /// Its move would be of higher risk than the policy allows.
    TooRisky,
    /// No budget, where the policy keeps such pods.
    WithoutBudget,
    /// The policy protects its namespace.
    ProtectedNamespace,
    /// The policy protects its workload.
    ProtectedWorkload,
    /// A claim of it is missing or cannot be bound elsewhere.
    ClaimNotMovable,
    /// No other node passes every filter.
    NoFeasibleNode,
    /// It could go elsewhere, but only by breaking a rule on the way.
    NoLegalOrder,

    // Why a node stays.
    /// Its pods do not all fit on the nodes that stay.
    PodsDoNotFit,
    /// A pod on it may not be evicted.
    PodNotEvictable,
    /// It receives pods in this plan.
    ReceivesPods,
    /// It keeps room for pods that are pending now.
    PendingPods,
    /// It has no price, so nothing says that removing it saves.
    NodeUnpriced,
    /// An annotation on the node forbids it.
    NodeAnnotationForbids,
    /// The policy protects it.
    ProtectedNode,
    /// It is not ready.
    NodeNotReady,
    /// It belongs to the control plane.
    ControlPlaneNode,
    /// Something on it could not be read.
    NodeUnreadable,
    /// Removing it saves nothing.
    NothingSaved,
    /// It could go, but more pods would move than the policy allows.
    MoveLimit,
    /// It could go, but that saves less for each move than the policy wants.
    TooLittleSavedPerMove,
    /// A plan could be made, but it saves less than the policy wants.
    TooLittleSaved,
    /// It could go, but its pods would lose preferences that are worth more.
    PreferencesCostMore,
    /// What pods that move lose and gain of what they prefer.
    PreferencesChanged,

    // What analyze notices.
    /// A node with nothing but daemons.
    IdleNode,
    /// Free room that no pending or typical pod can use.
    Fragmentation,
    /// Pods that ask for nothing.
    PodsWithoutRequests,
    /// A node far larger than what runs on it.
    OversizedNode,
    /// A volume that nobody uses.
    OrphanedVolume,
    /// A workload that nobody uses.
    AbandonedWorkload,
    /// A workload that uses less than 30 % of what it asks for.
    OverProvisioned,
    /// Pods that are pending now.
    PodsPending,
    /// Karpenter or another autoscaler has its own pauses; we plan all the same.
    AutoscalerPresent,
}

impl FindingCode {
    /// The name as Kubernetes writes reasons: CamelCase.
    pub fn as_str(self) -> String {
        format!("{self:?}")
    }

    /// The code of this name.
    pub fn parse(name: &str) -> Option<FindingCode> {
        CODES.iter().copied().find(|code| code.as_str() == name)
    }
}

impl Finding {
    /// A finding of severity info with no cost and no hint.
    pub fn new(code: FindingCode, subject: Subject, message: impl Into<String>) -> Finding {
        Finding {
            code,
            severity: Severity::Info,
            subject,
            message: message.into(),
            usd_per_hour: None,
            count: 1,
            hint: None,
        }
    }

    /// With this severity.
    pub fn severity(self, severity: Severity) -> Finding {
        Finding { severity, ..self }
    }

    /// With this cost.
    pub fn costing(self, usd_per_hour: Option<UsdPerHour>) -> Finding {
        Finding { usd_per_hour, ..self }
    }

    /// With this advice.
    pub fn hint(self, hint: impl Into<String>) -> Finding {
        Finding { hint: Some(hint.into()), ..self }
    }
}
