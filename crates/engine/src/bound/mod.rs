//! A lower bound on what the nodes of any legal placement cost, and the dual prices that prove it. See README.md.

mod dual_prices;
mod ledger;
mod nodes_kept;
mod one_per_node;
mod pending;
mod relaxation;

use model::{BoundCertificate, Name, NodePrices};

use crate::cluster::NodeSet;
use crate::planning::{Problem, placement::Placement};
pub(crate) use ledger::Ledger;
pub(crate) use pending::{Asked, ForSale, Worth, worth};
use relaxation::Relaxation;

/// The best bound that dual prices prove for the problem, and the prices.
pub fn lower_bound(problem: &Problem<'_>) -> BoundCertificate {
    lower_bound_with_offers(problem, &NodeSet::none(problem.cluster.nodes()), &|_| Name::default())
}

/// The same where nodes may be bought: `offered` stand for as many as one likes, and have these keys.
pub(crate) fn lower_bound_with_offers(
    problem: &Problem<'_>,
    offered: &NodeSet,
    key: &dyn Fn(usize) -> Name,
) -> BoundCertificate {
    certificate(problem, offered, key).0
}

/// The same of what is there, and the sum that proves it.
pub(crate) fn lower_bound_with_ledger(problem: &Problem<'_>) -> (BoundCertificate, Ledger) {
    let nothing = NodeSet::none(problem.cluster.nodes());
    let (certificate, relaxation, prices) = certificate(problem, &nothing, &|_| Name::default());
    let ledger = Ledger::new(&relaxation, &prices);
    (certificate, ledger)
}

fn certificate<'p>(
    problem: &'p Problem<'p>,
    offered: &NodeSet,
    key: &dyn Fn(usize) -> Name,
) -> (BoundCertificate, Relaxation<'p>, Vec<f64>) {
    let nothing_gone = NodeSet::none(problem.cluster.nodes());
    let relaxation = Relaxation::new(problem, &problem.cluster.pods_on, &nothing_gone, offered);
    let mut prices = dual_prices::dual_prices(&relaxation);
    relaxation.scale(&mut prices);
    let proven = relaxation.value(&prices);
    // No dual prices at all prove that what cannot go is paid.
    let nothing = relaxation.value(&vec![0.0; prices.len()]);
    let dollars = proven.max(nothing);
    let usd_per_hour = relaxation.rounded_up(dollars);
    if proven < nothing {
        let nothing = vec![0.0; prices.len()];
        return (BoundCertificate { usd_per_hour, ..BoundCertificate::default() }, relaxation, nothing);
    }
    let snapshot = problem.snapshot();
    let name = |node: u32| snapshot.nodes[node as usize].name.clone();
    let certificate = BoundCertificate {
        usd_per_hour,
        classes: classes(&relaxation, &prices, false, &name),
        offers: classes(&relaxation, &prices, true, &|node| key(node as usize)),
    };
    (certificate, relaxation, prices)
}

/// Groups with what their nodes or offers are called.
fn classes(
    relaxation: &Relaxation<'_>,
    prices: &[f64],
    is_unlimited: bool,
    name: &dyn Fn(u32) -> Name,
) -> Vec<NodePrices> {
    let snapshot = relaxation.problem.snapshot();
    let resources = relaxation.resource_names();
    let each = relaxation.groups.iter().zip(prices.chunks(relaxation.width()));
    let each = each.filter(|(group, _)| group.is_unlimited == is_unlimited);
    let classes = each.map(|(group, prices)| {
        let (of_resources, of_places) = prices.split_at(resources.len());
        let workload = |workload: &u32| snapshot.workloads[*workload as usize].reference.clone();
        let above_zero = |price: &f64| *price > 0.0;
        NodePrices {
            nodes: group.nodes.iter().map(|node| name(*node)).collect(),
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
    let relaxation = Relaxation::new(problem, &placement.pods_on, &gone, &NodeSet::none(problem.cluster.nodes()));
    let mut share = vec![None; problem.cluster.nodes()];
    for (group, kept) in relaxation.groups.iter().zip(nodes_kept::nodes_kept(&relaxation, &[])) {
        for node in &group.nodes {
            share[*node as usize] = kept.map(|kept| kept / group.nodes.len() as f64);
        }
    }
    share
}

/// By node: how many of it are worth having beside what is there. `new` tells nodes that could be bought, and how many
/// of each may be.
pub(crate) fn nodes_wanted(problem: &Problem<'_>, new: &dyn Fn(usize) -> Option<Option<u32>>) -> Vec<f64> {
    let nothing_gone = NodeSet::none(problem.cluster.nodes());
    let relaxation = Relaxation::new(problem, &problem.cluster.pods_on, &nothing_gone, &nothing_gone);
    let mut wanted = vec![0.0; problem.cluster.nodes()];
    let limits: Vec<Option<f64>> = relaxation.groups.iter().map(|group| most(group, new)).collect();
    for (group, kept) in relaxation.groups.iter().zip(nodes_kept::nodes_kept(&relaxation, &limits)) {
        let own = group.nodes.iter().filter(|node| new(**node as usize).is_none()).count() as f64;
        let offers: Vec<u32> = group.nodes.iter().copied().filter(|node| new(*node as usize).is_some()).collect();
        for node in &offers {
            wanted[*node as usize] = (kept.unwrap_or(0.0) - own).max(0.0) / offers.len() as f64;
        }
    }
    wanted
}

/// How many nodes a group may have: as many as it has, or where it has offers as many as they allow.
fn most(group: &relaxation::Group, new: &dyn Fn(usize) -> Option<Option<u32>>) -> Option<f64> {
    const AS_MANY_AS_ONE_LIKES: f64 = 1e6;
    let one = |node: &u32| new(*node as usize).map_or(1.0, |most| most.map_or(AS_MANY_AS_ONE_LIKES, f64::from));
    Some(group.nodes.iter().map(one).sum())
}
