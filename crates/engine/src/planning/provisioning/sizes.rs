//! What each place sells: nodes by size, net of the daemons that each would run.

use model::Offer;

use crate::bound::ForSale;
use crate::cluster::{CPU, Class, Cluster, EPHEMERAL_STORAGE, FIRST_SCALAR, MEMORY, PODS};

use super::places::Place;
use super::stage::Stage;

/// No node has as much of anything; sums of a few of these do not overflow.
const BEYOND_MEASURE: i64 = 1 << 50;

/// One node for sale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Size {
    /// Its index among all offers.
    pub offer: usize,
    /// What it has.
    pub whole: Vec<i64>,
    /// What is left of that for pods.
    pub room: Vec<i64>,
    pub usd_per_hour: f64,
    /// The part of the limits of its pool that it takes, where there are limits.
    pub share_of_pool: f64,
}

/// What all places sell.
pub(super) struct Sizes {
    /// By place, cheapest first, and none that is no larger than a cheaper one.
    pub of_place: Vec<Vec<Size>>,
    /// By place: the first place that sells the same to the same pods.
    pub alike: Vec<usize>,
    /// By place: the group whose nodes the same pods may use.
    pub group: Vec<u32>,
    /// By place: its pool, by number.
    pub pool: Vec<usize>,
}

impl Sizes {
    pub(super) fn new(cluster: &Cluster<'_>, stage: &Stage, places: &[Place], offers: &[Offer]) -> Sizes {
        let mut sizes = Sizes { of_place: Vec::new(), alike: Vec::new(), group: Vec::new(), pool: Vec::new() };
        let mut groups: Vec<&[u32]> = Vec::new();
        let mut pools: Vec<&str> = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let sold = sold(cluster, &stage.daemons[at], place, offers);
            sizes.group.push(number(&mut groups, &place.eligible[..]) as u32);
            sizes.pool.push(number(&mut pools, place.offers.first().map_or("", |offer| &*offers[*offer].pool)));
            let same = |other: &usize| {
                let each = sizes.of_place[*other].iter().zip(&sold);
                sizes.group[*other] == sizes.group[at]
                    && sizes.of_place[*other].len() == sold.len()
                    && each.into_iter().all(|(a, b)| a.room == b.room && a.usd_per_hour == b.usd_per_hour)
            };
            let alike = (0..at).find(same).unwrap_or(at);
            sizes.alike.push(alike);
            sizes.of_place.push(sold);
        }
        sizes
    }

    /// By group.
    pub(super) fn for_sale(&self) -> Vec<Vec<ForSale>> {
        let groups = self.group.iter().max().map_or(0, |most| *most as usize + 1);
        let mut for_sale: Vec<Vec<ForSale>> = (0..groups).map(|_| Vec::new()).collect();
        for (at, sold) in self.of_place.iter().enumerate().filter(|(at, _)| self.alike[*at] == *at) {
            let sold = sold.iter().map(|size| ForSale { amounts: size.room.clone(), usd_per_hour: size.usd_per_hour });
            for_sale[self.group[at] as usize].extend(sold);
        }
        for_sale
    }

    /// Groups where pods of the class may be.
    pub(super) fn groups_for(&self, cluster: &Cluster<'_>, stage: &Stage, class: &Class) -> Vec<u32> {
        let eligible = cluster.eligible(class);
        let each = stage.slots.iter().zip(&self.group);
        let takes = each.filter(|(slots, _)| slots.first().is_some_and(|slot| eligible.contains(*slot as usize)));
        let mut groups: Vec<u32> = takes.map(|(_, group)| *group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

fn sold(cluster: &Cluster<'_>, daemons: &[u32], place: &Place, offers: &[Offer]) -> Vec<Size> {
    let mut sold: Vec<Size> = place.offers.iter().map(|at| size(cluster, daemons, *at, &offers[*at])).collect();
    sold.retain(|size| size.room.iter().all(|room| *room >= 0) && size.room[PODS] > 0);
    // Of two that cost the same the larger, then the first, is met first.
    let bulk = |size: &Size| size.room.iter().map(|room| i128::from(*room)).sum::<i128>();
    sold.sort_by(|a, b| a.usd_per_hour.total_cmp(&b.usd_per_hour).then(bulk(b).cmp(&bulk(a))));
    let mut kept: Vec<Size> = Vec::new();
    for size in sold {
        let is_no_better = |cheaper: &Size| {
            cheaper.room.iter().zip(&size.room).all(|(have, more)| have >= more)
                && cheaper.share_of_pool <= size.share_of_pool
        };
        if !kept.iter().rev().any(is_no_better) {
            kept.push(size);
        }
    }
    kept
}

fn size(cluster: &Cluster<'_>, daemons: &[u32], at: usize, offer: &Offer) -> Size {
    let amounts = &offer.node.allocatable;
    let mut whole = vec![0; cluster.resources];
    whole[CPU] = amounts.cpu;
    whole[MEMORY] = amounts.memory;
    whole[EPHEMERAL_STORAGE] = amounts.ephemeral_storage;
    whole[PODS] = amounts.pods;
    for (number, name) in cluster.scalar_names.iter().enumerate() {
        whole[FIRST_SCALAR + number] = amounts.scalar(name);
    }
    whole.iter_mut().for_each(|amount| *amount = (*amount).clamp(0, BEYOND_MEASURE));
    let mut room = whole.clone();
    for daemon in daemons {
        room[PODS] -= 1;
        for (resource, amount) in &cluster.class_of(*daemon as usize).requests {
            room[*resource as usize] -= amount;
        }
    }
    let share_of_pool = offer.most.map_or(0.0, |most| 1.0 / f64::from(most.max(1)));
    Size { offer: at, whole, room, usd_per_hour: offer.price.usd_per_hour.dollars(), share_of_pool }
}

fn number<T: PartialEq>(known: &mut Vec<T>, value: T) -> usize {
    known.iter().position(|other| *other == value).unwrap_or_else(|| {
        known.push(value);
        known.len() - 1
    })
}
