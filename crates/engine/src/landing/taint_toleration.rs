//! TaintToleration: the fewer PreferNoSchedule taints that the pod does not tolerate, the better.

use model::{Node, PodSpec, TaintEffect};

use super::Scores;
use super::normalize::{Best, in_parts_of_largest};

pub(super) fn score(scores: &Scores<'_, '_>, pod: usize, nodes: &[usize]) -> Vec<i64> {
    let snapshot = scores.cluster.snapshot;
    let spec = &snapshot.pods[pod].spec;
    let mut counts: Vec<i64> = nodes.iter().map(|node| untolerated(spec, &snapshot.nodes[*node])).collect();
    in_parts_of_largest(&mut counts, Best::Least);
    counts
}

/// How many PreferNoSchedule taints of the node the pod does not tolerate.
pub(crate) fn untolerated(spec: &PodSpec, node: &Node) -> i64 {
    let effect = TaintEffect::PreferNoSchedule;
    let soft = node.taints.iter().filter(|taint| taint.effect == effect);
    soft.filter(|taint| !spec.tolerations.iter().any(|one| one.tolerates(&taint.key, &taint.value, effect))).count()
        as i64
}
