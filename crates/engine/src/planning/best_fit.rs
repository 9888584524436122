//! Best-fit decreasing: the largest pod first, to the node that it leaves with the least room.

use super::drain::{Chooser, drain};
use super::placement::Placement;
use super::strategy::{Attempt, Strategy};

/// Best-fit decreasing.
pub struct BestFit;

impl Strategy for BestFit {
    fn name(&self) -> &'static str {
        "best-fit"
    }

    fn describe(&self) -> &'static str {
        "largest pods first, each to the node that it leaves with the least room"
    }

    fn improve<'a>(&self, mut placement: Placement<'a>, attempt: &Attempt) -> Placement<'a> {
        drain(&mut placement, attempt, &|_| 0, None, &ByRoom::new);
        placement
    }
}

/// Nodes by the room they have left, least first, kept in order while pods move.
pub(super) struct ByRoom {
    order: Vec<u32>,
    room: Vec<f64>,
}

impl ByRoom {
    pub(super) fn new(placement: &Placement<'_>) -> ByRoom {
        let nodes = placement.problem.cluster.nodes();
        let room: Vec<f64> = (0..nodes).map(|node| placement.free_size(node)).collect();
        let mut order: Vec<u32> = (0..nodes as u32).filter(|node| !placement.state.is_closed(*node as usize)).collect();
        order.sort_by(|a, b| room[*a as usize].total_cmp(&room[*b as usize]).then(a.cmp(b)));
        ByRoom { order, room }
    }

    /// The nodes that take all these pods, those with the least room first.
    pub(super) fn all_that_take(&self, placement: &Placement<'_>, pods: &[u32]) -> impl Iterator<Item = usize> {
        let size: f64 = pods.iter().map(|pod| placement.problem.pod_size(*pod as usize)).sum();
        // Nodes with less room than the pods are large cannot take them; a thousandth is left for rounding.
        let first = self.order.partition_point(|node| self.room[*node as usize] < size * 0.999);
        let nodes = self.order[first..].iter().map(|node| *node as usize);
        nodes.filter(move |node| super::drain::all_fit(placement, pods, *node))
    }

    fn position(&self, node: usize) -> Result<usize, usize> {
        let key = (self.room[node], node as u32);
        self.order.binary_search_by(|other| self.room[*other as usize].total_cmp(&key.0).then(other.cmp(&key.1)))
    }
}

impl Chooser for ByRoom {
    fn choose_where(&self, placement: &Placement<'_>, pods: &[u32], test: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.all_that_take(placement, pods).find(|node| test(*node))
    }

    fn changed(&mut self, placement: &Placement<'_>, node: usize) {
        if let Ok(at) = self.position(node) {
            self.order.remove(at);
        }
        self.room[node] = placement.free_size(node);
        if !placement.state.is_closed(node)
            && let Err(at) = self.position(node)
        {
            self.order.insert(at, node as u32);
        }
    }
}
