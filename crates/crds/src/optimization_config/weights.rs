//! What counts how much in choosing between plans, as the limits of a plan have it.

use model::{HOURS_PER_MONTH, Policy, UsdPerHour};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What counts how much in choosing between plans, each against the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.cost > 0.0 || self.disruption > 0.0 || self.latency > 0.0", "message": "one weight at least must be above 0"}
]))]
pub struct Weights {
    /// Dollars: the others count against it.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 100))]
    pub cost: f64,
    /// Pods moved: each time it has cost in it beyond the first, a pod that moves must save a dollar a month more.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 100))]
    pub disruption: f64,
    /// Distance between pods that talk to each other, as they prefer it: preferences are worth so many times cost more.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub latency: f64,
}

/// What a move must save for each time that disruption has cost in it beyond the first: as much as a preference is worth.
const PER_MOVE: UsdPerHour = UsdPerHour::from_nanos(1_000_000_000 / HOURS_PER_MONTH);
/// Dollars that count for less count for this: what is worth no dollar at all would have no price.
const LEAST_COST: f64 = 0.01;
const THOUSAND: f64 = 1_000.0;

fn one() -> f64 {
    1.0
}

impl Default for Weights {
    fn default() -> Weights {
        Weights { cost: one(), disruption: one(), latency: 0.0 }
    }
}

impl Weights {
    /// The policy with prices for moves and for preferences that follow from the weights; as it is for the default ones.
    pub fn limit(&self, mut policy: Policy) -> Policy {
        let per_move = PER_MOVE.share(thousandths(self.against_cost(self.disruption) - 1.0), 1_000);
        policy.least_saved_per_move = policy.least_saved_per_move.max(per_move);
        let times = thousandths(1.0 + self.against_cost(self.latency));
        policy.preference_price = policy.preference_price.share(times, 1_000);
        policy
    }

    /// What of them has no effect.
    pub fn remark(&self) -> Option<&'static str> {
        (self.disruption < self.cost).then_some(
            "spec.weights.disruption below cost counts as equal to it: moves have no price then that could be lower",
        )
    }

    fn against_cost(&self, weight: f64) -> f64 {
        weight / self.cost.max(LEAST_COST)
    }
}

/// None below zero; the largest weight against the least cost is ten millions of them.
fn thousandths(times: f64) -> i64 {
    (times.max(0.0) * THOUSAND).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(cost: f64, disruption: f64, latency: f64) -> (f64, f64) {
        let policy = Weights { cost, disruption, latency }.limit(Policy::medium());
        let cents = |price: UsdPerHour| (price.dollars_per_month() * 100.0).round() / 100.0;
        (cents(policy.least_saved_per_move), cents(policy.preference_price))
    }

    #[test]
    fn moves_and_preferences_have_the_price_that_the_weights_say() {
        assert_eq!(Weights::default().limit(Policy::medium()), Policy::medium());
        assert_eq!(limits(1.0, 1.0, 0.0), (0.0, 1.0));
        assert_eq!(limits(1.0, 6.0, 0.0), (5.0, 1.0));
        assert_eq!(limits(2.0, 3.0, 4.0), (0.5, 3.0));
        assert_eq!(limits(3.0, 1.0, 0.0), (0.0, 1.0), "no price is lower than none");
        assert_eq!(limits(0.0, 1.0, 0.0), (99.0, 1.0), "a node goes for its pods only where they are dear");
        assert_eq!(limits(0.0, 100.0, 100.0), (9_999.0, 10_001.0));
        let floor = Policy { least_saved_per_move: PER_MOVE * 9, ..Policy::medium() };
        assert_eq!(
            Weights { disruption: 2.0, ..Weights::default() }.limit(floor.clone()),
            floor,
            "never below a limit"
        );
    }
}
