//! Pods that ask for no CPU or no memory: the scheduler packs them blindly, and their cost falls on their neighbours.

use std::collections::BTreeMap;

use model::{Finding, FindingCode, Pod, Severity, Subject};

use super::Ground;
use crate::analyze::nodes::wanted;

#[derive(Default)]
struct Lacking {
    pods: u32,
    cpu: u32,
    memory: u32,
}

pub(super) fn find(ground: &Ground<'_>) -> Vec<Finding> {
    let mut lacking: BTreeMap<Subject, Lacking> = BTreeMap::new();
    // A static pod's file is the node's own business.
    for pod in ground.snapshot.pods.iter().filter(|pod| !pod.is_finished() && !pod.is_static()) {
        let asked = wanted(pod);
        if asked.cpu > 0 && asked.memory > 0 {
            continue;
        }
        let of = lacking.entry(subject(ground, pod)).or_default();
        of.pods += 1;
        of.cpu += u32::from(asked.cpu <= 0);
        of.memory += u32::from(asked.memory <= 0);
    }
    let finding = |(subject, of): (Subject, Lacking)| {
        let message = match (of.cpu, of.memory) {
            (cpu, memory) if cpu == memory && cpu == of.pods => format!("{} for no CPU and no memory", ask(cpu)),
            (cpu, 0) => format!("{} for no CPU", ask(cpu)),
            (0, memory) => format!("{} for no memory", ask(memory)),
            (cpu, memory) => format!("{} for no CPU, {} for no memory", ask(cpu), ask(memory)),
        };
        let mut finding = Finding::new(FindingCode::PodsWithoutRequests, subject, message).severity(Severity::Warning);
        finding.count = of.pods;
        finding.hint("give each container requests for CPU and memory")
    };
    lacking.into_iter().map(finding).collect()
}

fn subject(ground: &Ground<'_>, pod: &Pod) -> Subject {
    match ground.snapshot.workload_of(pod) {
        Some(workload) => Subject::Workload(workload.reference.clone()),
        None => Subject::Pod { namespace: pod.namespace.clone(), name: pod.name.clone() },
    }
}

/// `1 pod asks` or `3 pods ask`.
fn ask(pods: u32) -> String {
    if pods == 1 { "1 pod asks".to_owned() } else { format!("{pods} pods ask") }
}

#[cfg(test)]
mod tests {
    use crate::analyze::testing::{Cluster, GIB};
    use model::FindingCode;

    #[test]
    fn pods_without_requests_are_counted_by_workload_and_of_unknown_cost() {
        let analysis = Cluster::new()
            .node("a", 4_000, 16 * GIB, Some(1.0))
            .workload("w", None)
            .pod("w", "a", 0, 0)
            .pod("w", "a", 0, 0)
            .workload("x", None)
            .pod("x", "a", 100, 0)
            .workload("y", None)
            .pod("y", "a", 100, 100)
            .analyze();
        assert_eq!(
            analysis.of(FindingCode::PodsWithoutRequests),
            [
                "Deployment default/w unknown: 2 pods ask for no CPU and no memory",
                "Deployment default/x unknown: 1 pod asks for no memory",
            ]
        );
    }
}
