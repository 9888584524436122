//! VPA's recommender: the 90th percentile of a histogram that forgets, plus 15 %.
//!
//! Constants and their places in VPA 1.7.1: `logic/recommender.go`, `model/aggregations_config.go`, `model/container.go`.

use model::Time;

use super::histogram::DecayingHistogram;
use super::strategy::{Basis, Estimate, Strategy, Watch};
use super::{EventKind, Resource, Sample, Settings};

/// As VPA does it, floors apart, which are bounds.
pub struct Decaying;

/// `--recommendation-margin-fraction`.
const MARGIN: f64 = 1.15;
const TARGET: f64 = 0.9;
const LOWER: f64 = 0.5;
const UPPER: f64 = 0.95;
/// Every CPU sample weighs the same.
const CPU_SAMPLE_WEIGHT: f64 = 0.1;
/// One peak of memory a day is kept.
const DAY_SECONDS: i64 = 86_400;
/// After a kill a container is given a fifth more than it had, and at least 100 MiB.
const KILLED_RATIO: f64 = 1.2;
const KILLED_BYTES: f64 = 100.0 * 1_048_576.0;
/// So many samples a day are full confidence: one a minute.
const SAMPLES_A_DAY: f64 = 1_440.0;

impl Strategy for Decaying {
    fn name(&self) -> &'static str {
        "vpa"
    }

    fn describe(&self) -> &'static str {
        "VPA's: P90 with a half-life of a day, plus 15 %"
    }

    fn watch(&self, resource: Resource, _: &Settings) -> Box<dyn Watch> {
        Box::new(Recommender {
            resource,
            histogram: DecayingHistogram::new(resource),
            day: None,
            first: None,
            last: Time(0),
            samples: 0,
        })
    }
}

struct Recommender {
    resource: Resource,
    histogram: DecayingHistogram,
    /// The end of the current day and its highest peak of memory, which is not in the histogram yet.
    day: Option<(Time, f64)>,
    first: Option<Time>,
    last: Time,
    samples: u64,
}

impl Watch for Recommender {
    fn sample(&mut self, sample: Sample) {
        self.first.get_or_insert(sample.at);
        self.last = sample.at;
        self.samples += 1;
        match self.resource {
            Resource::Cpu => self.histogram.add(sample.at, sample.amount, CPU_SAMPLE_WEIGHT),
            Resource::Memory => self.peak(sample),
        }
    }

    fn event(&mut self, at: Time, event: EventKind) {
        if let (Resource::Memory, EventKind::OutOfMemory(limit)) = (self.resource, event) {
            let used = limit.into_iter().chain(self.day.map(|(_, peak)| peak)).fold(0.0, f64::max);
            if used > 0.0 {
                self.peak(Sample { at, amount: (used + KILLED_BYTES).max(used * KILLED_RATIO) });
            }
        }
    }

    fn estimate(&mut self, now: Time) -> Option<Estimate> {
        let mut histogram = self.histogram.clone();
        if let Some((end, peak)) = self.day {
            histogram.add(end, peak, 1.0);
        }
        let value = histogram.percentile(TARGET)?;
        let days = self.last.seconds_since(self.first?) as f64 / DAY_SECONDS as f64;
        let confidence = days.min(self.samples as f64 / SAMPLES_A_DAY);
        let lower = histogram.percentile(LOWER)? * MARGIN * (1.0 + 0.001 / confidence).powi(-2);
        let upper = histogram.percentile(UPPER)? * MARGIN * (1.0 + 1.0 / confidence);
        let _ = now;
        Some(Estimate { amount: value * MARGIN, basis: Basis::Decaying { value, lower, upper } })
    }
}

impl Recommender {
    /// The highest of the day counts, at the day's end.
    fn peak(&mut self, sample: Sample) {
        match &mut self.day {
            Some((end, peak)) if sample.at < *end => *peak = peak.max(sample.amount),
            day => {
                let start = day.map_or(sample.at, |(end, peak)| {
                    self.histogram.add(end, peak, 1.0);
                    end
                });
                let days = sample.at.seconds_since(start) / DAY_SECONDS + 1;
                *day = Some((Time(start.0.saturating_add(days * DAY_SECONDS)), sample.amount));
            }
        }
    }
}
