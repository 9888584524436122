//! Headroom: what an arrival must leave free on its target.

use crate::rule::{Rejection, Rule};
use crate::state::State;

/// With the pod on the node and all that holds room there, is less left than the policy wants? Only of what the pod
/// adds to is anything asked.
pub(super) fn lacks(state: &State, pod: usize, node: usize, per_mille: u32) -> Option<Rejection> {
    let requests = &state.pods[pod].pod.requests;
    let node = &state.nodes[node];
    let kinds = [
        ("cpu", requests.cpu, node.node.allocatable.cpu, node.used.cpu),
        ("memory", requests.memory, node.node.allocatable.memory, node.used.memory),
    ];
    for (kind, asked, allocatable, used) in kinds {
        let left = i128::from(allocatable) - used;
        if asked > 0 && left * 1_000 < i128::from(allocatable) * i128::from(per_mille) {
            let detail = format!("{left} of {allocatable} {kind} would be left, {per_mille} per mille are wanted");
            return Some(Rejection::new(Rule::Headroom, detail));
        }
    }
    None
}
