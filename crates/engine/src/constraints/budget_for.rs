//! The budget that a workload without one could have.

use model::{LabelSelector, Labels, Name, Requirement, SelectorOperator, Snapshot};

/// Labels that tell the pods of one workload apart, or that binding to a node gave them.
const OF_ONE_POD: [&str; 8] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "rollouts-pod-template-hash",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// What selects the workload's pods and no others: the labels that they share; none where there is no such selector, or
/// where a budget of the workload's name is there already.
pub(super) fn selector(snapshot: &Snapshot, workload: u32) -> Option<(LabelSelector, Labels)> {
    let reference = &snapshot.workloads.get(workload as usize)?.reference;
    let is_taken =
        snapshot.budgets.iter().any(|budget| budget.namespace == reference.namespace && budget.name == reference.name);
    let mut pods = snapshot.pods.iter().filter(|pod| pod.workload == Some(workload) && !pod.is_finished());
    let first = pods.next().filter(|_| !is_taken)?;
    let mut shared: Vec<(Name, Name)> = first
        .labels
        .iter()
        .filter(|(key, _)| !OF_ONE_POD.contains(&&***key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for pod in pods {
        shared.retain(|(key, value)| pod.labels.get(key) == Some(value));
    }
    let equals = |(key, value): &(Name, Name)| Requirement {
        key: key.clone(),
        operator: SelectorOperator::In,
        values: vec![value.clone()],
    };
    let selector = LabelSelector { requirements: shared.iter().map(equals).collect() };
    let selects_others = snapshot.pods.iter().any(|pod| {
        pod.namespace == reference.namespace && pod.workload != Some(workload) && selector.matches(&pod.labels)
    });
    (!selector.is_empty() && !selects_others).then(|| (selector, Labels::new(shared)))
}
