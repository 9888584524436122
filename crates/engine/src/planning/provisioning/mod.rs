//! Nodes for pods that fit nowhere: which to buy, and which pod goes where. See README.md.

mod buy;
mod fill;
mod places;
mod sizes;
mod stage;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use model::{AddedNode, Name, Offer, Policy, Prices, Snapshot, UsdPerHour};

use super::Problem;
use super::buying::named;
use super::pending;
use crate::bound::{self, Worth};
use crate::cluster::Cluster;
use crate::state::{Holds, State};
use buy::{Buyer, OutOfSlots};
use places::places;
use sizes::Sizes;
use stage::Stage;
use waiting::Waiting;

/// Slots that each place has at first, beside its part of one for each pod that needs a node of its own.
const FEWEST_SLOTS: usize = 64;
/// And of one more for so many pods.
const PODS_PER_SLOT: usize = 8;

/// What to buy for the pods that wait.
#[derive(Clone, Debug, Default)]
pub struct Provisioning {
    /// The nodes.
    pub add: Vec<AddedNode>,
    /// Every waiting pod that gets a node, by its index in the snapshot, with the node's name. Bound in this order, each
    /// is legal when it comes: first those on nodes that are there, then, when the new ones are there too, the others.
    pub bind: Vec<(u32, Name)>,
    /// Waiting pods for which nothing that is for sale will do.
    pub unplaced: Vec<u32>,
    /// What the nodes cost.
    pub usd_per_hour: UsdPerHour,
    /// No nodes that are for sale and hold legally the pods that get one cost less.
    pub usd_per_hour_lower_bound: UsdPerHour,
}

/// Chooses nodes, of those that the prices offer, for all pods that wait and find no room where they may go. Nothing is
/// moved for them.
pub fn provision(snapshot: &Snapshot, prices: &Prices, policy: &Policy) -> Provisioning {
    let cluster = Cluster::new(snapshot);
    let problem = Problem::new(&cluster, prices, policy);
    let pending = pending::in_order(&problem);
    let start = pending::start(&problem);
    let roomed: Vec<(u32, u32)> = pending.iter().filter_map(|pod| Some((*pod, start.at[*pod as usize]?))).collect();
    let has_room: BTreeSet<u32> = roomed.iter().map(|(pod, _)| *pod).collect();
    let mut waiting: Vec<u32> = pending.into_iter().filter(|pod| !has_room.contains(pod)).collect();
    waiting.sort_unstable();
    let mut provisioning = if waiting.is_empty() || prices.offers.is_empty() {
        Provisioning { unplaced: waiting, ..Provisioning::default() }
    } else {
        bought(&problem, &roomed, &waiting)
    };
    let name = |node: u32| snapshot.nodes[node as usize].name.clone();
    provisioning.bind.splice(0..0, roomed.iter().map(|(pod, node)| (*pod, name(*node))));
    provisioning
}

fn bought(problem: &Problem<'_>, roomed: &[(u32, u32)], waiting: &[u32]) -> Provisioning {
    let (snapshot, offers) = (problem.snapshot(), &problem.prices.offers[..]);
    let places = places(snapshot, waiting, offers);
    let alone = Waiting::new(problem.cluster, waiting).places.into_iter().max().unwrap_or(0);
    // In one place twice its part, or all where there are no more than two.
    let all = alone + waiting.len() / PODS_PER_SLOT;
    let mut slots = FEWEST_SLOTS + 2 * all / places.len().max(2);
    loop {
        let stage = Stage::new(snapshot, &places, slots);
        let cluster = Cluster::new(&stage.snapshot);
        let mut state = State::of_snapshot(&cluster);
        for (pod, node) in roomed {
            state.put(*pod as usize, stage.own[*node as usize] as usize, Holds::Requests);
        }
        let left = Waiting::new(&cluster, waiting);
        let sizes = Sizes::new(&cluster, &stage, &places, offers);
        let worth = worth(problem, &cluster, &sizes, &left, &stage);
        let mut buyer = Buyer::new(state, left, &stage, &sizes, &worth);
        match buyer.buy_all() {
            Ok(()) => return translated(buyer, &worth, offers, snapshot),
            // All slots at once cannot be more than there are pods.
            Err(OutOfSlots) => slots = (2 * slots).min(waiting.len().max(slots + 1)),
        }
    }
}

fn worth(problem: &Problem<'_>, cluster: &Cluster<'_>, sizes: &Sizes, waiting: &Waiting, stage: &Stage) -> Worth {
    let groups = |class: u32| sizes.groups_for(cluster, stage, &cluster.classes[class as usize]);
    bound::worth(problem, cluster.resources, &sizes.for_sale(), &waiting.asked(groups), waiting.places.len())
}

fn translated(buyer: Buyer<'_>, worth: &Worth, offers: &[Offer], snapshot: &Snapshot) -> Provisioning {
    let kinds = buyer.waiting.kinds.iter().zip(&worth.of_pods);
    let left_out: f64 = kinds.map(|(kind, worth)| kind.pods.len() as f64 * worth).sum();
    let mut provisioning =
        Provisioning { usd_per_hour_lower_bound: rounded_down(worth.bound - left_out), ..Provisioning::default() };
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    for node in &buyer.nodes {
        let offer = &offers[node.offer];
        let count = counts.entry(node.offer).or_insert(0);
        let expected = loop {
            *count += 1;
            let expected = named(offer, *count);
            if snapshot.node(&expected.name).is_none() {
                break expected;
            }
        };
        provisioning.bind.extend(node.pods.iter().map(|pod| (*pod, expected.name.clone())));
        provisioning.usd_per_hour += offer.price.usd_per_hour;
        provisioning.add.push(AddedNode {
            instance_type: offer.instance_type.clone(),
            capacity_type: offer.capacity_type,
            zone: offer.zone.clone(),
            usd_per_hour: offer.price.usd_per_hour,
            node: expected,
        });
    }
    provisioning.unplaced = buyer.waiting.kinds.iter().flat_map(|kind| kind.pods.iter().copied()).collect();
    provisioning.unplaced.sort_unstable();
    provisioning
}

/// A millionth less, for what rounding may have added.
fn rounded_down(dollars: f64) -> UsdPerHour {
    UsdPerHour::from_dollars((dollars * (1.0 - 1e-6)).max(0.0)).unwrap_or(UsdPerHour::ZERO)
}
