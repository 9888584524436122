//! Empties a node by packing what is on it and on some others anew, into the others.

use crate::cluster::{CPU, Class, MEMORY, PODS};
use crate::planning::drain::units_to_move;
use crate::planning::placement::Placement;
use crate::planning::problem::Kind;

use super::is_free;

/// How much it counts that a pod asks in the proportions of what is left: this power of the cosine between the two.
const PROPORTION: i32 = 8;
/// How much it counts that a pod is large: this power of its size.
const SIZE: f64 = 0.5;
/// A pod that was where it is tried counts for this much more.
const STAYS: f64 = 1.2;

/// Pods of one class that wait for a place, each with the node it was on; all in one zone where they must stay in it, and
/// of one workload where that is to survive the loss of a zone.
struct Waiting {
    class: u32,
    zone: Option<u32>,
    asked: [i64; 2],
    pods: Vec<(u32, u32)>,
}

/// Empties the node, or leaves everything as it was. `accept` is told what the preferences weigh that no longer hold, and
/// may still say no.
pub(super) fn empty<'a>(
    placement: &mut Placement<'a>,
    node: usize,
    helpers: &[usize],
    accept: impl FnOnce(&mut Placement<'a>, i64) -> bool,
) -> bool {
    let problem = placement.problem;
    if !units_to_move(placement, node).iter().flatten().all(|pod| is_free(problem, *pod)) {
        return false;
    }
    if !have_room(placement, node, helpers) {
        return false;
    }
    let lifted: Vec<(u32, u32)> = [node]
        .iter()
        .chain(helpers)
        .flat_map(|from| placement.pods_on[*from].iter().map(|pod| (*pod, *from as u32)))
        .filter(|(pod, _)| is_free(problem, *pod))
        .collect();
    let broken_before = placement.broken_by(lifted.iter().map(|(pod, _)| *pod));
    placement.state.cordon(node, &placement.on_node(node));
    for (pod, _) in &lifted {
        placement.lift(*pod as usize);
    }
    let mut waiting = by_class(placement, &lifted);
    for bin in helpers {
        fill(placement, &mut waiting, *bin);
    }
    let broken = placement.broken_by(lifted.iter().map(|(pod, _)| *pod)) - broken_before;
    if waiting.iter().all(|waiting| waiting.pods.is_empty()) && accept(placement, broken) {
        placement.remove_node(node);
        return true;
    }
    for (pod, _) in &lifted {
        placement.lift(*pod as usize);
    }
    for (pod, from) in &lifted {
        placement.set(*pod as usize, *from as usize);
    }
    placement.state.uncordon(node, &placement.on_node(node));
    false
}

/// Is there room on the helpers for what is on the node, were all of it in one piece?
fn have_room(placement: &Placement<'_>, node: usize, helpers: &[usize]) -> bool {
    let problem = placement.problem;
    let leaving = placement.pods_on[node].iter().filter(|pod| is_free(problem, **pod));
    let leaving: Vec<&Class> = leaving.map(|pod| problem.cluster.class_of(*pod as usize)).collect();
    [CPU, MEMORY].into_iter().all(|resource| {
        let asked = leaving.iter().map(|class| i128::from(problem.cluster.request(class, resource))).sum::<i128>();
        asked <= helpers.iter().map(|helper| i128::from(placement.state.free(*helper, resource).max(0))).sum()
    })
}

fn by_class(placement: &Placement<'_>, lifted: &[(u32, u32)]) -> Vec<Waiting> {
    let problem = placement.problem;
    let cluster = problem.cluster;
    let kind_of = |pod: u32| problem.kind_of(pod as usize);
    let mut pods = lifted.to_vec();
    pods.sort_unstable_by_key(|(pod, _)| (kind_of(*pod), *pod));
    let of_kind = |pods: &[(u32, u32)]| {
        let Kind { class, zone, .. } = kind_of(pods[0].0);
        let shape = &cluster.classes[class as usize];
        let asked = [cluster.request(shape, CPU), cluster.request(shape, MEMORY)];
        Waiting { class, zone, asked, pods: pods.to_vec() }
    };
    let mut waiting: Vec<Waiting> = pods.chunk_by(|a, b| kind_of(a.0) == kind_of(b.0)).map(of_kind).collect();
    // Numbers of classes depend on which pods there are elsewhere; what is done here must not.
    waiting.sort_by_key(|group| group.pods.first().map(|(pod, _)| *pod));
    waiting
}

/// What is known of a group of waiting pods on the node being filled.
struct Candidate {
    /// An index in what waits.
    at: usize,
    /// What it asks as parts of what the node has.
    asked: [f64; 2],
    length: f64,
    weight: f64,
    /// How many of them were on this node.
    own: usize,
}

/// Puts pods on the node, one after the other, each the one that best fills what is left in its proportions.
fn fill(placement: &mut Placement<'_>, waiting: &mut [Waiting], node: usize) {
    let problem = placement.problem;
    let cluster = problem.cluster;
    let whole = [CPU, MEMORY].map(|resource| cluster.allocatable(node, resource).max(1) as f64);
    let parts = |amounts: [i64; 2]| [amounts[0] as f64 / whole[0], amounts[1] as f64 / whole[1]];
    let length = |v: [f64; 2]| v[0].hypot(v[1]).max(1e-12);
    let left_on = |placement: &Placement<'_>| [CPU, MEMORY].map(|resource| placement.state.free(node, resource));
    let mut left = left_on(placement);
    let mut candidates: Vec<Candidate> = Vec::new();
    for (at, group) in waiting.iter().enumerate().filter(|(_, group)| !group.pods.is_empty()) {
        let is_eligible = cluster.eligible(&cluster.classes[group.class as usize]).contains(node);
        if is_eligible && problem.zone_allows(group.zone, node) {
            let asked = parts(group.asked);
            let own = group.pods.iter().filter(|(_, from)| *from as usize == node).count();
            let length = length(asked);
            candidates.push(Candidate { at, asked, length, weight: length.powf(SIZE), own });
        }
    }
    while placement.state.free(node, PODS) >= 1 {
        let free = parts(left);
        let free_length = length(free);
        let mut best: Option<(f64, usize)> = None;
        candidates.retain(|candidate| {
            let asked = waiting[candidate.at].asked;
            asked[0] <= left[0] && asked[1] <= left[1]
        });
        for (number, candidate) in candidates.iter().enumerate() {
            let along = candidate.asked[0] * free[0] + candidate.asked[1] * free[1];
            let cosine = along / (candidate.length * free_length);
            let stays = if candidate.own > 0 { STAYS } else { 1.0 };
            let fills = cosine.powi(PROPORTION) * candidate.weight * stays;
            if best.is_none_or(|(most, _)| fills > most) {
                best = Some((fills, number));
            }
        }
        let Some((_, number)) = best else { return };
        let candidate = &mut candidates[number];
        let group = &mut waiting[candidate.at];
        let class = &cluster.classes[group.class as usize];
        let chosen = if candidate.own > 0 {
            group.pods.iter().position(|(_, from)| *from as usize == node)
        } else {
            // Such a move is legal whatever else moves.
            let near = |(pod, from): &(u32, u32)| problem.is_near(*pod as usize, class, *from as usize, node);
            let near_enough = |(_, from): &(u32, u32)| cluster.is_near(class, *from as usize, node);
            group.pods.iter().position(near).or_else(|| group.pods.iter().position(near_enough))
        };
        match chosen {
            Some(chosen) if placement.state.fits(class, node) && placement.survives(&[group.pods[chosen].0], node) => {
                let (pod, _) = group.pods.swap_remove(chosen);
                placement.set(pod as usize, node);
                left = left_on(placement);
                candidate.own = candidate.own.saturating_sub(1);
                if group.pods.is_empty() {
                    candidates.swap_remove(number);
                }
            }
            _ => {
                candidates.swap_remove(number);
            }
        }
    }
}
