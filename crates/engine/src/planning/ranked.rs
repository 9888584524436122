//! Best-fit with something before room: of the nodes that take a pod the one of the lowest rank, and of one rank the one
//! with the least room.

use super::best_fit::ByRoom;
use super::drain::Chooser;
use super::placement::Placement;

/// What speaks against a node for pods that have been lifted.
pub(super) trait Rank {
    /// Nodes of lower rank come first.
    fn rank(&self, placement: &Placement<'_>, pods: &[u32], node: usize) -> i64;

    /// What is on the node has changed.
    fn changed(&mut self, _: &Placement<'_>, _: usize) {}
}

/// Nodes by their rank for the pods at hand, then by room.
pub(super) struct Ranked<R> {
    by_room: ByRoom,
    by_rank: R,
}

impl<R: Rank> Ranked<R> {
    pub(super) fn new(placement: &Placement<'_>, by_rank: R) -> Ranked<R> {
        Ranked { by_room: ByRoom::new(placement), by_rank }
    }
}

impl<R: Rank> Chooser for Ranked<R> {
    fn choose_where(&self, placement: &Placement<'_>, pods: &[u32], test: &dyn Fn(usize) -> bool) -> Option<usize> {
        let nodes = self.by_room.all_that_take(placement, pods).filter(|node| test(*node));
        // The first of equals is the one with the least room.
        nodes.min_by_key(|node| self.by_rank.rank(placement, pods, *node))
    }

    fn changed(&mut self, placement: &Placement<'_>, node: usize) {
        self.by_room.changed(placement, node);
        self.by_rank.changed(placement, node);
    }
}
