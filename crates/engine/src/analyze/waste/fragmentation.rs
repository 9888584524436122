//! Room that is free and of no use: the other resource or the pod count is exhausted, or what is left on the node is less
//! than the median pod asks for.

use model::{Finding, FindingCode, Subject};

use super::{Ground, percent};
use crate::analyze::nodes::{is_of_its_node, wanted};

/// A node of which less than this is stranded is simply full.
const LEAST_STRANDED: f64 = 0.1;

/// What the typical pod asks for: the median of each resource over pods that could go anywhere and ask for it.
pub(super) struct MedianPod {
    cpu: i64,
    memory: i64,
}

pub(super) fn find(ground: &Ground<'_>) -> Vec<Finding> {
    let Some(median) = median_pod(ground) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (at, node) in ground.nodes_in_service().filter(|(at, _)| !ground.is_idle(*at)) {
        let Some((exhausted, stranded)) = stranded(ground, at, &median).filter(|_| !node.unschedulable) else {
            continue;
        };
        let message = format!(
            "{} of it is free but of no use to the median pod ({}m CPU, {} MiB): {exhausted} exhausted",
            percent(stranded),
            median.cpu,
            median.memory >> 20,
        );
        let finding = Finding::new(FindingCode::Fragmentation, Subject::Node(node.name.clone()), message);
        findings.push(finding.costing(ground.placement.costs[at].idle_cpu_and_memory()));
    }
    findings
}

/// What is exhausted on the node, and what part of the node that strands; nothing where the median pod still fits.
pub(super) fn stranded(ground: &Ground<'_>, at: usize, median: &MedianPod) -> Option<(String, f64)> {
    let node = &ground.nodes[at];
    let free = |there: i64, asked: i64| there.saturating_sub(asked).max(0);
    let mut exhausted = Vec::new();
    if free(node.allocatable.cpu, node.requested.cpu) < median.cpu {
        exhausted.push("CPU");
    }
    if free(node.allocatable.memory, node.requested.memory) < median.memory {
        exhausted.push("memory");
    }
    if free(node.allocatable.pods, node.requested.pods) == 0 {
        exhausted.push("the pod count");
    }
    let stranded = ground.placement.costs[at].free_cpu_and_memory()?;
    let verb = if exhausted.len() == 1 { "is" } else { "are" };
    (!exhausted.is_empty() && stranded >= LEAST_STRANDED)
        .then(|| (format!("{} {verb}", exhausted.join(" and ")), stranded))
}

pub(super) fn median_pod(ground: &Ground<'_>) -> Option<MedianPod> {
    let pods = || ground.snapshot.pods.iter().filter(|pod| !pod.is_finished() && !is_of_its_node(pod)).map(wanted);
    let cpu = median(pods().map(|pod| pod.cpu));
    let memory = median(pods().map(|pod| pod.memory));
    // Where nobody asks for a resource it cannot run out.
    (cpu.is_some() || memory.is_some()).then(|| MedianPod { cpu: cpu.unwrap_or(0), memory: memory.unwrap_or(0) })
}

/// The lower median of the amounts above zero.
fn median(amounts: impl Iterator<Item = i64>) -> Option<i64> {
    let mut amounts: Vec<i64> = amounts.filter(|amount| *amount > 0).collect();
    let middle = amounts.len().checked_sub(1)? / 2;
    Some(*amounts.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use crate::analyze::testing::{Cluster, GIB};
    use model::FindingCode;

    #[test]
    fn cpu_is_stranded_where_memory_is_exhausted() {
        let analysis = Cluster::new()
            .node("a", 4_000, 8 * GIB, Some(1.0))
            .workload("w", None)
            .pod("w", "a", 500, 4 * GIB)
            .pod("w", "a", 500, 4 * GIB)
            .analyze();
        let found = analysis.of(FindingCode::Fragmentation);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].ends_with("free but of no use to the median pod (500m CPU, 4096 MiB): memory is exhausted"),
            "{found:?}"
        );
        assert!(analysis.of(FindingCode::OversizedNode).is_empty());
    }

    #[test]
    fn room_is_stranded_where_the_pod_count_is_exhausted() {
        let analysis = Cluster::new()
            .node("a", 4_000, 16 * GIB, Some(1.0))
            .at_most_pods(1)
            .workload("w", None)
            .pod("w", "a", 100, GIB)
            .analyze();
        let found = analysis.of(FindingCode::Fragmentation);
        assert!(found[0].ends_with("the pod count is exhausted"), "{found:?}");
    }

    #[test]
    fn a_full_node_and_a_roomy_one_are_not_fragmented() {
        let analysis = Cluster::new()
            .node("full", 4_000, 16 * GIB, Some(1.0))
            .node("roomy", 4_000, 16 * GIB, Some(1.0))
            .workload("w", None)
            .pod("w", "full", 3_900, 15 * GIB)
            .pod("w", "roomy", 500, GIB)
            .pod("w", "roomy", 500, GIB)
            .analyze();
        assert!(analysis.of(FindingCode::Fragmentation).is_empty());
    }
}
