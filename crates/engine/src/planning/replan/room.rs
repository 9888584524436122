//! Whether pods that wait for a node still have room all the way, after a change.

use crate::planning::{pending, waves};
use crate::state::Holds;

use super::Why;
use super::kept::Live;

/// They have: by a glance in the usual case, of one kind of pods that wait; else all waves are gone through.
pub(super) fn is_kept(live: &mut Live<'_>) -> Result<(), Why> {
    if is_kept_for_certain(live) {
        return Ok(());
    }
    if !live.cordoned.is_empty() {
        return Err("pods of several kinds wait for room, and nodes were cordoned since");
    }
    let is_kept = waves::keep_room(live.problem, &live.goal, &live.waves);
    is_kept.then_some(()).ok_or("pods wait for room, and would lose it on the way")
}

/// Pods that have room are all of one kind that looks at no others, so that any order of placing them finds it; what they
/// have is free from the beginning. Those that have none find none, were the others not there.
fn is_kept_for_certain(live: &mut Live<'_>) -> bool {
    let (problem, cluster) = (live.problem, live.problem.cluster);
    let queue = pending::in_order(problem);
    let place = |pod: u32| live.goal.at[pod as usize].map(|node| node as usize);
    let roomed: Vec<(usize, usize)> = queue.iter().filter_map(|pod| Some((*pod as usize, place(*pod)?))).collect();
    let mut unplaced: Vec<u32> =
        queue.iter().filter(|pod| place(**pod).is_none()).map(|pod| cluster.pods[*pod as usize].class).collect();
    unplaced.sort_unstable();
    unplaced.dedup();
    let is_alike = |(pod, _): &(usize, usize)| {
        let class = cluster.class_of(*pod);
        cluster.pods[*pod].class == cluster.pods[roomed[0].0].class
            && !class.looks_at_others()
            && class.single_pod_claims.is_empty()
    };
    let is_free = |(_, node): &(usize, usize)| {
        !live.holding.is_closed(*node) && (0..cluster.resources).all(|resource| live.holding.free(*node, resource) >= 0)
    };
    if problem.policy.headroom_per_mille > 0 || !roomed.iter().all(|place| is_alike(place) && is_free(place)) {
        return false;
    }
    roomed.iter().for_each(|(pod, node)| live.holding.take(*pod, *node, Holds::Reserved));
    let finds_room = unplaced.iter().any(|class| {
        let class = &cluster.classes[*class as usize];
        (0..cluster.nodes()).any(|node| cluster.eligible(class).contains(node) && live.holding.has_room(class, node))
    });
    roomed.iter().for_each(|(pod, node)| live.holding.put(*pod, *node, Holds::Reserved));
    !finds_room
}
