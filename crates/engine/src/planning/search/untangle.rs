//! Pods of one class are as good as one another: of those that a node holds at the end, its own stay.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::planning::placement::Placement;
use crate::planning::problem::Kind;

use super::is_free;

/// Exchanges pods of a class, of these, so that as many as can be are where they were. Every node holds as many of each
/// class as before.
pub(super) fn untangle(placement: &mut Placement<'_>, pods: impl IntoIterator<Item = u32>) {
    let problem = placement.problem;
    let cluster = problem.cluster;
    let mut by_kind: BTreeMap<Kind, Vec<u32>> = BTreeMap::new();
    for number in pods {
        let pod = number as usize;
        let compiled = &cluster.pods[pod];
        let is_placed = placement.at[pod].is_some();
        if is_placed && compiled.held_extra.is_empty() && !compiled.terminating && is_free(problem, number) {
            by_kind.entry(problem.kind_of(pod)).or_default().push(number);
        }
    }
    for pods in by_kind.values() {
        if !pods.iter().any(|pod| has_moved(placement, *pod)) {
            continue;
        }
        let mut places: FxHashMap<u32, usize> = FxHashMap::default();
        let mut in_order: Vec<u32> = pods.iter().filter_map(|pod| placement.at[*pod as usize]).collect();
        in_order.sort_unstable();
        in_order.iter().for_each(|node| *places.entry(*node).or_insert(0) += 1);
        let mut chosen: Vec<(u32, u32)> = Vec::new();
        let mut others: Vec<u32> = Vec::new();
        for pod in pods {
            let home = cluster.pods[*pod as usize].node;
            match home.and_then(|home| places.get_mut(&home)).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    chosen.extend(home.map(|home| (*pod, home)));
                }
                None => others.push(*pod),
            }
        }
        in_order.retain(|node| match places.get_mut(node).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                true
            }
            None => false,
        });
        let class = cluster.class_of(pods[0] as usize);
        // Such a move is legal whatever else moves: whoever can stay near does, before others take what is left.
        let is_near = |pod: u32, node: u32| {
            let home = cluster.pods[pod as usize].node.map(|home| home as usize);
            home.is_some_and(|home| problem.is_near(pod as usize, class, home, node as usize))
        };
        others.retain(|pod| match in_order.iter().position(|node| is_near(*pod, *node)) {
            Some(near) => {
                chosen.push((*pod, in_order.remove(near)));
                false
            }
            None => true,
        });
        chosen.extend(others.into_iter().zip(in_order));
        let changed: Vec<(u32, u32)> =
            chosen.into_iter().filter(|(pod, node)| placement.at[*pod as usize] != Some(*node)).collect();
        for (pod, _) in &changed {
            placement.lift(*pod as usize);
        }
        for (pod, node) in changed {
            placement.set(pod as usize, node as usize);
        }
    }
}

fn has_moved(placement: &Placement<'_>, pod: u32) -> bool {
    placement.at[pod as usize] != placement.problem.cluster.pods[pod as usize].node
}
