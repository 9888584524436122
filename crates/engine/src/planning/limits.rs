//! How many moves a plan may make, and what each must save.

use model::{Policy, UsdPerHour};

/// The limits on the way to a placement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// No more pods end elsewhere than they were.
    pub most_moves: Option<usize>,
    /// A node goes only where that saves at least this for each pod that moves for it.
    pub least_saved_per_move: UsdPerHour,
}

impl Limits {
    /// The policy's.
    pub fn of(policy: &Policy) -> Limits {
        Limits {
            most_moves: policy.most_moves.map(|most| most as usize),
            least_saved_per_move: policy.least_saved_per_move,
        }
    }

    /// Is there any?
    pub fn are_set(&self) -> bool {
        *self != Limits::default()
    }

    /// May a node of this price go, where so many pods had moved before and so many have with it?
    pub fn allow(&self, price: UsdPerHour, before: usize, after: usize) -> bool {
        self.most_moves.is_none_or(|most| after <= most || after <= before) && self.is_worth(price, before, after)
    }

    /// Does the node save enough for the moves it takes?
    pub fn is_worth(&self, price: UsdPerHour, before: usize, after: usize) -> bool {
        price >= self.least_saved_per_move * after.saturating_sub(before) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_worth_its_moves_or_not() {
        let dollars = |dollars: i64| UsdPerHour::from_nanos(dollars * 1_000_000_000);
        let limits = Limits { most_moves: Some(10), least_saved_per_move: dollars(2) };
        assert!(limits.allow(dollars(4), 8, 10));
        assert!(!limits.allow(dollars(4), 8, 11), "a move too many");
        assert!(!limits.allow(dollars(3), 8, 10), "too little saved");
        assert!(limits.allow(dollars(0), 8, 7), "fewer moves than before");
        assert!(Limits::default().allow(dollars(0), 0, 1_000));
    }
}
