//! Budgets taken away, relaxed, or given.

use model::{LabelSelector, PodDisruptionBudget, Snapshot};

use super::PremiseError;

/// Without the budget: the eviction API asks nobody.
pub(crate) fn remove(snapshot: &mut Snapshot, budget: usize) {
    snapshot.budgets.remove(budget);
}

/// The budget as its controller would have it with `maxUnavailable`.
pub(crate) fn allow(snapshot: &mut Snapshot, budget: usize, most_unavailable: i64) {
    let budget = &mut snapshot.budgets[budget];
    budget.limit = format!("maxUnavailable {most_unavailable}").into();
    budget.desired_healthy = (budget.expected_pods - most_unavailable).max(0);
    budget.disruptions_allowed = (budget.current_healthy - budget.desired_healthy).max(0);
}

/// A budget of `maxUnavailable` 1 over the pods that the selector selects.
pub(crate) fn give(snapshot: &mut Snapshot, namespace: model::Name, name: model::Name, selector: LabelSelector) {
    let mut budget =
        PodDisruptionBudget { namespace, name, selector: Some(selector), ..PodDisruptionBudget::default() };
    let covered = snapshot.pods.iter().filter(|pod| !pod.is_finished() && budget.covers(pod));
    let (mut expected, mut healthy) = (0, 0);
    for pod in covered {
        expected += 1;
        healthy += i64::from(pod.ready && !pod.terminating);
    }
    (budget.expected_pods, budget.current_healthy) = (expected, healthy);
    let key = |budget: &PodDisruptionBudget| (budget.namespace.clone(), budget.name.clone());
    let at = snapshot.budgets.partition_point(|other| key(other) < key(&budget));
    snapshot.budgets.insert(at, budget);
    allow(snapshot, at, 1);
}

/// The premise that there is no such budget.
pub(super) fn without(snapshot: &mut Snapshot, namespace: &str, name: &str) -> Result<Option<String>, PremiseError> {
    let is_meant = |budget: &PodDisruptionBudget| &*budget.namespace == namespace && &*budget.name == name;
    match snapshot.budgets.iter().position(is_meant) {
        Some(at) => {
            remove(snapshot, at);
            Ok(Some(format!("budget {namespace}/{name} is still there")))
        }
        None => {
            let known = snapshot.budgets.iter().map(PodDisruptionBudget::key);
            Err(PremiseError::new(format!("there is no budget {namespace}/{name}"), near(known, namespace)))
        }
    }
}

/// Of `namespace/name` those of this namespace, or all where it has none.
fn near(known: impl Iterator<Item = String>, namespace: &str) -> Vec<String> {
    let all: Vec<String> = known.collect();
    let start = format!("{namespace}/");
    let own: Vec<String> = all.iter().filter(|name| name.starts_with(&start)).cloned().collect();
    if own.is_empty() { all } else { own }
}
