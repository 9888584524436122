//! How risky a step is, by what can be seen of its pod and workload.

use model::{Method, Pod, Risk};

use super::Evictions;

/// High where a service may go down, medium where a pod is slow or unsteady to come back, else low.
pub(super) fn of(evictions: &Evictions<'_>, pod: &Pod, method: Method) -> Risk {
    /// system-cluster-critical; only it and system-node-critical are as high.
    const SYSTEM_CLUSTER_CRITICAL: i32 = 2_000_000_000;
    /// So many restarts make a pod unsteady.
    const UNSTEADY: i64 = 5;

    let is_only_replica = method == Method::Evict && evictions.replicas(pod).is_none_or(|replicas| replicas < 2);
    if is_only_replica || pod.spec.priority >= SYSTEM_CLUSTER_CRITICAL {
        return Risk::High;
    }
    let is_stateful = pod.controller.as_ref().is_some_and(|controller| &*controller.kind == "StatefulSet");
    let attaches_volumes = pod.claims().count() > 0;
    if is_stateful || attaches_volumes || pod.restarts >= UNSTEADY { Risk::Medium } else { Risk::Low }
}
