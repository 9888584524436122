//! What a plan may do: the safety threshold and its limits.

/// The limits that a plan keeps. The defaults are those of the threshold `medium`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Part of each node's allocatable CPU and memory to leave free, in thousandths: 50 is 5 %.
    pub headroom_per_mille: u32,
    /// Pods with emptyDir volumes stay.
    pub keep_empty_dir: bool,
    /// Pods of workloads with a single replica stay.
    pub keep_single_replicas: bool,
    /// Pods without a budget stay.
    pub keep_without_budget: bool,
    /// Pods of kube-system stay, with a budget or without.
    pub keep_kube_system: bool,
    /// Seconds expected between a pod's eviction and its replacement's readiness, beside its grace period.
    pub start_up_seconds: i64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            headroom_per_mille: 0,
            keep_empty_dir: false,
            keep_single_replicas: false,
            keep_without_budget: false,
            keep_kube_system: false,
            start_up_seconds: 60,
        }
    }
}
