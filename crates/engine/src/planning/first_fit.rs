//! First-fit decreasing: the largest pod first, to the first node that takes it; the fullest nodes stand first.

use super::drain::{Chooser, drain};
use super::placement::Placement;
use super::strategy::{Attempt, Strategy};

/// First-fit decreasing.
pub struct FirstFit;

impl Strategy for FirstFit {
    fn name(&self) -> &'static str {
        "first-fit"
    }

    fn describe(&self) -> &'static str {
        "largest pods first, each to the first node that takes it"
    }

    fn improve<'a>(&self, mut placement: Placement<'a>, attempt: &Attempt) -> Placement<'a> {
        drain(&mut placement, attempt, &|_| 0, None, &FixedOrder::new);
        placement
    }
}

/// Nodes in the order of how full they are at the start of a pass.
struct FixedOrder {
    order: Vec<u32>,
}

impl FixedOrder {
    fn new(placement: &Placement<'_>) -> FixedOrder {
        let nodes = placement.problem.cluster.nodes();
        let mut order: Vec<u32> = (0..nodes as u32).filter(|node| !placement.state.is_closed(*node as usize)).collect();
        order.sort_by(|a, b| {
            placement.free_size(*a as usize).total_cmp(&placement.free_size(*b as usize)).then(a.cmp(b))
        });
        FixedOrder { order }
    }
}

impl Chooser for FixedOrder {
    fn choose_where(&self, placement: &Placement<'_>, pods: &[u32], test: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.order
            .iter()
            .map(|node| *node as usize)
            .find(|node| super::drain::all_fit(placement, pods, *node) && test(*node))
    }

    fn changed(&mut self, _: &Placement<'_>, _: usize) {}
}
