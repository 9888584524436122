//! Our own: the largest of several peaks, each with its margin. Recent peaks fade; peaks of the same hours of the last
//! days do not. See ../README.md for what is wanted of it.

mod constants;
mod hours;

use model::Time;

pub use constants::{Caution, Constants, Pace, constants};
use hours::Hours;

use super::settings::Work;
use super::strategy::{Basis, Estimate, Peak, Strategy, Watch};
use super::{EventKind, Resource, Sample, Settings};

/// Peaks that fade and peaks that come again.
pub struct Seasonal;

/// CPU used so soon after a start is the start's: requests for what is to run all day do not follow it.
const START_SECONDS: i64 = 300;
/// What a killed container is given on top, for so long.
const KILLED_RATIO: f64 = 1.2;
const KILLED_BYTES: f64 = 100.0 * 1_048_576.0;
const KILLED_SECONDS: i64 = 14 * DAY_SECONDS;
/// What runs now and then gets its highest peak and this on top: nobody resizes it while it runs.
const RUNS_MARGIN: f64 = 1.15;
const DAY_SECONDS: i64 = 86_400;

impl Strategy for Seasonal {
    fn name(&self) -> &'static str {
        "seasonal"
    }

    fn describe(&self) -> &'static str {
        "the largest of recent peaks, which fade, and of peaks in the same hours of the last days"
    }

    fn watch(&self, resource: Resource, settings: &Settings) -> Box<dyn Watch> {
        let constants = settings.seasonal[resource.index()];
        Box::new(Peaks {
            resource,
            constants,
            work: settings.work,
            fading: [0.0; 3],
            hours: Hours::new(constants.hours_ahead),
            last: None,
            highest: 0.0,
            killed: None,
            started: None,
            throttled: 0.0,
        })
    }
}

struct Peaks {
    resource: Resource,
    constants: Constants,
    work: Work,
    /// As of `last`.
    fading: [f64; 3],
    hours: Hours,
    last: Option<Time>,
    highest: f64,
    killed: Option<(Time, f64)>,
    started: Option<Time>,
    throttled: f64,
}

impl Watch for Peaks {
    fn sample(&mut self, sample: Sample) {
        let is_start = self.started.is_some_and(|start| sample.at.seconds_since(start) < START_SECONDS);
        if is_start && self.resource == Resource::Cpu && self.highest > 0.0 {
            return;
        }
        // Held back in half of its periods, a container would have used half as much again, at least.
        let amount = sample.amount * (1.0 + self.throttled);
        self.fade(sample.at);
        self.last = Some(sample.at);
        for peak in &mut self.fading {
            *peak = peak.max(amount);
        }
        self.highest = self.highest.max(amount);
        self.hours.sample(sample.at, amount);
    }

    fn event(&mut self, at: Time, event: EventKind) {
        match (event, self.resource) {
            (EventKind::OutOfMemory(limit), Resource::Memory) => {
                let used = limit.unwrap_or(0.0).max(self.fading[0]);
                self.killed = Some((at, (used * KILLED_RATIO).max(used + KILLED_BYTES)));
            }
            (EventKind::Restart, _) => self.started = Some(at),
            (EventKind::Throttled(part), Resource::Cpu) => self.throttled = part.clamp(0.0, 1.0),
            _ => {}
        }
    }

    fn estimate(&mut self, now: Time) -> Option<Estimate> {
        self.last?;
        let constants = self.constants;
        let mut best: Option<(f64, Peak, f64)> = None;
        let mut offer = |margin: f64, peak: Peak, value: f64| {
            if best.is_none_or(|(best, ..)| margin * value > best) {
                best = Some((margin * value, peak, value));
            }
        };
        if self.work == Work::Batch {
            offer(RUNS_MARGIN, Peak::Runs, self.highest);
        } else {
            for ((margin, days), peak) in constants.fading.into_iter().zip(self.faded(now)) {
                offer(margin, Peak::Fading(days), peak);
            }
            let hours = self.hours.ahead(now);
            offer(constants.yesterday, Peak::Yesterday, hours.yesterday);
            offer(constants.highest_of_week, Peak::HighestOfWeek, hours.highest);
            offer(constants.second_of_week, Peak::SecondOfWeek, hours.second);
        }
        let (largest, mut peak, mut value) = best?;
        let wanted = largest + constants.least;
        let mut amount = wanted * (constants.size / wanted).powf(constants.size_exponent);
        if let Some((at, bytes)) = self.killed
            && now.seconds_since(at) < KILLED_SECONDS
            && bytes > amount
        {
            (amount, peak, value) = (bytes, Peak::OutOfMemory, bytes);
        }
        let margin = if value > 0.0 { amount / value } else { 1.0 };
        Some(Estimate { amount, basis: Basis::Seasonal { peak, value, margin } })
    }
}

impl Peaks {
    fn fade(&mut self, now: Time) {
        self.fading = self.faded(now);
    }

    fn faded(&self, now: Time) -> [f64; 3] {
        let Some(last) = self.last else { return self.fading };
        let days = now.seconds_since(last) as f64 / DAY_SECONDS as f64;
        let mut faded = self.fading;
        for (peak, (_, half_life)) in faded.iter_mut().zip(self.constants.fading) {
            *peak *= (-days / half_life).exp2();
        }
        faded
    }
}
