//! Room for pods that are pending now: which of them have it, and whether they still do. `check` answers the same in its
//! own way (`verify/pending.rs`); what both mean is in README.md.

use rustc_hash::FxHashSet;

use crate::cluster::MEMORY;
use crate::state::{Holds, State};

use super::Problem;
use super::placement::Placement;

/// The snapshot's own placement, with room for pods that are pending.
pub fn start<'a>(problem: &'a Problem<'a>) -> Placement<'a> {
    let mut placement = Placement::of_snapshot(problem);
    if !problem.has_pending {
        return placement;
    }
    // Whoever has room has it on nodes that are there.
    let offered: Vec<usize> = problem.offered.iter().collect();
    for node in &offered {
        placement.state.cordon(*node, &placement.on_node(*node));
        placement.remove_node(*node);
    }
    place_anew(&mut placement, &in_order(problem));
    for node in offered {
        placement.return_node(node);
    }
    placement
}

/// Unbound pods that want a node, in the order of the scheduler's queue: by priority, then by age.
pub(super) fn in_order(problem: &Problem<'_>) -> Vec<u32> {
    let (pods, cluster) = (&problem.snapshot().pods, problem.cluster);
    let waits = |pod: &u32| {
        // Most are on a node, and their numbers lie close together.
        if cluster.pods[*pod as usize].node.is_some() {
            return false;
        }
        let pod = &pods[*pod as usize];
        pod.is_unbound() && !pod.terminating && !pod.spec.has_resource_claims
    };
    let mut pending: Vec<u32> = (0..pods.len() as u32).filter(waits).collect();
    pending
        .sort_by_key(|pod| (std::cmp::Reverse(pods[*pod as usize].spec.priority), pods[*pod as usize].created, *pod));
    pending
}

/// Places pending pods anew, as planning on this placement would; where one that had room would have none, puts all back
/// and says no. Gives the nodes whose room may have changed.
pub(super) fn keep_room(placement: &mut Placement<'_>) -> Result<Vec<usize>, NoRoom> {
    if !placement.problem.has_pending {
        return Ok(Vec::new());
    }
    let pending = in_order(placement.problem);
    let before: Vec<Option<u32>> = pending.iter().map(|pod| placement.at[*pod as usize]).collect();
    place_anew(placement, &pending);
    let is_kept = |(pod, had): (&u32, &Option<u32>)| had.is_none() || placement.at[*pod as usize].is_some();
    if !pending.iter().zip(&before).all(is_kept) {
        pending.iter().for_each(|pod| placement.lift(*pod as usize));
        for (pod, had) in pending.iter().zip(&before) {
            had.iter().for_each(|node| placement.set(*pod as usize, *node as usize));
        }
        return Err(NoRoom);
    }
    let after = pending.iter().map(|pod| placement.at[*pod as usize]);
    let differs = before.iter().copied().zip(after).filter(|(before, after)| before != after);
    let mut touched: Vec<usize> = differs.flat_map(|(a, b)| [a, b]).flatten().map(|node| node as usize).collect();
    touched.sort_unstable();
    touched.dedup();
    Ok(touched)
}

/// A pod that had room has none.
pub(super) struct NoRoom;

fn place_anew(placement: &mut Placement<'_>, pending: &[u32]) {
    let problem = placement.problem;
    pending.iter().for_each(|pod| placement.lift(*pod as usize));
    let nodes = find_room(problem, &mut placement.state, pending.iter().map(|pod| (*pod, None)));
    for (pod, node) in pending.iter().zip(nodes) {
        node.iter().for_each(|node| placement.set(*pod as usize, *node as usize));
    }
}

/// Pods that had room as the plan begins, on the way through its waves.
#[derive(Clone)]
pub(super) struct Kept {
    queue: Vec<u32>,
    /// In the order of the queue, with where each was last found to fit.
    roomed: Vec<(u32, u32)>,
}

impl Kept {
    /// Of such a start; none where nobody has room.
    pub(super) fn new(start: &Placement<'_>) -> Option<Kept> {
        let queue = in_order(start.problem);
        let roomed: Vec<(u32, u32)> = queue.iter().filter_map(|pod| Some((*pod, start.at[*pod as usize]?))).collect();
        (!roomed.is_empty()).then_some(Kept { queue, roomed })
    }

    /// Do all have room with everything else where the state has it: where they last had, or with the whole queue placed
    /// anew?
    pub(super) fn have_room(&mut self, problem: &Problem<'_>, state: &mut State<'_, '_>) -> bool {
        let hinted = self.roomed.iter().map(|(pod, node)| (*pod, Some(*node)));
        let again = find_room(problem, state, hinted);
        let pods = self.roomed.iter().map(|(pod, _)| *pod);
        let found: Option<Vec<(u32, u32)>> = pods.zip(again).map(|(pod, node)| Some((pod, node?))).collect();
        let found = found.or_else(|| {
            let anew = find_room(problem, state, self.queue.iter().map(|pod| (*pod, None)));
            let had: FxHashSet<u32> = self.roomed.iter().map(|(pod, _)| *pod).collect();
            let of_them = self.queue.iter().zip(anew).filter(|(pod, _)| had.contains(pod));
            of_them.map(|(pod, node)| Some((*pod, node?))).collect()
        });
        match found {
            Some(found) => self.roomed = found,
            None => return false,
        }
        true
    }
}

/// A node for each of the pods, which are nowhere, one after the other: where it is hinted to fit, or else the one with the
/// least memory left of those that take it, headroom or not. Afterwards the state is as it was.
fn find_room(
    problem: &Problem<'_>,
    state: &mut State<'_, '_>,
    pods: impl Iterator<Item = (u32, Option<u32>)>,
) -> Vec<Option<u32>> {
    let cluster = problem.cluster;
    // Headroom is kept from what we move, not from what is waiting.
    state.release_headroom(problem.policy.headroom_per_mille);
    let mut fullest: Option<Fullest> = None;
    let mut hopeless: FxHashSet<u32> = FxHashSet::default();
    let mut placed = Vec::new();
    let mut found = Vec::new();
    for (pod, hint) in pods {
        let number = cluster.pods[pod as usize].class;
        let class = &cluster.classes[number as usize];
        let hinted = hint.filter(|node| state.fits(class, *node as usize));
        let node = hinted.or_else(|| {
            if hopeless.contains(&number) {
                return None;
            }
            fullest.get_or_insert_with(|| Fullest::new(problem, state)).find(|node| state.fits(class, node))
        });
        found.push(node);
        let Some(node) = node else {
            // Where no other pod can make a node better for it, its like find none either.
            if !class.looks_at_others() && class.single_pod_claims.is_empty() {
                hopeless.insert(number);
            }
            continue;
        };
        fullest.iter_mut().for_each(|fullest| fullest.forget(problem, state, node));
        state.put(pod as usize, node as usize, Holds::Requests);
        fullest.iter_mut().for_each(|fullest| fullest.remember(problem, state, node));
        placed.push((pod, node));
    }
    for (pod, node) in placed {
        state.take(pod as usize, node as usize, Holds::Requests);
    }
    state.reserve_headroom(problem.policy.headroom_per_mille);
    found
}

/// Nodes by the memory that they have left, least first, then by name.
struct Fullest(Vec<u32>);

impl Fullest {
    fn new(problem: &Problem<'_>, state: &State<'_, '_>) -> Fullest {
        let mut order: Vec<u32> = (0..problem.cluster.nodes() as u32).collect();
        order.sort_unstable_by_key(|node| key(problem, state, *node));
        Fullest(order)
    }

    fn find(&self, takes: impl Fn(usize) -> bool) -> Option<u32> {
        self.0.iter().copied().find(|node| takes(*node as usize))
    }

    /// To be called before what is on the node changes, and `remember` afterwards.
    fn forget(&mut self, problem: &Problem<'_>, state: &State<'_, '_>, node: u32) {
        let own = key(problem, state, node);
        let at = self.0.partition_point(|other| key(problem, state, *other) < own);
        self.0.remove(at);
    }

    fn remember(&mut self, problem: &Problem<'_>, state: &State<'_, '_>, node: u32) {
        let own = key(problem, state, node);
        let at = self.0.partition_point(|other| key(problem, state, *other) < own);
        self.0.insert(at, node);
    }
}

fn key<'s>(problem: &Problem<'s>, state: &State<'_, '_>, node: u32) -> (i64, &'s model::Name) {
    (state.free(node as usize, MEMORY), &problem.snapshot().nodes[node as usize].name)
}
