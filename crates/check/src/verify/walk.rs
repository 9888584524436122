//! The plan, walked: every wave in list order and in any order, nodes as they empty, and what holds when a wave is over.

use std::borrow::Cow;

use model::node::UNSCHEDULABLE_TAINT;
use model::{AddedNode, Method, Name, Node, Plan, Policy, Snapshot, Taint, TaintEffect};
use rustc_hash::FxHashSet;

use super::claims::SharedClaims;
use super::identity::Step;
use super::pending::PendingRoom;
use super::{daemons, headroom};
use crate::rule::{Fault, Rejection, Rule};
use crate::state::State;

/// Follows the steps from the snapshot with the plan's nodes cordoned and added.
pub(super) fn walk(snapshot: &Snapshot, policy: &Policy, plan: &Plan, steps: &[Step]) -> Vec<Fault> {
    let mut state = start(snapshot, plan);
    let mut going: Vec<usize> = plan.nodes.remove.iter().filter_map(|name| state.node_index(name)).collect();
    going.sort_unstable();
    going.dedup();
    let claims = SharedClaims::new(snapshot);
    let mut pending = PendingRoom::new(snapshot);
    let mut faults = Vec::new();

    let mut waves: Vec<&[Step]> = steps.chunk_by(|one, next| one.migration.wave == next.migration.wave).collect();
    if waves.is_empty() {
        // Nodes that are empty already go without a wave.
        waves.push(&[]);
    }
    for wave in waves {
        let number = wave.first().map_or(0, |step| step.migration.wave);
        let places_before = claims.places(&state);
        faults.extend(arrivals(&mut state, policy, wave));
        for step in wave {
            state.release(step.pod);
        }
        faults.extend(claims.parted(snapshot, &places_before, &claims.places(&state), number));
        let emptied: Vec<usize> = going.iter().copied().filter(|node| is_empty(&state, *node)).collect();
        going.retain(|node| !emptied.contains(node));
        for node in emptied {
            state.remove_node(node);
        }
        faults.extend(pending.check(&mut state, &going, number));
    }
    faults.extend(going.into_iter().map(|node| never_emptied(&state, node)));
    faults
}

/// The snapshot with the nodes to remove cordoned, as the node controller does it, and the added ones with their daemons.
fn start<'a>(snapshot: &'a Snapshot, plan: &'a Plan) -> State<'a> {
    let removed: FxHashSet<&Name> = plan.nodes.remove.iter().collect();
    let goes = |node: &Node| removed.contains(&node.name);
    let kept_or_cordoned =
        snapshot.nodes.iter().map(|node| if goes(node) { Cow::Owned(cordoned(node)) } else { Cow::Borrowed(node) });
    with_added(snapshot, kept_or_cordoned.collect(), &plan.nodes.add)
}

/// The snapshot's nodes, as they are given, and these beside them, each with its daemons.
pub(crate) fn with_added<'a>(
    snapshot: &'a Snapshot,
    mut nodes: Vec<Cow<'a, Node>>,
    added: &'a [AddedNode],
) -> State<'a> {
    nodes.extend(added.iter().map(|added| Cow::Borrowed(&added.node)));
    let models = daemons::models(snapshot);
    let more = added.iter().flat_map(|added| daemons::expected(&models, &added.node)).collect();
    State::with(snapshot, nodes, more)
}

fn cordoned(node: &Node) -> Node {
    let mut node = node.clone();
    node.unschedulable = true;
    let taint = Taint { key: Name::from(UNSCHEDULABLE_TAINT), value: Name::default(), effect: TaintEffect::NoSchedule };
    if !node.taints.iter().any(|have| have.key == taint.key && have.effect == taint.effect) {
        node.taints.push(taint);
    }
    node
}

/// Every arrival of a wave: as the list has it, and in any order. Afterwards all old pods still hold what they held,
/// and all replacements are there.
fn arrivals(state: &mut State, policy: &Policy, wave: &[Step]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut refused = vec![false; wave.len()];
    for (step, refused) in wave.iter().zip(&mut refused) {
        state.relabel(step.pod, step.to);
        if let Some(rejection) = rejects(state, step) {
            *refused = true;
            faults.push(fault_at(step, rejection.rule, rejection.detail));
        }
        state.replace(step.pod, step.to);
    }
    for step in wave {
        state.doubt(step.pod);
    }
    for (step, refused) in wave.iter().zip(refused) {
        if refused {
            continue;
        }
        if let Some(rejection) = rejects(state, step) {
            let message = format!("in another order of wave {}: {}", step.migration.wave, rejection.detail);
            faults.push(fault_at(step, rejection.rule, message));
            continue;
        }
        if let Some(rejection) = headroom::lacks(state, step.pod, step.to, policy.headroom_per_mille) {
            faults.push(fault_at(step, rejection.rule, rejection.detail));
        }
    }
    faults
}

/// Of a surge the old pod is there until the new one is ready.
fn rejects(state: &mut State, step: &Step) -> Option<Rejection> {
    match step.migration.method {
        Method::Evict => state.rejects(step.pod, step.to),
        Method::Surge => state.rejects_beside(step.pod, step.to),
    }
}

fn fault_at(step: &Step, rule: Rule, message: String) -> Fault {
    Fault::new(rule, message).at_step(step.at, step.migration).on_node(&step.migration.to_node)
}

/// Nothing but DaemonSet and static pods is left.
fn is_empty(state: &State, node: usize) -> bool {
    state.nodes[node].pods.iter().map(|pod| &state.pods[*pod].pod).all(|pod| pod.is_daemon() || pod.is_static())
}

fn never_emptied(state: &State, node: usize) -> Fault {
    let left: Vec<String> = state.nodes[node]
        .pods
        .iter()
        .map(|pod| &state.pods[*pod].pod)
        .filter(|pod| !pod.is_daemon() && !pod.is_static())
        .map(|pod| pod.key())
        .collect();
    let (first, more) = (left.first().cloned().unwrap_or_default(), left.len().saturating_sub(1));
    let message = match more {
        0 => format!("the node is never emptied: {first} stays"),
        _ => format!("the node is never emptied: {first} and {more} more stay"),
    };
    Fault::new(Rule::RemovedNode, message).on_node(&state.nodes[node].node.name)
}
