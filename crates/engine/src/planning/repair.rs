//! What remains of a placement when moves for which no legal moment was found are not made.

use super::Problem;
use super::placement::Placement;
use super::waves::{self, Ordered};

/// Each time fewer moves are left; where some are still stuck after so many times, nothing is.
const MOST_TIMES: usize = 24;

/// Sends stuck pods home, and with them all pods of nodes that can then not go, until every move that is left has its
/// moment.
pub(super) fn without_stuck<'a>(
    problem: &'a Problem<'a>,
    start: &Placement<'a>,
    goal: &Placement<'a>,
    ordered: &Ordered,
) -> Option<(Placement<'a>, Ordered)> {
    let mut at = goal.at.clone();
    let mut removed = goal.removed.clone();
    let mut stuck = ordered.stuck.clone();
    for _ in 0..MOST_TIMES {
        let homes: Vec<u32> = stuck.iter().map(|step| step.from).collect();
        let (kept, still_removed): (Vec<u32>, Vec<u32>) = removed.iter().partition(|node| homes.contains(node));
        removed = still_removed;
        let stuck_pods = stuck.iter().flat_map(|step| step.pods.iter().copied());
        let of_kept = kept.iter().flat_map(|node| problem.cluster.pods_on[*node as usize].iter().copied());
        for pod in stuck_pods.chain(of_kept) {
            at[pod as usize] = problem.cluster.pods[pod as usize].node;
        }
        if removed.is_empty() {
            return None;
        }
        let placement = placed(start, &at, &removed);
        let ordered = waves::order(problem, &placement);
        if ordered.stuck.is_empty() {
            return Some((placement, ordered));
        }
        stuck = ordered.stuck;
    }
    None
}

/// The placement with pods there and these nodes gone.
fn placed<'a>(start: &Placement<'a>, at: &[Option<u32>], removed: &[u32]) -> Placement<'a> {
    let mut placement = start.clone();
    let moved: Vec<(usize, u32)> = at
        .iter()
        .enumerate()
        .filter(|(pod, at)| start.at[*pod] != **at)
        .filter_map(|(pod, at)| Some((pod, (*at)?)))
        .collect();
    for (pod, _) in &moved {
        placement.lift(*pod);
    }
    for (pod, node) in moved {
        placement.set(pod, node as usize);
    }
    for node in removed {
        placement.state.cordon(*node as usize, &placement.on_node(*node as usize));
        placement.remove_node(*node as usize);
    }
    placement
}
