//! NodeResourcesBalancedAllocation: how much nearer to one another the pod brings the parts of CPU and memory in use.

use super::{MOST, Scores};

pub(super) fn score(scores: &Scores<'_, '_>, pod: usize, nodes: &[usize]) -> Vec<i64> {
    let snapshot = scores.cluster.snapshot;
    let asked = &snapshot.pods[pod].requests;
    if asked.cpu == 0 && asked.memory == 0 {
        return vec![0; nodes.len()];
    }
    let of_node = |node: &usize| {
        let room = &snapshot.nodes[*node].allocatable;
        let allocatable = [room.cpu, room.memory];
        let [cpu, memory] = scores.counts.requested[*node];
        let with = balance([cpu.saturating_add(asked.cpu), memory.saturating_add(asked.memory)], allocatable);
        let without = balance([cpu, memory], allocatable);
        MOST / 2 + (MOST / 2 + with - without) / 2
    };
    nodes.iter().map(of_node).collect()
}

/// 100 where the parts in use are equal, 50 where they are as far apart as can be.
fn balance(requested: [i64; 2], allocatable: [i64; 2]) -> i64 {
    let part = |at: usize| (requested[at] as f64 / allocatable[at] as f64).min(1.0);
    let deviation = if allocatable.contains(&0) { 0.0 } else { ((part(0) - part(1)) / 2.0).abs() };
    ((1.0 - deviation) * MOST as f64) as i64
}
