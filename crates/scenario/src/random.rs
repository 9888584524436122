//! Chance, from a seed: the same seed gives the same cluster on every machine.

use fastrand::Rng;

/// A source of chance that always starts from an explicit seed.
pub(crate) struct Random(Rng);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Random {
        Random(Rng::with_seed(seed))
    }

    /// Whether something happens that does so in `percent` of all cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.u32(0..100) < percent
    }

    /// A whole number from `low` to `high`, both possible.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.i64(low..=high)
    }

    /// An index below `count`, which is at least 1.
    pub fn below(&mut self, count: usize) -> usize {
        self.0.usize(0..count)
    }

    /// One of the choices, of which there is at least one.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// One of the choices, each as likely as its weight says.
    pub fn weighted<'a, T>(&mut self, choices: &'a [(u32, T)]) -> &'a T {
        let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.0.u32(0..total);
        for (weight, choice) in choices {
            if drawn < *weight {
                return choice;
            }
            drawn -= weight;
        }
        &choices[choices.len() - 1].1
    }

    /// `count` different ones of the choices, or all of them where there are fewer, in their own order.
    pub fn some<T: Clone>(&mut self, choices: &[T], count: usize) -> Vec<T> {
        let mut left = count.min(choices.len());
        let mut chosen = Vec::with_capacity(left);
        for (at, choice) in choices.iter().enumerate() {
            // Each one is taken with the chance that leaves every subset equally likely.
            if self.below(choices.len() - at) < left {
                chosen.push(choice.clone());
                left -= 1;
            }
        }
        chosen
    }
}
