//! NodeResourcesFit: room for one pod more, and for what it asks for.

use model::Pod;

use crate::rule::{Rejection, Rule};
use crate::state::State;

pub(super) fn rejects(state: &State, pod: &Pod, node: usize) -> Option<Rejection> {
    let allocatable = &state.nodes[node].node.allocatable;
    let used = &state.nodes[node].used;
    let pods = state.nodes[node].pods.len() as i64;
    if pods + 1 > allocatable.pods {
        let detail = format!("too many pods: {pods} of {} are there", allocatable.pods);
        return Some(Rejection::new(Rule::NodeResourcesFit, detail));
    }
    let asked = &pod.requests;
    lacks("cpu", asked.cpu, allocatable.cpu, used.cpu)
        .or_else(|| lacks("memory", asked.memory, allocatable.memory, used.memory))
        .or_else(|| {
            lacks("ephemeral-storage", asked.ephemeral_storage, allocatable.ephemeral_storage, used.ephemeral_storage)
        })
        .or_else(|| {
            asked.scalar.iter().find_map(|(name, amount)| {
                let used = used.scalar.get(name).copied().unwrap_or(0);
                lacks(name, *amount, allocatable.scalar(name), used)
            })
        })
}

/// Nothing asked for is always there, also where a node is over its capacity.
fn lacks(resource: &str, asked: i64, allocatable: i64, used: i128) -> Option<Rejection> {
    let free = i128::from(allocatable) - used;
    (asked > 0 && i128::from(asked) > free).then(|| {
        Rejection::new(Rule::NodeResourcesFit, format!("insufficient {resource}: {asked} asked for, {free} free"))
    })
}
