//! How sure it is that a request holds for the next week: no sample of memory above it, and at most a hundredth of the
//! CPU demand.
//!
//! A logistic regression on what is known at the time, fitted on July of the data of `bench rightsizing`
//! (`bench tune-confidence`); the same bench prints how it kept its word in August and September.

use model::Time;

use super::percentile::nearest_rank;
use super::{Resource, Series};

/// What a confidence is made of.
pub const FEATURES: usize = 9;
const DAY_SECONDS: i64 = 86_400;
const WEEK_SECONDS: i64 = 7 * DAY_SECONDS;
/// As many days are looked at, at most.
const DAYS: i64 = 14;

/// Weights of `features`, by resource.
const WEIGHTS: [[f64; FEATURES]; 2] = [
    [1.0947, 0.3811, 1.1655, -0.0602, 1.6156, -0.2489, 0.1355, -0.5422, -0.3141],
    [-3.7385, 0.3491, -0.1795, 5.8953, 3.5833, 0.1965, 0.2749, -1.2083, -0.1380],
];

/// The chance, 0 to 1, that a request of so many cores or bytes holds for the week after `now`.
pub fn confidence(resource: Resource, amount: f64, series: &Series, now: Time) -> Option<f64> {
    let features = features(amount, series, now)?;
    Some(sigmoid(dot(&WEIGHTS[resource.index()], &features)))
}

/// One, how far the amount is above the highest use of the last day, how far below and above that of the last week, on how
/// many of the last days it would have held and whether on all, how many days are known and how few, and how much higher
/// peaks are than usual use.
pub fn features(amount: f64, series: &Series, now: Time) -> Option<[f64; FEATURES]> {
    let seen = series.window(now, DAYS * DAY_SECONDS);
    let first = seen.first()?.at;
    let highest_since = |seconds: i64| {
        let of = series.window(now, seconds);
        of.iter().map(|sample| sample.amount).fold(0.0, f64::max)
    };
    let week = highest_since(WEEK_SECONDS).max(f64::MIN_POSITIVE);
    let day = highest_since(DAY_SECONDS).max(week * 1e-3);
    let above = |highest: f64| (amount.max(f64::MIN_POSITIVE) / highest).ln().clamp(-2.0, 2.0);
    let (mut days, mut held) = (0, 0);
    for back in 0..DAYS {
        let end = Time(now.0.saturating_sub(back * DAY_SECONDS));
        let of_day = series.window(end, DAY_SECONDS);
        if !of_day.is_empty() {
            days += 1;
            held += i32::from(of_day.iter().all(|sample| sample.amount <= amount));
        }
    }
    let mut amounts: Vec<f64> = seen.iter().map(|sample| sample.amount).collect();
    amounts.sort_unstable_by(f64::total_cmp);
    let usual = nearest_rank(&amounts, 90)?.max(week * 1e-3);
    // From the first sample on; a day at least, as what is known for less is not asked about.
    let known = (now.seconds_since(first) as f64 / DAY_SECONDS as f64).clamp(1.0, DAYS as f64);
    Some([
        1.0,
        above(day),
        above(week).min(0.0),
        above(week).max(0.0),
        f64::from(held) / f64::from(days.max(1)),
        f64::from(u8::from(held == days)),
        known / DAYS as f64,
        known.recip(),
        (week / usual).ln().clamp(0.0, 4.0),
    ])
}

/// Whether a request of so many cores or bytes held for the week after `now`; unknown where less than a day of it was
/// seen.
pub fn held(resource: Resource, amount: f64, series: &Series, now: Time) -> Option<bool> {
    let week = series.window(Time(now.0.saturating_add(WEEK_SECONDS)), WEEK_SECONDS);
    let (first, last) = (week.first()?, week.last()?);
    if last.at.seconds_since(first.at) < DAY_SECONDS {
        return None;
    }
    Some(match resource {
        Resource::Memory => week.iter().all(|sample| sample.amount <= amount),
        Resource::Cpu => {
            let demand: f64 = week.iter().map(|sample| sample.amount).sum();
            let unmet: f64 = week.iter().map(|sample| (sample.amount - amount).max(0.0)).sum();
            unmet <= 0.01 * demand
        }
    })
}

fn dot(weights: &[f64; FEATURES], features: &[f64; FEATURES]) -> f64 {
    weights.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
}

fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}
