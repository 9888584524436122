//! Memory that only grows.

use super::Sample;

const DAY_SECONDS: i64 = 86_400;
/// On so many days in a row each day's least use must be above that of the day before.
const DAYS: usize = 4;
/// By this part in all: less is a cache that fills.
const GROWN: f64 = 1.1;

/// How many bytes a day it grows by, where each of the last days uses more at its least than the one before.
pub fn only_grows(samples: &[Sample]) -> Option<f64> {
    let mut least: Vec<(i64, f64)> = Vec::new();
    for sample in samples {
        let day = sample.at.0.div_euclid(DAY_SECONDS);
        match least.last_mut() {
            Some((last, amount)) if *last == day => *amount = amount.min(sample.amount),
            _ => least.push((day, sample.amount)),
        }
    }
    // The last day is not over.
    least.pop();
    let start = least.len().checked_sub(DAYS)?;
    let last = &least[start..];
    let grows = last.windows(2).all(|pair| pair[1].1 > pair[0].1 && pair[1].0 == pair[0].0 + 1);
    let (first, end) = (last.first()?.1, last.last()?.1);
    (grows && end > first * GROWN).then(|| (end - first) / (DAYS - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Time;

    fn series(per_day: f64) -> Vec<Sample> {
        (0..24 * 7).map(|hour| Sample { at: Time(hour * 3_600), amount: 1e9 + per_day * hour as f64 / 24.0 }).collect()
    }

    #[test]
    fn a_leak_is_seen_and_steady_use_is_not() {
        let grown = only_grows(&series(1e8)).unwrap();
        assert!((grown - 1e8).abs() < 1e6, "{grown}");
        assert_eq!((only_grows(&series(0.0)), only_grows(&series(-1e7))), (None, None));
        assert_eq!(only_grows(&[]), None);
    }
}
