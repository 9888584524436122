//! NodeResourcesFit with its default strategy LeastAllocated: the part of CPU and memory that stays free. Containers that
//! ask for nothing count as if they asked for a little.

use super::{MOST, Scores};

pub(super) fn score(scores: &Scores<'_, '_>, pod: usize, nodes: &[usize]) -> Vec<i64> {
    let snapshot = scores.cluster.snapshot;
    let asked = &snapshot.pods[pod].nonzero_requests;
    let of_node = |node: &usize| {
        let allocatable = &snapshot.nodes[*node].allocatable;
        let [cpu, memory] = scores.counts.nonzero[*node];
        let requested = [
            (cpu.saturating_add(asked.cpu), allocatable.cpu),
            (memory.saturating_add(asked.memory), allocatable.memory),
        ];
        let (mut sum, mut resources) = (0, 0);
        for (requested, allocatable) in requested.into_iter().filter(|(_, allocatable)| *allocatable != 0) {
            sum += free_part(requested, allocatable);
            resources += 1;
        }
        if resources == 0 { 0 } else { sum / resources }
    };
    nodes.iter().map(of_node).collect()
}

fn free_part(requested: i64, allocatable: i64) -> i64 {
    if requested > allocatable {
        return 0;
    }
    (i128::from(allocatable - requested) * i128::from(MOST) / i128::from(allocatable)) as i64
}
