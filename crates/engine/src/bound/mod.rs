//! A lower bound on what the nodes of any legal placement cost, and the dual prices that prove it. See README.md.

mod dual_prices;
mod nodes_kept;
mod one_per_node;
mod relaxation;

use model::{BoundCertificate, NodePrices};

use crate::cluster::NodeSet;
use crate::planning::{Problem, placement::Placement};
use relaxation::Relaxation;

/// Of the bound this part is given up, so that whoever adds up in another order finds no less.
const SLACK: f64 = 1e-9;

/// The best bound that dual prices prove for the problem, and the prices.
pub fn lower_bound(problem: &Problem<'_>) -> BoundCertificate {
    let nothing_gone = NodeSet::none(problem.cluster.nodes());
    let relaxation = Relaxation::new(problem, &problem.cluster.pods_on, &nothing_gone);
    let prices = dual_prices::dual_prices(&relaxation);
    let proven = relaxation.value(&prices);
    // No dual prices at all prove that what cannot go is paid.
    let nothing = relaxation.value(&vec![0.0; prices.len()]);
    let dollars = proven.max(nothing);
    let classes = if proven >= nothing { classes(&relaxation, &prices) } else { Vec::new() };
    BoundCertificate { usd_per_hour: relaxation.rounded_up(dollars - dollars.abs() * SLACK), classes }
}

fn classes(relaxation: &Relaxation<'_>, prices: &[f64]) -> Vec<NodePrices> {
    let snapshot = relaxation.problem.snapshot();
    let resources = relaxation.resource_names();
    let each = relaxation.groups.iter().zip(prices.chunks(relaxation.width()));
    let classes = each.map(|(group, prices)| {
        let (of_resources, of_places) = prices.split_at(resources.len());
        let workload = |workload: &u32| snapshot.workloads[*workload as usize].reference.clone();
        let above_zero = |price: &f64| *price > 0.0;
        NodePrices {
            nodes: group.nodes.iter().map(|node| snapshot.nodes[*node as usize].name.clone()).collect(),
            usd_per_hour: resources
                .iter()
                .cloned()
                .zip(of_resources.iter().copied())
                .filter(|(_, price)| above_zero(price))
                .collect(),
            one_per_node: relaxation
                .one_per_node
                .iter()
                .map(workload)
                .zip(of_places.iter().copied())
                .filter(|(_, price)| above_zero(price))
                .collect(),
        }
    });
    classes.filter(|class| !class.usd_per_hour.is_empty() || !class.one_per_node.is_empty()).collect()
}

/// By node: the part of its group that the relaxation would keep, or nothing where it is none that could go.
pub(crate) fn shares_kept(placement: &Placement<'_>) -> Vec<Option<f64>> {
    let problem = placement.problem;
    let gone = NodeSet::of(problem.cluster.nodes(), |node| placement.state.is_closed(node));
    let relaxation = Relaxation::new(problem, &placement.pods_on, &gone);
    let mut share = vec![None; problem.cluster.nodes()];
    for (group, kept) in relaxation.groups.iter().zip(nodes_kept::nodes_kept(&relaxation)) {
        for node in &group.nodes {
            share[*node as usize] = kept.map(|kept| kept / group.nodes.len() as f64);
        }
    }
    share
}
