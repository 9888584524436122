//! PodDisruptionBudget.

use model::{PodDisruptionBudget, UnhealthyPodEvictionPolicy};

use super::Unreadable;
use super::labels::optional_selector;
use crate::intern::Interner;
use crate::wire;

pub(crate) fn budget(
    budget: &wire::policy::PodDisruptionBudget,
    interner: &Interner,
) -> Result<PodDisruptionBudget, Unreadable> {
    let (meta, spec, status) = (&budget.metadata, &budget.spec, &budget.status);
    let limit = match (&spec.min_available, &spec.max_unavailable) {
        (Some(amount), _) => format!("minAvailable {amount}"),
        (None, Some(amount)) => format!("maxUnavailable {amount}"),
        (None, None) => String::new(),
    };
    let unhealthy_policy = match spec.unhealthy_pod_eviction_policy.as_deref() {
        Some("AlwaysAllow") => UnhealthyPodEvictionPolicy::AlwaysAllow,
        // The eviction API takes policies it does not know as the default too.
        _ => UnhealthyPodEvictionPolicy::IfHealthyBudget,
    };
    Ok(PodDisruptionBudget {
        namespace: interner.name(&meta.namespace),
        name: interner.name(&meta.name),
        selector: optional_selector(spec.selector.as_ref(), interner, "spec.selector")?,
        limit: interner.name(&limit),
        unhealthy_policy,
        generation: meta.generation,
        observed_generation: status.observed_generation,
        disruptions_allowed: status.disruptions_allowed,
        current_healthy: status.current_healthy,
        desired_healthy: status.desired_healthy,
        expected_pods: status.expected_pods,
        disrupted_pods: i64::try_from(status.disrupted_pods.0.len()).unwrap_or(i64::MAX),
    })
}
