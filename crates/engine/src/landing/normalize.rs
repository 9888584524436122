//! How most plugins bring what they count to a score of 0 to 100 (`helper.DefaultNormalizeScore`).

use super::MOST;

/// Which end of the counts is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Best {
    Most,
    Least,
}

/// In parts of the largest count.
pub(super) fn in_parts_of_largest(counts: &mut [i64], best: Best) {
    let largest = counts.iter().copied().max().unwrap_or(0).max(0);
    for count in counts {
        let part = if largest == 0 { 0 } else { MOST * *count / largest };
        *count = match best {
            Best::Most if largest == 0 => *count,
            Best::Most => part,
            Best::Least => MOST - part,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_the_measure() {
        let normalized = |mut counts: [i64; 3], best| {
            in_parts_of_largest(&mut counts, best);
            counts
        };
        assert_eq!(normalized([3, 1, 0], Best::Most), [100, 33, 0]);
        assert_eq!(normalized([3, 1, 0], Best::Least), [0, 67, 100]);
        assert_eq!(normalized([0, 0, 0], Best::Most), [0, 0, 0]);
        assert_eq!(normalized([0, 0, 0], Best::Least), [100, 100, 100]);
    }
}
