//! What was sampled so far: a sketch of each container of a workload, and the slots that go on.

use std::collections::BTreeMap;

use engine::rightsizing::sketch::{SLOT_SECONDS, Sketch};
use engine::rightsizing::{Resource, Usage, Used, User};
use model::{Name, Time, WorkloadRef};
use observe::PodReading;

/// Readings of a slot come until so long after its end: metrics-server looks at a pod four times a minute or once.
const SETTLES_SECONDS: i64 = 120;
/// Clocks differ by so much.
const AHEAD_SECONDS: i64 = 60;
/// What is older was not measured now: its node is away.
const STALE_SECONDS: i64 = 600;
/// A workload that is gone for so long is forgotten; one that is only being replaced is not.
const GONE_SECONDS: i64 = 3_600;

/// Whose use it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The workload.
    pub workload: WorkloadRef,
    /// Its container.
    pub container: Name,
}

/// What was sampled so far.
#[derive(Default)]
pub struct History {
    containers: BTreeMap<Key, Kept>,
    /// By namespace and name of the pod the moment of its last reading.
    seen: BTreeMap<(Name, Name), Time>,
}

/// What is known of one container.
#[derive(Default)]
struct Kept {
    sketch: Sketch,
    /// By the beginning of the slot.
    slots: BTreeMap<i64, Slot>,
}

/// A slot that goes on. Each replica is averaged by itself; the one that uses most counts, as elsewhere.
#[derive(Default)]
struct Slot {
    /// By pod: the sum of its cores, and of how many readings.
    cores: BTreeMap<Name, (f64, u32)>,
    bytes: f64,
}

impl Slot {
    fn highest(&self) -> f64 {
        self.cores.values().map(|(sum, count)| sum / f64::from((*count).max(1))).fold(0.0, f64::max)
    }

    fn put(&self, at: i64, sketch: &mut Sketch) {
        sketch.put(Resource::Cpu, Time(at), self.highest());
        sketch.put(Resource::Memory, Time(at), self.bytes);
    }
}

impl Kept {
    /// The slots that go on too.
    fn whole(&self) -> Sketch {
        let mut sketch = self.sketch.clone();
        self.slots.iter().for_each(|(at, slot)| slot.put(*at, &mut sketch));
        sketch
    }
}

impl History {
    /// Takes in a reading of a pod of this workload; false where it is not new, or not of now.
    pub fn take(&mut self, workload: &WorkloadRef, reading: &PodReading, now: Time) -> bool {
        // Of what is to come yet, less than zero.
        let age = now.0.saturating_sub(reading.at.0);
        let pod = (reading.namespace.clone(), reading.pod.clone());
        let is_known = self.seen.get(&pod).is_some_and(|seen| *seen >= reading.at);
        if is_known || !(-AHEAD_SECONDS..=STALE_SECONDS).contains(&age) {
            return false;
        }
        self.seen.insert(pod, reading.at);
        let slot = reading.at.0 - reading.at.0.rem_euclid(SLOT_SECONDS);
        for (container, cores, bytes) in &reading.containers {
            if !(Resource::Cpu.is_plausible(*cores) && Resource::Memory.is_plausible(*bytes)) {
                continue;
            }
            let key = Key { workload: workload.clone(), container: container.clone() };
            let slot = self.containers.entry(key).or_default().slots.entry(slot).or_default();
            let (sum, count) = slot.cores.entry(reading.pod.clone()).or_default();
            *sum += cores;
            *count += 1;
            slot.bytes = slot.bytes.max(*bytes);
        }
        true
    }

    /// Slots that are over go into the sketches; what was before the window, and what is gone, is forgotten.
    pub fn settle(&mut self, now: Time, window_seconds: i64, is_there: impl Fn(&WorkloadRef) -> bool) {
        let over = now.0 - SETTLES_SECONDS - SLOT_SECONDS;
        let from = Time(now.0.saturating_sub(window_seconds));
        self.containers.retain(|key, kept| {
            let going_on = kept.slots.split_off(&(over + 1));
            for (at, slot) in std::mem::replace(&mut kept.slots, going_on) {
                slot.put(at, &mut kept.sketch);
            }
            kept.sketch.forget_before(from);
            let is_late = || kept.sketch.last().is_none_or(|last| now.seconds_since(last) > GONE_SECONDS);
            let is_empty = kept.sketch.is_empty() && kept.slots.is_empty();
            !is_empty && (!kept.slots.is_empty() || is_there(&key.workload) || !is_late())
        });
        self.seen.retain(|_, at| now.seconds_since(*at) <= STALE_SECONDS);
    }

    /// What was used, of one namespace or of all.
    pub fn used(&self, namespace: Option<&str>) -> Vec<Used> {
        let of = self.containers.iter().filter(|(key, _)| is_in(key, namespace));
        let one = |(key, kept): (&Key, &Kept)| Used {
            namespace: key.workload.namespace.clone(),
            user: User::Workload(key.workload.kind.clone(), key.workload.name.clone()),
            container: key.container.clone(),
            usage: Usage { ..kept.whole().usage() },
        };
        of.map(one).collect()
    }

    /// The first moment that something is known of.
    pub fn since(&self, namespace: Option<&str>) -> Option<Time> {
        let of = self.containers.iter().filter(|(key, _)| is_in(key, namespace));
        of.filter_map(|(_, kept)| kept.sketch.first().into_iter().chain(kept.slots.keys().map(|at| Time(*at))).min())
            .min()
    }

    /// All sketches, to be written down.
    pub fn sketches(&self) -> impl Iterator<Item = (&Key, Sketch)> {
        self.containers.iter().map(|(key, kept)| (key, kept.whole()))
    }

    /// What was written down before is known besides.
    pub fn restore(&mut self, key: Key, mut sketch: Sketch) {
        let kept = self.containers.entry(key).or_default();
        if sketch.last() < kept.sketch.last() {
            sketch.absorb(&kept.sketch);
            kept.sketch = sketch;
        } else if kept.sketch.is_empty() {
            kept.sketch = sketch;
        } else {
            kept.sketch.absorb(&sketch);
        }
    }
}

fn is_in(key: &Key, namespace: Option<&str>) -> bool {
    namespace.is_none_or(|namespace| *key.workload.namespace == *namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_132_800;

    fn web() -> WorkloadRef {
        WorkloadRef { kind: "Deployment".into(), namespace: "shop".into(), name: "web".into() }
    }

    fn reading(pod: &str, at: i64, cores: f64) -> PodReading {
        let containers = vec![("main".into(), cores, cores * 1e9)];
        PodReading { namespace: "shop".into(), pod: pod.into(), at: Time(NOW + at), containers }
    }

    fn cpu(history: &History) -> Vec<(i64, f64)> {
        let used = history.used(Some("shop"));
        let samples = used.iter().flat_map(|used| used.usage.cpu.samples());
        samples.map(|sample| (sample.at.0 - NOW, (sample.amount * 100.0).round() / 100.0)).collect()
    }

    #[test]
    fn replicas_are_averaged_one_by_one_and_the_highest_counts() {
        let mut history = History::default();
        for (pod, at, cores) in [("a", 0, 1.0), ("a", 60, 3.0), ("b", 30, 1.5), ("a", 300, 0.5)] {
            assert!(history.take(&web(), &reading(pod, at, cores), Time(NOW + at)));
        }
        assert_eq!(cpu(&history), [(0, 2.0), (300, 0.5)]);
        // Over or not, it is the same.
        history.settle(Time(NOW + 3_000), 86_400, |_| true);
        assert_eq!(cpu(&history), [(0, 2.0), (300, 0.5)]);
        assert!(history.used(Some("other")).is_empty());
        assert_eq!(history.since(None), Some(Time(NOW)));
    }

    #[test]
    fn a_reading_counts_once_and_only_where_it_is_of_now() {
        let mut history = History::default();
        assert!(history.take(&web(), &reading("a", 0, 1.0), Time(NOW)));
        for (at, now) in [(0, 60), (-60, 60), (60, 3_000), (3_000, 60)] {
            assert!(!history.take(&web(), &reading("a", at, 9.0), Time(NOW + now)), "{at} {now}");
        }
        assert_eq!(cpu(&history), [(0, 1.0)]);
    }

    #[test]
    fn what_is_gone_is_forgotten_and_what_is_briefly_away_is_not() {
        let mut history = History::default();
        history.take(&web(), &reading("a", 0, 1.0), Time(NOW));
        history.settle(Time(NOW + 1_800), 86_400, |_| false);
        assert_eq!(cpu(&history).len(), 1);
        history.settle(Time(NOW + 7_200), 86_400, |_| false);
        assert_eq!(cpu(&history).len(), 0);
        history.take(&web(), &reading("a", 7_200, 1.0), Time(NOW + 7_200));
        history.settle(Time(NOW + 80_000), 86_400, |_| true);
        assert_eq!(cpu(&history).len(), 1);
        history.settle(Time(NOW + 100_000), 86_400, |_| true);
        assert_eq!(cpu(&history).len(), 0, "it is before the window");
    }
}
