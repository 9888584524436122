//! Constraints of what could be bought: requirements and limits of node pools.

use std::collections::BTreeMap;

use model::Offer;

use super::lift::Lift;
use crate::what_if::{Pricing, World};

/// What an image is made for is no requirement that could be dropped; nor is the pool's own name.
const KEPT: [&str; 5] = [
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "karpenter.sh/nodepool",
];
/// A core is worth 7.5 GiB, by OpenCost's default prices.
const GIB_OF_A_CORE: f64 = 7.5;

/// Requirements and limits of pools, with dollars an hour: that part of what the plan leaves by which the cheapest room
/// gets cheaper.
pub(super) fn lifts(world: &World, usd_per_hour_after: f64, pricing: &Pricing<'_>) -> BTreeMap<Lift, f64> {
    let mut dollars = BTreeMap::new();
    if world.prices.offers.is_empty() {
        return dollars;
    }
    let now = cheapest_room(&world.prices.offers);
    for (name, pool) in world.snapshot.node_pools.iter().filter(|(_, pool)| pool.closed.is_empty()) {
        let requirements = (0..pool.requirements.len()).filter(|at| !KEPT.contains(&&*pool.requirements[*at].key));
        let mut lifts: Vec<Lift> = requirements.map(|at| Lift::Requirement { pool: name.clone(), at }).collect();
        if pool.limits.iter().any(Option::is_some) {
            lifts.push(Lift::PoolLimits { pool: name.clone() });
        }
        for lift in lifts {
            let mut lifted = world.clone();
            lift.apply(&mut lifted, pricing);
            let then = cheapest_room(&lifted.prices.offers);
            let more =
                lifted.prices.offers.len() > world.prices.offers.len() || matches!(lift, Lift::PoolLimits { .. });
            if more {
                dollars.insert(lift, usd_per_hour_after * ((now - then) / now).clamp(0.001, 1.0));
            }
        }
    }
    dollars
}

/// Dollars an hour of what is as large as a core.
fn cheapest_room(offers: &[Offer]) -> f64 {
    let of = |offer: &Offer| {
        let room = &offer.node.allocatable;
        let cores = room.cpu as f64 / 1e3 + room.memory as f64 / (1u64 << 30) as f64 / GIB_OF_A_CORE;
        offer.price.usd_per_hour.dollars() / cores.max(1e-3)
    };
    offers.iter().map(of).fold(f64::INFINITY, f64::min)
}
