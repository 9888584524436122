//! What a container was seen to use, over time, and what happened to it.

use model::Time;

use super::Resource;

/// One measurement: cores on average since the one before, or bytes at that moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Time,
    /// Cores or bytes.
    pub amount: f64,
}

/// Something that use alone does not show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Time,
    /// What.
    pub kind: EventKind,
}

/// What happened to a container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EventKind {
    /// Killed for want of memory, at this limit in bytes where it is known.
    OutOfMemory(Option<f64>),
    /// Started again, for whatever reason.
    Restart,
    /// The part of its CPU periods in which it was held back, 0 to 1, until the next such event.
    Throttled(f64),
}

/// The use of one container's one resource, in the order of time, each moment once. Where it was not measured there is
/// no sample: a gap is not a zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    samples: Vec<Sample>,
    /// Samples that were no measurements: not a number, negative, larger than any machine.
    pub broken: usize,
    /// Samples of a moment that had one already; the larger was kept.
    pub duplicates: usize,
}

impl Series {
    /// From samples in any order.
    pub fn new(resource: Resource, samples: impl IntoIterator<Item = Sample>) -> Series {
        let mut series = Series::default();
        for sample in samples {
            if resource.is_plausible(sample.amount) {
                series.samples.push(sample);
            } else {
                series.broken += 1;
            }
        }
        series.samples.sort_by(|a, b| a.at.cmp(&b.at).then(b.amount.total_cmp(&a.amount)));
        let before = series.samples.len();
        series.samples.dedup_by_key(|sample| sample.at);
        series.duplicates = before - series.samples.len();
        series
    }

    /// The samples, oldest first.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Those of the last `seconds` before and at this moment.
    pub fn window(&self, until: Time, seconds: i64) -> &[Sample] {
        let from = Time(until.0.saturating_sub(seconds));
        let start = self.samples.partition_point(|sample| sample.at <= from);
        let end = self.samples.partition_point(|sample| sample.at <= until);
        &self.samples[start.min(end)..end]
    }

    /// The moment of the last sample.
    pub fn last(&self) -> Option<Time> {
        self.samples.last().map(|sample| sample.at)
    }

    /// Seconds between the first and the last sample.
    pub fn seconds(&self) -> i64 {
        match (self.samples.first(), self.samples.last()) {
            (Some(first), Some(last)) => last.at.seconds_since(first.at),
            _ => 0,
        }
    }

    /// The usual distance of two samples in seconds: the median, at least one; none of fewer than two.
    pub fn step(&self) -> Option<i64> {
        let mut steps: Vec<i64> = self.samples.windows(2).map(|pair| pair[1].at.seconds_since(pair[0].at)).collect();
        let middle = steps.len() / 2;
        (!steps.is_empty()).then(|| (*steps.select_nth_unstable(middle).1).max(1))
    }
}

/// What is known of one container's use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Cores.
    pub cpu: Series,
    /// Bytes.
    pub memory: Series,
    /// In the order of time.
    pub events: Vec<Event>,
}

impl Usage {
    /// The series of a resource.
    pub fn of(&self, resource: Resource) -> &Series {
        match resource {
            Resource::Cpu => &self.cpu,
            Resource::Memory => &self.memory,
        }
    }

    /// The moment of the last sample of either.
    pub fn last(&self) -> Option<Time> {
        self.cpu.last().max(self.memory.last())
    }

    /// How many events of a kind there are since this moment.
    pub fn count(&self, since: Time, is_meant: impl Fn(EventKind) -> bool) -> usize {
        self.events.iter().filter(|event| event.at > since && is_meant(event.kind)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: i64, amount: f64) -> Sample {
        Sample { at: Time(at), amount }
    }

    #[test]
    fn order_duplicates_and_nonsense_are_dealt_with() {
        let series = Series::new(
            Resource::Cpu,
            [sample(3, 1.0), sample(1, 2.0), sample(1, 5.0), sample(2, f64::NAN), sample(2, -1.0), sample(4, 1e300)],
        );
        assert_eq!(series.samples(), [sample(1, 5.0), sample(3, 1.0)]);
        assert_eq!((series.broken, series.duplicates, series.step()), (3, 1, Some(2)));
    }

    #[test]
    fn a_window_ends_at_its_moment_and_is_open_at_its_start() {
        let series = Series::new(Resource::Cpu, (0..10).map(|at| sample(at, 1.0)));
        let window: Vec<i64> = series.window(Time(7), 3).iter().map(|sample| sample.at.0).collect();
        assert_eq!(window, [5, 6, 7]);
        assert!(series.window(Time(-5), 3).is_empty());
    }
}
