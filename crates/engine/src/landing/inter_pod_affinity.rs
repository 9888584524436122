//! InterPodAffinity: the weights of preferred terms that hold, the pod's own and those of pods that are there, less those
//! of anti-affinity. A required affinity of a pod that is there counts as a preferred one of weight 1.

use super::counts::ByDomain;
use super::{MOST, Scores};

pub(super) fn score(scores: &Scores<'_, '_>, pod: usize, nodes: &[usize]) -> Vec<i64> {
    let kind = scores.kinds.of(pod);
    if kind.prefers.is_empty() && kind.wanted_by.is_empty() {
        return vec![0; nodes.len()];
    }
    let of_node = |node: &usize| {
        let at = |counts: &[ByDomain], term: u32| {
            let topology = &scores.kinds.topologies[scores.kinds.terms[term as usize] as usize];
            topology.domain(*node).map_or(0, |domain| counts[term as usize].get(domain))
        };
        let own: i64 = kind.prefers.iter().map(|(term, weight)| weight * at(&scores.counts.selected, *term)).sum();
        own + kind.wanted_by.iter().map(|term| at(&scores.counts.held, *term)).sum::<i64>()
    };
    let mut sums: Vec<i64> = nodes.iter().map(of_node).collect();
    let least = sums.iter().copied().min().unwrap_or(0);
    let span = sums.iter().copied().max().unwrap_or(0) - least;
    for sum in &mut sums {
        // In this order, as each step rounds.
        *sum = if span > 0 { (MOST as f64 * ((*sum - least) as f64 / span as f64)) as i64 } else { 0 };
    }
    sums
}
