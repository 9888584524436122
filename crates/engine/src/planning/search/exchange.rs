//! Lets cheaper nodes that could be bought, or were to go, take the place of one that stays.

use model::UsdPerHour;

use crate::planning::drain::candidates;
use crate::planning::pending;
use crate::planning::placement::Placement;
use crate::planning::strategy::Attempt;

use super::neighbourhood::Pools;
use super::{PODS_SWEPT, free_pods, is_allowed, repack};

/// Of the kinds of nodes that are cheaper so many are tried, cheapest first.
const MOST_KINDS: usize = 12;
/// With so many others packed anew beside the one that goes: few first, which moves least and keeps what is packed well.
const OTHERS: [usize; 4] = [0, 2, 5, usize::MAX];
/// A node that goes comes back only for one of which linear programming keeps less than this part.
const KEPT_IN_PART: f64 = 0.95;

/// For each node left, packs what it and some others hold into those others and a cheaper node, or two that are cheaper
/// together, one of them in its zone.
pub(super) fn exchange(
    placement: &mut Placement<'_>,
    attempt: &Attempt,
    shares: &[Option<f64>],
    rank: &dyn Fn(usize) -> i64,
    pools: &mut Pools,
    random: &mut fastrand::Rng,
) {
    // Whoever keeps headroom wants little to move, and with it nodes that come back let pods go to and fro.
    let is_calm = placement.problem.policy.headroom_per_mille > 0;
    let may_come_back = !is_calm && free_pods(placement.problem) <= PODS_SWEPT;
    for node in candidates(placement, attempt, rank) {
        if placement.problem.is_over() {
            return;
        }
        let own = may_come_back && shares[node].is_some_and(|share| share < KEPT_IN_PART);
        let problem = placement.problem;
        let spares = spare_kinds(placement, node, &|spare| {
            problem.offered.contains(spare) || (own && problem.targets.contains(spare))
        });
        if placement.state.is_closed(node) || spares.is_empty() {
            continue;
        }
        let price = placement.problem.price(node).unwrap_or(UsdPerHour::ZERO);
        let is_near = |spare: &&Spare| zone(placement, spare.node) == zone(placement, node);
        let near: Vec<Spare> = spares.iter().filter(is_near).copied().collect();
        for first in near.into_iter().take(MOST_KINDS) {
            let second = random.choice(&spares).filter(|second| second.node != first.node);
            let second = second.filter(|second| first.price + second.price < price);
            let two = [Some(first), second.copied()];
            if (1..=two.iter().flatten().count()).any(|number| {
                let instead: Vec<Spare> = two.into_iter().flatten().take(number).collect();
                is_exchanged(placement, attempt, pools, random, node, &instead)
            }) {
                break;
            }
        }
    }
}

/// A node that is not there, and could be.
#[derive(Clone, Copy)]
struct Spare {
    price: UsdPerHour,
    node: usize,
}

/// Puts these in the place of the node, or leaves everything as it was.
fn is_exchanged(
    placement: &mut Placement<'_>,
    attempt: &Attempt,
    pools: &mut Pools,
    random: &mut fastrand::Rng,
    node: usize,
    instead: &[Spare],
) -> bool {
    let price = placement.problem.price(node).unwrap_or(UsdPerHour::ZERO);
    let saved = price - instead.iter().map(|spare| spare.price).sum::<UsdPerHour>();
    let before = placement.moves;
    let nodes: Vec<usize> = instead.iter().map(|spare| spare.node).collect();
    nodes.iter().for_each(|spare| placement.return_node(*spare));
    let helpers = pools.helpers(placement, node, &nodes, random).unwrap_or_default();
    let is_emptied = OTHERS.into_iter().any(|others| {
        let few = &helpers[..helpers.len().min(nodes.len().saturating_add(others))];
        repack::empty(placement, node, few, |placement, broken| {
            let saved = saved - placement.problem.price_of_broken(broken.max(0));
            is_allowed(placement, attempt, saved, before, few) && pending::keep_room(placement).is_ok()
        })
    });
    if is_emptied {
        pools.forget(node);
        nodes.iter().for_each(|spare| pools.remember(*spare));
    } else {
        for spare in nodes {
            placement.state.cordon(spare, &placement.on_node(spare));
            placement.remove_node(spare);
        }
    }
    is_emptied
}

/// Of each kind in each zone that costs less than the node, one of those that may come; cheapest first.
fn spare_kinds(placement: &Placement<'_>, node: usize, may_come: &dyn Fn(usize) -> bool) -> Vec<Spare> {
    let problem = placement.problem;
    let nodes = &problem.snapshot().nodes;
    let is_cheaper = |spare: &Spare| problem.price(node).is_some_and(|price| spare.price < price);
    let priced = |node: &u32| Some(Spare { price: problem.price(*node as usize)?, node: *node as usize });
    let mut spares: Vec<Spare> = placement.removed.iter().filter_map(priced).collect();
    spares.retain(|spare| is_cheaper(spare) && may_come(spare.node));
    let kind = |spare: &Spare| (spare.price, nodes[spare.node].instance_type(), nodes[spare.node].zone());
    spares.sort_by(|a, b| kind(a).cmp(&kind(b)).then(a.node.cmp(&b.node)));
    spares.dedup_by(|a, b| kind(a) == kind(b));
    spares
}

fn zone<'a>(placement: &Placement<'a>, node: usize) -> Option<&'a model::Name> {
    placement.problem.snapshot().nodes[node].zone()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{
        Node, Owner, Phase, Pod, PodSpec, Policy, Price, PriceBasis, Prices, Resources, Rollout, Snapshot, Workload,
    };

    use super::*;
    use crate::cluster::{Cluster, NodeSet};
    use crate::planning::Problem;

    /// On node a, of four cores, a pod of so many millicores; node b, of two cores and half the price, could be bought,
    /// or was to go, and linear programming keeps that part of a. Gives where the pod is after the exchange, and which nodes are not there.
    fn exchanged(millicores: i64, is_offered: bool, share: Option<f64>) -> (Option<u32>, Vec<u32>) {
        let resources = |cpu: i64| Resources { cpu, memory: 1 << 30, ..Resources::default() };
        let node = |(name, cpu): (&str, i64)| {
            let allocatable = Resources { pods: 10, memory: 8 << 30, ..resources(cpu) };
            Node { name: name.into(), allocatable, ready: true, ..Node::default() }
        };
        let owner =
            Owner { api_version: "apps/v1".into(), kind: "ReplicaSet".into(), name: "app-1".into(), uid: "".into() };
        let pod = Pod {
            namespace: "web".into(),
            name: "app-1-1".into(),
            node: Some("a".into()),
            phase: Phase::Running,
            ready: true,
            workload: Some(0),
            controller: Some(owner),
            requests: resources(millicores),
            held: resources(millicores),
            spec: Arc::new(PodSpec { scheduler_name: "default-scheduler".into(), ..PodSpec::default() }),
            ..Pod::default()
        };
        let snapshot = Snapshot {
            nodes: [("a", 4_000), ("b", 2_000)].map(node).into(),
            pods: vec![pod],
            workloads: vec![Workload { rollout: Rollout::Complete, replicas: Some(1), ..Workload::default() }],
            ..Snapshot::default()
        };
        let price = |nanos: i64| Price {
            usd_per_hour: UsdPerHour::from_nanos(nanos),
            basis: PriceBasis::Contract,
            source: "".into(),
            as_of: "".into(),
        };
        let prices = Prices { nodes: vec![Ok(price(2)), Ok(price(1))], offers: Vec::new() };
        let (cluster, policy) = (Cluster::new(&snapshot), Policy::default());
        let mut problem = Problem::new(&cluster, &prices, &policy);
        problem.facts.offered = NodeSet::of(2, |node| node == 1 && is_offered);
        let mut placement = Placement::of_snapshot(&problem);
        placement.state.cordon(1, &[]);
        placement.remove_node(1);
        let mut pools = Pools::new(&placement);
        let mut random = fastrand::Rng::with_seed(1);
        exchange(&mut placement, &Attempt::default(), &[share, None], &|_| 0, &mut pools, &mut random);
        for node in 0..2 {
            assert_eq!(placement.state.is_closed(node), placement.removed.contains(&(node as u32)));
        }
        (placement.at[0], placement.removed)
    }

    #[test]
    fn a_cheaper_node_that_is_not_bought_takes_the_place_of_a_dearer_one() {
        assert_eq!(exchanged(1_500, true, None), (Some(1), vec![0]));
    }

    #[test]
    fn where_the_cheaper_node_is_too_small_everything_is_as_it_was() {
        assert_eq!(exchanged(2_500, true, None), (Some(0), vec![1]));
    }

    #[test]
    fn a_node_that_was_to_go_comes_back_for_one_that_linear_programming_would_not_keep() {
        assert_eq!(exchanged(1_500, false, Some(0.5)), (Some(1), vec![0]));
        assert_eq!(exchanged(1_500, false, Some(1.0)), (Some(0), vec![1]));
    }
}
