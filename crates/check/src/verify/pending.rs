//! Room for pods that are pending now: those that had a node to go to keep one.
//!
//! Which pods fit together is a packing question; a greedy answer can miss a packing that exists. So at the start
//! several ways of placing them are tried, each giving a set of pods that had room, and a wave breaks the rule only
//! where none of these sets finds room again, each in several orders. What the planner keeps to comes first among both:
//! the queue in its order, each pod on the fullest node that takes it.

use std::cmp::Reverse;

use model::Snapshot;
use rustc_hash::FxHashSet;

use crate::rule::{Fault, Rule};
use crate::state::{NodeState, State};

pub(super) struct PendingRoom {
    /// All that wait, in the order of the scheduler's queue: by priority, then by age.
    queue: Vec<usize>,
    /// Sets of pods that had room together at the start.
    sets: Vec<Roomed>,
}

/// Pods, each with the node where it was last seen to fit.
type Roomed = Vec<(usize, usize)>;

/// Which of the nodes that take a pod it gets.
#[derive(Clone, Copy)]
enum Choice {
    First,
    Fullest,
    Emptiest,
}

impl PendingRoom {
    pub fn new(snapshot: &Snapshot) -> PendingRoom {
        let waits = |at: &usize| snapshot.pods[*at].is_unbound() && !snapshot.pods[*at].terminating;
        let mut queue: Vec<usize> = (0..snapshot.pods.len()).filter(waits).collect();
        queue.sort_by_key(|at| (Reverse(snapshot.pods[*at].spec.priority), snapshot.pods[*at].created, *at));
        let mut sets: Vec<Roomed> = Vec::new();
        if !queue.is_empty() {
            let mut state = State::new(snapshot);
            // Of the same pods in other places the first set stays: that of the planner.
            for choice in [Choice::Fullest, Choice::First, Choice::Emptiest] {
                let set = place_all(&mut state, &[], queue.iter().map(|pod| (*pod, None)), choice).0;
                let is_new = |known: &Roomed| known.iter().map(|(pod, _)| pod).ne(set.iter().map(|(pod, _)| pod));
                if sets.iter().all(is_new) {
                    sets.push(set);
                }
            }
        }
        PendingRoom { queue, sets }
    }

    /// Is there still room when the wave is over? The first wave that leaves none is at fault; later ones are not judged.
    /// Nodes that are going give none, not even to pods that tolerate their cordon.
    pub fn check(&mut self, state: &mut State, going: &[usize], wave: u32) -> Vec<Fault> {
        let mut without_room: Option<Vec<usize>> = None;
        for at in 0..self.sets.len() {
            match try_orders(state, going, &self.queue, &self.sets[at]) {
                Ok(again) => {
                    // The next wave begins with the set that was found to fit, where each pod was found to fit.
                    self.sets[at] = again;
                    self.sets.swap(0, at);
                    return Vec::new();
                }
                Err(left) => without_room = without_room.or(Some(left)),
            }
        }
        self.sets.clear();
        let fault = |pod: usize| {
            let fault = Fault::new(Rule::PendingRoom, "the pod is pending, and the room it had is gone");
            fault.in_wave(wave).of_pod(state.pods[pod].pod.key())
        };
        without_room.into_iter().flatten().map(fault).collect()
    }
}

/// Places the set in one order after another until all have room; else the pods that the first order left over.
fn try_orders(state: &mut State, going: &[usize], queue: &[usize], set: &Roomed) -> Result<Roomed, Vec<usize>> {
    // Where each was last comes first: mostly nothing has changed for it.
    let (placed, left) = place_all(state, going, set.iter().map(|(pod, node)| (*pod, Some(*node))), Choice::Fullest);
    if left.is_empty() {
        return Ok(placed);
    }
    // The whole queue once more, as at the start.
    let (mut anew, _) = place_all(state, going, queue.iter().map(|pod| (*pod, None)), Choice::Fullest);
    anew.retain(|(pod, _)| set.iter().any(|(of_set, _)| of_set == pod));
    if anew.len() == set.len() {
        return Ok(anew);
    }
    let mut order: Vec<usize> = left.iter().chain(placed.iter().map(|(pod, _)| pod)).copied().collect();
    for size in [by_memory as fn(&State, usize) -> i64, by_cpu, as_it_is] {
        order.sort_by_key(|pod| Reverse(size(state, *pod)));
        for choice in [Choice::Fullest, Choice::First, Choice::Emptiest] {
            let (placed, left_now) = place_all(state, going, order.iter().map(|pod| (*pod, None)), choice);
            if left_now.is_empty() {
                return Ok(placed);
            }
            // Those left over go first the next time.
            order.sort_by_key(|pod| !left_now.contains(pod));
        }
    }
    Err(left)
}

fn by_memory(state: &State, pod: usize) -> i64 {
    state.pods[pod].pod.requests.memory
}

fn by_cpu(state: &State, pod: usize) -> i64 {
    state.pods[pod].pod.requests.cpu
}

fn as_it_is(_: &State, _: usize) -> i64 {
    0
}

/// Places the pods one after the other, each first where it is hinted to fit, and takes them off again.
fn place_all(
    state: &mut State,
    going: &[usize],
    pods: impl Iterator<Item = (usize, Option<usize>)>,
    choice: Choice,
) -> (Roomed, Vec<usize>) {
    let mut placed = Vec::new();
    let mut left = Vec::new();
    // Where a pod found no room, its like finds none either, unless other pods can make a node better for it.
    let mut hopeless = FxHashSet::default();
    for (pod, hint) in pods {
        let own = &state.pods[pod].pod;
        let template = (std::sync::Arc::as_ptr(&own.spec), own.namespace.clone(), own.labels.clone());
        let alike = (template, own.requests.clone());
        let needs_company = !own.spec.topology_spread.is_empty() || !own.spec.pod_affinity.is_empty();
        let has_claims = own.claims().next().is_some();
        if !needs_company && !has_claims && hopeless.contains(&alike) {
            left.push(pod);
            continue;
        }
        let hinted = hint.filter(|node| !going.contains(node) && state.rejects(pod, *node).is_none());
        match hinted.or_else(|| choose(state, going, pod, choice)) {
            Some(node) => {
                state.place(pod, node);
                placed.push((pod, node));
            }
            None => {
                left.push(pod);
                hopeless.insert(alike);
            }
        }
    }
    for (pod, _) in &placed {
        state.take_off(*pod);
    }
    (placed, left)
}

fn choose(state: &mut State, going: &[usize], pod: usize, choice: Choice) -> Option<usize> {
    let mut nodes = (0..state.nodes.len()).filter(|node| !going.contains(node));
    if matches!(choice, Choice::First) {
        return nodes.find(|node| state.rejects(pod, *node).is_none());
    }
    let fitting: Vec<usize> = nodes.filter(|node| state.rejects(pod, *node).is_none()).collect();
    let by_memory_left = fitting.into_iter().map(|at| {
        let NodeState { node, used, .. } = &state.nodes[at];
        ((i128::from(node.allocatable.memory) - used.memory, &node.name), at)
    });
    let chosen = if matches!(choice, Choice::Fullest) { by_memory_left.min() } else { by_memory_left.max() };
    chosen.map(|(_, node)| node)
}
