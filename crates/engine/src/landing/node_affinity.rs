//! NodeAffinity: the weights of the preferred terms that the node meets, summed.

use super::Scores;
use super::normalize::{Best, in_parts_of_largest};

pub(super) fn score(scores: &Scores<'_, '_>, pod: usize, nodes: &[usize]) -> Vec<i64> {
    let Some(preferred) = scores.kinds.of(pod).preferred_nodes else { return vec![0; nodes.len()] };
    let by_node = &scores.kinds.preferred_nodes[preferred as usize];
    let mut counts: Vec<i64> = nodes.iter().map(|node| by_node[*node]).collect();
    in_parts_of_largest(&mut counts, Best::Most);
    counts
}
