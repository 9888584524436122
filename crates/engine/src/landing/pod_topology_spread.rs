//! PodTopologySpread: the fewer pods of its group in the node's domains, the better. Counts over few domains weigh less
//! than those over many.

use super::kind::{Kind, SpreadUse};
use super::{MOST, Scores};

pub(super) fn score(scores: &Scores<'_, '_>, pod: usize, nodes: &[usize]) -> Vec<i64> {
    let kind = scores.kinds.of(pod);
    if kind.spread.is_empty() {
        return vec![0; nodes.len()];
    }
    let taking_part: Vec<bool> = nodes.iter().map(|node| takes_part(scores, kind, *node)).collect();
    let participants: Vec<usize> =
        nodes.iter().zip(&taking_part).filter(|(_, takes_part)| **takes_part).map(|(node, _)| *node).collect();
    let weights: Vec<f64> = kind.spread.iter().map(|one| weight(scores, one, &participants)).collect();
    let counted = |node: usize| {
        let mut sum = 0.0;
        for (constraint, weight) in kind.spread.iter().zip(&weights) {
            if let Some(count) = count(scores, constraint, node) {
                sum += count as f64 * weight + f64::from(constraint.max_skew - 1);
            }
        }
        sum.round() as i64
    };
    let counts: Vec<i64> = participants.iter().map(|node| counted(*node)).collect();
    let (least, most) = (counts.iter().copied().min().unwrap_or(0), counts.iter().copied().max().unwrap_or(0).max(0));
    let mut counts = counts.into_iter();
    let normalized = |count: i64| if most == 0 { MOST } else { MOST * (most + least - count) / most };
    taking_part.iter().map(|takes_part| if *takes_part { counts.next().map_or(0, normalized) } else { 0 }).collect()
}

/// A node without one of the keys scores nothing; with the scheduler's own defaults every node takes part.
fn takes_part(scores: &Scores<'_, '_>, kind: &Kind, node: usize) -> bool {
    !kind.needs_all_keys || kind.spread.iter().all(|one| topology(scores, one).domain(node).is_some())
}

fn topology<'a>(scores: &'a Scores<'_, '_>, constraint: &SpreadUse) -> &'a super::kind::Topology {
    &scores.kinds.topologies[scores.kinds.spread[constraint.group as usize].topology as usize]
}

/// The logarithm of the number of domains among the nodes that take the pod.
fn weight(scores: &Scores<'_, '_>, constraint: &SpreadUse, participants: &[usize]) -> f64 {
    let domains = if scores.kinds.spread[constraint.group as usize].by_node {
        participants.len()
    } else {
        let topology = topology(scores, constraint);
        let mut domains: Vec<u32> = participants.iter().map(|node| topology.domain_or_empty(*node)).collect();
        domains.sort_unstable();
        domains.dedup();
        domains.len()
    };
    ((domains + 2) as f64).ln()
}

/// Pods of the group in the node's domain, where it has the key.
fn count(scores: &Scores<'_, '_>, constraint: &SpreadUse, node: usize) -> Option<i64> {
    let domain = topology(scores, constraint).domain(node)?;
    let by_node = scores.kinds.spread[constraint.group as usize].by_node;
    Some(scores.counts.spread[constraint.group as usize].get(if by_node { node as u32 } else { domain }))
}
