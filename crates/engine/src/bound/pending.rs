//! What pods that wait for nodes to be bought must cost at the least, and what each of them is worth.

use crate::cluster::PODS;
use crate::planning::Problem;

use super::dual_prices;
use super::relaxation::{Demand, Relaxation, Room, in_units};

/// A node for sale, by all that is counted, with its price.
pub(crate) struct ForSale {
    pub amounts: Vec<i64>,
    pub usd_per_hour: f64,
}

/// Pods that wait, of one shape and for the same groups.
pub(crate) struct Asked {
    /// Groups of what is for sale where they may be, in order.
    pub groups: Vec<u32>,
    /// By all that is counted.
    pub amounts: Vec<i64>,
    /// Those that take the one place of their node, by number.
    pub places: Vec<u32>,
    pub pods: usize,
}

/// What the pods are worth.
pub(crate) struct Worth {
    /// Dollars an hour: no nodes that hold all of them legally cost less.
    pub bound: f64,
    /// By what was asked: dollars an hour of one pod, nothing where none is for sale. What a node holds legally is worth at
    /// most its price, so what some of the pods are worth together bounds what those alone must cost.
    pub of_pods: Vec<f64>,
}

/// The dual prices of buying for all that is asked. So many resources are counted, and there are so many kinds of one
/// place that a node has.
pub(crate) fn worth(
    problem: &Problem<'_>,
    counted: usize,
    for_sale: &[Vec<ForSale>],
    asked: &[Asked],
    places: usize,
) -> Worth {
    let is_asked = |resource: &usize| asked.iter().any(|asked| asked.amounts[*resource] > 0);
    let resources: Vec<usize> = (0..counted).filter(|resource| *resource == PODS || is_asked(resource)).collect();
    let in_prices = |amounts: &[i64]| -> Vec<f64> {
        resources.iter().map(|resource| in_units(*resource, i128::from(amounts[*resource]))).collect()
    };
    let room = |sold: &ForSale| {
        let amounts = in_prices(&sold.amounts).into_iter().chain(std::iter::repeat_n(1.0, places)).collect();
        Room { amounts, usd_per_hour: sold.usd_per_hour }
    };
    let rooms = for_sale.iter().map(|group| group.iter().map(room).collect()).collect();
    let demand = |asked: &Asked| {
        let place = |number: u32| f64::from(u8::from(asked.places.contains(&number)));
        let amounts = in_prices(&asked.amounts).into_iter().chain((0..places as u32).map(place)).collect();
        Demand { groups: asked.groups.clone(), amounts, pods: asked.pods as f64 }
    };
    // What has nowhere to go proves nothing.
    let has_groups = |asked: &&Asked| !asked.groups.is_empty();
    let demands = asked.iter().filter(has_groups).map(demand).collect();
    let relaxation = Relaxation::of_offers(problem, resources, rooms, demands, places);
    let mut prices = dual_prices::dual_prices(&relaxation);
    relaxation.scale(&mut prices);
    let of_group: Vec<&[f64]> = prices.chunks(relaxation.width()).collect();
    let mut each = relaxation.demands.iter();
    let pays = |asked: &Asked| {
        let demand = if asked.groups.is_empty() { None } else { each.next() };
        demand.map_or(0.0, |demand| demand.cheapest(&of_group).1)
    };
    Worth { of_pods: asked.iter().map(pays).collect(), bound: relaxation.value(&prices) }
}
