//! What requests would have come to on use that is known: slack, unmet demand, episodes, changes.

use std::ops::AddAssign;

use model::Time;

use super::pacing::Held;
use super::strategy::Strategy;
use super::{Event, Resource, Settings, Usage};

/// How a strategy's requests are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// Set anew each day, counted from the start of the replay.
    Daily,
    /// Whenever there is reason to, by the constants of the seasonal strategy.
    WhenNeeded,
}

/// What came of it, for one resource; sums over time, so that containers can be added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Cores or bytes that were used within the request, times seconds.
    pub used: f64,
    /// Asked for, times seconds.
    pub requested: f64,
    /// Wanted, times seconds.
    pub demand: f64,
    /// Wanted above the request, times seconds.
    pub unmet: f64,
    /// Runs of samples above the request.
    pub episodes: usize,
    /// How often the request changed.
    pub changes: usize,
    /// Seconds replayed, gaps left out.
    pub seconds: f64,
}

/// A sample stands for the time since the one before, but for no more than this: what lies before is a gap.
const LONGEST_STEP_SECONDS: i64 = 600;
/// What the first sample stands for.
const USUAL_STEP_SECONDS: i64 = 300;
const DAY_SECONDS: i64 = 86_400;

impl Outcome {
    /// Part of what was asked for that was not used.
    pub fn slack(&self) -> f64 {
        1.0 - self.used / self.requested
    }

    /// Part of what was wanted that was above the request.
    pub fn unmet_part(&self) -> f64 {
        self.unmet / self.demand
    }

    /// Episodes in a month of 30 days.
    pub fn episodes_a_month(&self) -> f64 {
        self.episodes as f64 / self.days() * 30.0
    }

    /// Changes a day.
    pub fn changes_a_day(&self) -> f64 {
        self.changes as f64 / self.days()
    }

    /// Days replayed.
    pub fn days(&self) -> f64 {
        self.seconds / DAY_SECONDS as f64
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Outcome) {
        self.used += other.used;
        self.requested += other.requested;
        self.demand += other.demand;
        self.unmet += other.unmet;
        self.episodes += other.episodes;
        self.changes += other.changes;
        self.seconds += other.seconds;
    }
}

/// Replays one resource: the strategy sees everything, and is judged on what is in `from..until`. No request is known
/// before its samples: at each sample the request is one made of earlier samples only.
pub fn replay(
    usage: &Usage,
    resource: Resource,
    strategy: &dyn Strategy,
    settings: &Settings,
    cadence: Cadence,
    (from, until): (Time, Time),
) -> Outcome {
    let mut watch = strategy.watch(resource, settings);
    let mut requests = Requests::new(cadence, from);
    let mut judge = Judge::default();
    let mut events = usage.events.iter().peekable();
    for sample in usage.of(resource).samples().iter().take_while(|sample| sample.at < until) {
        while let Some(Event { at, kind }) = events.next_if(|event| event.at <= sample.at) {
            watch.event(*at, *kind);
        }
        if sample.at >= from {
            let request = requests.at(sample.at, resource, settings, &mut |now| Some(watch.estimate(now)?.amount));
            judge.sample(sample.at, sample.amount, request, resource);
        } else {
            judge.last = Some(sample.at);
        }
        watch.sample(*sample);
    }
    Outcome { changes: requests.changes, ..judge.outcome }
}

/// Requests as they are set over time.
pub struct Requests {
    cadence: Cadence,
    held: Held,
    next_day: Time,
    /// How often the request changed.
    pub changes: usize,
}

impl Requests {
    /// None yet.
    pub fn new(cadence: Cadence, from: Time) -> Requests {
        Requests { cadence, held: Held::new(), next_day: from, changes: 0 }
    }

    /// The request at this moment; none while nothing is known.
    pub fn at(
        &mut self,
        now: Time,
        resource: Resource,
        settings: &Settings,
        wanted: &mut dyn FnMut(Time) -> Option<f64>,
    ) -> Option<i64> {
        let bounds = settings.bounds[resource.index()];
        match self.cadence {
            Cadence::Daily if now >= self.next_day => {
                let days = now.seconds_since(self.next_day) / DAY_SECONDS + 1;
                self.next_day = Time(self.next_day.0.saturating_add(days * DAY_SECONDS));
                if let Some(wanted) = wanted(now) {
                    let request = bounds.clamp(resource.to_request(wanted)).0;
                    self.changes += usize::from(self.held.request.is_some_and(|held| held != request));
                    self.held.request = Some(request);
                }
            }
            Cadence::Daily => {}
            Cadence::WhenNeeded => {
                if let Some(wanted) = wanted(now) {
                    let wanted = wanted.max(resource.from_request(bounds.least));
                    let constants = &settings.seasonal[resource.index()];
                    self.changes += usize::from(self.held.follow(now, resource, wanted, constants));
                }
            }
        }
        self.held.request.map(|request| bounds.clamp(request).0)
    }
}

/// Compares use with requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judge {
    /// What came of it so far.
    pub outcome: Outcome,
    last: Option<Time>,
    is_above: bool,
}

impl Judge {
    /// A sample while so much was asked for. Without a request nothing is judged.
    pub fn sample(&mut self, at: Time, amount: f64, request: Option<i64>, resource: Resource) {
        let since = self.last.map_or(USUAL_STEP_SECONDS, |last| at.seconds_since(last));
        let seconds = since.min(LONGEST_STEP_SECONDS) as f64;
        self.last = Some(at);
        let Some(request) = request else { return };
        let request = resource.from_request(request);
        let outcome = &mut self.outcome;
        outcome.seconds += seconds;
        outcome.used += amount.min(request) * seconds;
        outcome.requested += request * seconds;
        outcome.demand += amount * seconds;
        outcome.unmet += (amount - request).max(0.0) * seconds;
        outcome.episodes += usize::from(amount > request && !self.is_above);
        self.is_above = amount > request;
    }
}
