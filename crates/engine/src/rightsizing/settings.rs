//! What a policy says of how recommendations are made.

use super::Resource;
use super::seasonal::{Caution, Constants, Pace, constants};

/// What a policy says of how recommendations are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How far back to look.
    pub window_seconds: i64,
    /// The percentile strategy's percentile: 50, 90 or 99.
    pub percentile: u8,
    /// The percentile strategy's factor, applied before bounds.
    pub safety_factor: f64,
    /// Least and most of each resource, as requests, by `Resource::index`.
    pub bounds: [Bounds; 2],
    /// What becomes of limits.
    pub limits: Limits,
    /// Whether it serves all the time, or runs now and then.
    pub work: Work,
    /// The seasonal strategy's constants, by `Resource::index`.
    pub seasonal: [Constants; 2],
}

/// Least and most of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Millicores or bytes.
    pub least: i64,
    /// Millicores or bytes.
    pub most: i64,
}

/// What becomes of limits where requests change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limits {
    /// They stay, and no request goes above its limit.
    #[default]
    Keep,
    /// They change in the proportion in which their requests do.
    InProportion,
}

/// What kind of work a container does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// It is there all the time.
    #[default]
    Serving,
    /// It runs and ends: Jobs and CronJobs.
    Batch,
}

const DAY_SECONDS: i64 = 86_400;

impl Settings {
    /// Two weeks, P90 × 1.2, no bounds but the smallest request there is.
    pub fn new(pace: Pace, caution: Caution) -> Settings {
        Settings {
            window_seconds: 14 * DAY_SECONDS,
            percentile: 90,
            safety_factor: 1.2,
            bounds: [Bounds { least: 1, most: i64::MAX }; 2],
            limits: Limits::Keep,
            work: Work::Serving,
            seasonal: Resource::ALL.map(|resource| constants(resource, pace, caution)),
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::new(Pace::Once, Caution::Medium)
    }
}

impl Bounds {
    /// The request within these bounds, and which of them cut it. Where the two contradict each other the least wins:
    /// a container that cannot run saves nothing.
    pub fn clamp(self, request: i64) -> (i64, Option<Bound>) {
        if request < self.least {
            (self.least, Some(Bound::Least))
        } else if request > self.most.max(self.least) {
            (self.most.max(self.least), Some(Bound::Most))
        } else {
            (request, None)
        }
    }
}

/// Which bound cut a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It would have been less.
    Least,
    /// It would have been more.
    Most,
}
