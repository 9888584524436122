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
    /// Whose the least is.
    pub least_of: BoundOf,
    /// Whose the most is.
    pub most_of: BoundOf,
}

/// Whose a bound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundOf {
    /// The policy's, or whoever else asks for a recommendation.
    Policy,
    /// The container's own limit.
    Limit,
    /// A LimitRange's of its namespace.
    LimitRange,
    /// The Java heap's, which grows to what its options allow before anything is thrown away.
    JavaHeap,
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
            bounds: [Bounds::new(1, i64::MAX); 2],
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
    /// A policy's.
    pub fn new(least: i64, most: i64) -> Bounds {
        Bounds { least, most, least_of: BoundOf::Policy, most_of: BoundOf::Policy }
    }

    /// Not below this.
    pub fn at_least(&mut self, least: i64, of: BoundOf) {
        if least > self.least {
            (self.least, self.least_of) = (least, of);
        }
    }

    /// Not above this.
    pub fn at_most(&mut self, most: i64, of: BoundOf) {
        if most < self.most {
            (self.most, self.most_of) = (most, of);
        }
    }

    /// The request within these bounds, and which of them cut it. Where the two contradict each other the least wins:
    /// a container that cannot run saves nothing.
    pub fn clamp(self, request: i64) -> (i64, Option<Bound>) {
        if request < self.least {
            (self.least, Some(Bound::Least(self.least_of)))
        } else if request > self.most.max(self.least) {
            (self.most.max(self.least), Some(Bound::Most(self.most_of)))
        } else {
            (request, None)
        }
    }
}

/// Which bound cut a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It would have been less.
    Least(BoundOf),
    /// It would have been more.
    Most(BoundOf),
}

impl Bound {
    /// In words: what was done, and by whose leave no more.
    pub(super) fn words(self) -> &'static str {
        match self {
            Bound::Least(BoundOf::Policy) => "raised to the least that is allowed",
            Bound::Least(BoundOf::LimitRange) => "raised to the least that the namespace's LimitRange allows",
            Bound::Least(BoundOf::JavaHeap) => "raised to what its Java heap may grow to",
            Bound::Least(BoundOf::Limit) => "raised to its limit",
            Bound::Most(BoundOf::Limit) => "cut to its limit",
            Bound::Most(BoundOf::LimitRange) => "cut to the most that the namespace's LimitRange allows",
            Bound::Most(BoundOf::Policy | BoundOf::JavaHeap) => "cut to the most that is allowed",
        }
    }
}
