//! Nodes bought for pods that find no room: again and again the offer that gives them most room for its price.

use std::collections::BTreeSet;

use model::{AddedNode, Name, Offer, UsdPerHour};

use super::{World, planned};
use crate::cluster::Cluster;
use crate::planning::buying::{best_of_their_size, named};
use crate::planning::{Problem, Strategy};

/// Each round buys for a part of the pods, so that there are few.
const MOST_ROUNDS: usize = 64;

/// Nodes that give room to all pods for which something can be bought.
pub(super) fn bought(world: &World, strategy: &dyn Strategy) -> Vec<AddedNode> {
    let mut world = world.clone();
    let offers = std::mem::take(&mut world.prices.offers);
    let looked_at = best_of_their_size(&offers, i64::MAX);
    let mut bought: Vec<AddedNode> = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let waiting = world.without_room(strategy);
        let names: BTreeSet<Name> = world.snapshot.nodes.iter().map(|node| node.name.clone()).collect();
        let Some((offer, takes)) = best(&world, strategy, &looked_at, &waiting) else { break };
        let left = offer.most.map(|most| (most as usize).saturating_sub(count_of(&bought, offer)));
        let number = (waiting.len() / takes.max(1) / 2).clamp(1, left.unwrap_or(usize::MAX));
        let fresh = (1..).map(|count| named(offer, count)).filter(|node| !names.contains(&node.name));
        let more: Vec<AddedNode> = fresh.take(number).map(|node| added(offer, node)).collect();
        planned::add(&mut world, &more);
        bought.extend(more);
    }
    bought
}

fn count_of(bought: &[AddedNode], offer: &Offer) -> usize {
    let is_of = |added: &&AddedNode| {
        (&added.instance_type, &added.zone, added.capacity_type, added.node.node_pool())
            == (&offer.instance_type, &offer.zone, offer.capacity_type, offer.node.node_pool())
    };
    bought.iter().filter(is_of).count()
}

fn added(offer: &Offer, node: model::Node) -> AddedNode {
    AddedNode {
        instance_type: offer.instance_type.clone(),
        capacity_type: offer.capacity_type,
        zone: offer.zone.clone(),
        usd_per_hour: offer.price.usd_per_hour,
        node,
    }
}

/// The offer of which one node takes most of what waits for its price, and how many pods that is.
fn best<'o>(
    world: &World,
    strategy: &dyn Strategy,
    offers: &[&'o Offer],
    waiting: &[usize],
) -> Option<(&'o Offer, usize)> {
    if waiting.is_empty() {
        return None;
    }
    let mut tried = world.clone();
    let nodes: Vec<AddedNode> = offers.iter().map(|offer| added(offer, named(offer, u32::MAX))).collect();
    planned::add(&mut tried, &nodes);
    let cluster = Cluster::new(&tried.snapshot);
    let problem = Problem::new(&cluster, &tried.prices, &tried.policy);
    let mut start = strategy.start(&problem);
    let key = |pod: usize| (&world.snapshot.pods[pod].namespace, &world.snapshot.pods[pod].name);
    let number = |pod: &usize| {
        let pods = &tried.snapshot.pods;
        pods.binary_search_by(|pod_| (&pod_.namespace, &pod_.name).cmp(&key(*pod))).ok()
    };
    let mut pods: Vec<usize> = waiting.iter().filter_map(number).collect();
    // Those that have a place on one of the nodes tried give it back, to be tried on each alone.
    pods.iter().for_each(|pod| start.lift(*pod));
    pods.sort_by(|a, b| problem.pod_size(*b).total_cmp(&problem.pod_size(*a)).then(a.cmp(b)));
    let mut best: Option<(f64, &Offer, usize)> = None;
    for (offer, candidate) in offers.iter().zip(&nodes) {
        let node = tried.snapshot.nodes.binary_search_by(|node| node.name.cmp(&candidate.node.name)).ok()?;
        let mut placed = Vec::new();
        for pod in &pods {
            if start.fits(*pod, node) {
                start.set(*pod, node);
                placed.push(*pod);
            }
        }
        let size: f64 = placed.iter().map(|pod| problem.pod_size(*pod)).sum();
        placed.iter().for_each(|pod| start.lift(*pod));
        let gives = size / offer.price.usd_per_hour.max(UsdPerHour::from_nanos(1)).dollars();
        if !placed.is_empty() && best.is_none_or(|(most, ..)| gives > most) {
            best = Some((gives, offer, placed.len()));
        }
    }
    best.map(|(_, offer, takes)| (offer, takes))
}
