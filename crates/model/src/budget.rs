//! PodDisruptionBudgets, counted as the eviction API counts.

use crate::{LabelSelector, Name, Phase, Pod};

/// One PodDisruptionBudget with its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodDisruptionBudget {
    /// metadata.namespace.
    pub namespace: Name,
    /// metadata.name.
    pub name: Name,
    /// Which pods of the namespace; empty selects all, absent none.
    pub selector: Option<LabelSelector>,
    /// spec.minAvailable or spec.maxUnavailable as written, for people: `minAvailable 80%`.
    pub limit: Name,
    /// spec.unhealthyPodEvictionPolicy.
    pub unhealthy_policy: UnhealthyPodEvictionPolicy,
    /// metadata.generation.
    pub generation: i64,
    /// status.observedGeneration.
    pub observed_generation: i64,
    /// status.disruptionsAllowed.
    pub disruptions_allowed: i64,
    /// status.currentHealthy.
    pub current_healthy: i64,
    /// status.desiredHealthy.
    pub desired_healthy: i64,
    /// status.expectedPods.
    pub expected_pods: i64,
    /// How many entries status.disruptedPods has.
    pub disrupted_pods: i64,
}

/// What a budget says of pods that run but are not ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnhealthyPodEvictionPolicy {
    /// They may go while enough others are healthy; the default.
    #[default]
    IfHealthyBudget,
    /// They may always go.
    AlwaysAllow,
}

/// What the eviction of one pod takes from its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisruptionsSpent {
    /// The budget is not asked.
    None,
    /// One of `status.disruptionsAllowed`.
    One,
}

impl PodDisruptionBudget {
    /// Does the budget cover the pod?
    pub fn covers(&self, pod: &Pod) -> bool {
        self.namespace == pod.namespace && self.selector.as_ref().is_some_and(|selector| selector.matches(&pod.labels))
    }

    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// What the eviction API takes for this pod, which the budget covers
    /// (k8s.io/kubernetes/pkg/registry/core/pod/storage/eviction.go).
    pub fn spends(&self, pod: &Pod) -> DisruptionsSpent {
        if pod.terminating || matches!(pod.phase, Phase::Pending | Phase::Succeeded | Phase::Failed) {
            return DisruptionsSpent::None;
        }
        let unhealthy_may_go = match self.unhealthy_policy {
            UnhealthyPodEvictionPolicy::AlwaysAllow => true,
            UnhealthyPodEvictionPolicy::IfHealthyBudget => {
                self.current_healthy >= self.desired_healthy && self.desired_healthy > 0
            }
        };
        if pod.phase == Phase::Running && !pod.ready && unhealthy_may_go {
            return DisruptionsSpent::None;
        }
        DisruptionsSpent::One
    }
}
