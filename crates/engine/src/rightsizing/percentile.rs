//! A percentile of the rolling window, times a safety factor.

use std::collections::VecDeque;

use model::Time;

use super::strategy::{Basis, Estimate, Strategy, Watch};
use super::{Resource, Sample, Settings};

/// The policy's percentile of all samples of its window, times its safety factor.
pub struct Percentile;

impl Strategy for Percentile {
    fn name(&self) -> &'static str {
        "percentile"
    }

    fn describe(&self) -> &'static str {
        "a percentile of the window, times a safety factor"
    }

    fn watch(&self, _: Resource, settings: &Settings) -> Box<dyn Watch> {
        let Settings { percentile, safety_factor, window_seconds, .. } = *settings;
        Box::new(Window { samples: VecDeque::new(), percentile, safety_factor, window_seconds })
    }
}

/// P50, P90 and P99 of samples; none of no samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// Half of the samples are at most this.
    pub p50: f64,
    /// Nine in ten are.
    pub p90: f64,
    /// Ninety-nine in a hundred are.
    pub p99: f64,
    /// The highest.
    pub highest: f64,
}

impl Percentiles {
    /// Of these samples.
    pub fn of(samples: &[Sample]) -> Option<Percentiles> {
        let mut amounts: Vec<f64> = samples.iter().map(|sample| sample.amount).collect();
        amounts.sort_unstable_by(f64::total_cmp);
        let at = |percentile| nearest_rank(&amounts, percentile);
        Some(Percentiles { p50: at(50)?, p90: at(90)?, p99: at(99)?, highest: at(100)? })
    }
}

/// The smallest amount that so many percent of the sorted amounts do not exceed: always one that was measured.
pub fn nearest_rank(sorted: &[f64], percentile: u8) -> Option<f64> {
    let rank = (sorted.len() * usize::from(percentile.min(100))).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

struct Window {
    samples: VecDeque<Sample>,
    percentile: u8,
    safety_factor: f64,
    window_seconds: i64,
}

impl Watch for Window {
    fn sample(&mut self, sample: Sample) {
        self.samples.push_back(sample);
        self.forget(sample.at);
    }

    fn estimate(&mut self, now: Time) -> Option<Estimate> {
        self.forget(now);
        let mut amounts: Vec<f64> = self.samples.iter().map(|sample| sample.amount).collect();
        amounts.sort_unstable_by(f64::total_cmp);
        let value = nearest_rank(&amounts, self.percentile)?;
        let (percentile, factor, samples) = (self.percentile, self.safety_factor, amounts.len());
        Some(Estimate { amount: value * factor, basis: Basis::Percentile { percentile, value, factor, samples } })
    }
}

impl Window {
    fn forget(&mut self, now: Time) {
        let from = now.0.saturating_sub(self.window_seconds);
        while self.samples.front().is_some_and(|sample| sample.at.0 <= from) {
            self.samples.pop_front();
        }
    }
}
