//! How risky it is to move one pod, from its workload.

use model::{Method, Pod, Risk, Volume};

use super::Evictable;

/// Restarts from which a pod counts as unsteady.
const MANY_RESTARTS: i64 = 5;
/// A pod this young may still be settling in: ten minutes.
const YOUNG_SECONDS: i64 = 600;
/// Priorities from here on are the system's own (k8s.io/kubernetes/pkg/apis/scheduling, SystemCriticalPriority).
const SYSTEM_CRITICAL: i32 = 2_000_000_000;

impl Evictable<'_> {
    /// The risk of moving a pod with its reasons, most serious first.
    pub fn risk(&self, number: usize) -> (Risk, Vec<String>) {
        let pod: &Pod = &self.snapshot.pods[number];
        let mut reasons: Vec<(Risk, String)> = Vec::new();
        if self.method(number) == Method::Surge {
            reasons.push((Risk::Low, "the only replica: its new pod is ready before it goes".to_owned()));
        } else if self.replicas(pod) <= 1 {
            reasons.push((Risk::High, "the only replica: its workload is down until the new pod is ready".to_owned()));
        }
        if pod.spec.priority >= SYSTEM_CRITICAL {
            reasons.push((Risk::High, format!("priority class {}", pod.spec.priority_class)));
        }
        if pod.controller.as_ref().is_some_and(|owner| &*owner.kind == "StatefulSet") {
            reasons.push((Risk::Medium, "a StatefulSet brings its pods back one by one".to_owned()));
        }
        if pod.claims().next().is_some() {
            reasons.push((Risk::Medium, "its volume must detach and attach again".to_owned()));
        }
        if pod.restarts >= MANY_RESTARTS {
            reasons.push((Risk::Medium, format!("{} restarts so far", pod.restarts)));
        }
        if self.budgets.of(number).is_empty() {
            reasons.push((Risk::Low, "no PodDisruptionBudget watches over it".to_owned()));
        }
        if pod.created.is_some_and(|created| self.snapshot.taken_at.seconds_since(created) < YOUNG_SECONDS) {
            reasons.push((Risk::Low, "younger than ten minutes".to_owned()));
        }
        if pod.spec.volumes.iter().any(|volume| matches!(volume, Volume::EmptyDir { in_memory: false, .. })) {
            reasons.push((Risk::Low, "what it keeps in emptyDir is lost".to_owned()));
        }
        reasons.sort_by_key(|(risk, _)| std::cmp::Reverse(*risk));
        let risk = reasons.first().map_or(Risk::Low, |(risk, _)| *risk);
        (risk, reasons.into_iter().map(|(_, reason)| reason).collect())
    }
}
