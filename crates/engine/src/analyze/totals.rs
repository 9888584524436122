//! The one place where node prices are summed.

use model::{Prices, Snapshot, UsdPerHour};

/// What a set of nodes costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The priced nodes.
    pub usd_per_hour: UsdPerHour,
    /// How many nodes, priced or not.
    pub nodes: usize,
    /// How many have no price, and so are not in the sum.
    pub nodes_unpriced: usize,
}

impl Totals {
    /// Sums the prices of nodes; of each, `None` where it has none.
    pub fn of(prices: impl IntoIterator<Item = Option<UsdPerHour>>) -> Totals {
        let mut totals = Totals::default();
        for price in prices {
            totals.nodes += 1;
            match price {
                Some(price) => totals.usd_per_hour += price,
                None => totals.nodes_unpriced += 1,
            }
        }
        totals
    }

    /// Dollars per month of 730 hours.
    pub fn usd_per_month(&self) -> f64 {
        self.usd_per_hour.dollars_per_month()
    }

    /// Is every node in the sum?
    pub fn is_whole(&self) -> bool {
        self.nodes_unpriced == 0
    }
}

/// All nodes of a snapshot.
pub(super) fn totals(snapshot: &Snapshot, prices: &Prices) -> Totals {
    Totals::of((0..snapshot.nodes.len()).map(|node| prices.of(node)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpriced_nodes_are_counted_and_left_out() {
        let price = UsdPerHour::from_dollars(0.1);
        let totals = Totals::of([price, None, price]);
        assert_eq!((totals.usd_per_hour.nanos(), totals.nodes, totals.nodes_unpriced), (200_000_000, 3, 1));
        assert!(!totals.is_whole());
        assert!((totals.usd_per_month() - 146.0).abs() < 1e-9);
    }
}
