//! What always holds of a sketch, against the samples that it was made of. Each property was seen to fail under the change
//! of the code that it names.

use proptest::prelude::*;

use super::super::percentile::nearest_rank;
use super::super::scale::WORST;
use super::*;

/// Slots with their amounts, in the order of time: a few days with gaps.
fn slots() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let slot = (1_i64..30, prop_oneof![0.0..0.01, 0.01..4.0, Just(0.0)]);
    proptest::collection::vec(slot, 1..600).prop_map(|steps| {
        let mut at = 1_795_132_800 / SLOT_SECONDS;
        let all = steps.into_iter().map(|(step, amount)| {
            // Mostly one after the other.
            at += if step < 27 { 1 } else { step };
            (at * SLOT_SECONDS, amount)
        });
        all.collect()
    })
}

fn bytes(cores: f64) -> f64 {
    (cores * 1e9).round()
}

fn sketch(slots: &[(i64, f64)]) -> Sketch {
    let mut sketch = Sketch::default();
    for (at, amount) in slots {
        assert!(sketch.put(Resource::Cpu, Time(*at), *amount));
        assert!(sketch.put(Resource::Memory, Time(*at), bytes(*amount)));
    }
    sketch
}

fn sorted(amounts: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = amounts.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

proptest! {
    /// Fails where `ends` cuts each part one earlier.
    #[test]
    fn no_percentile_is_below_the_true_one_and_none_far_above(slots in slots()) {
        let usage = sketch(&slots).usage();
        let truth = sorted(slots.iter().map(|(_, amount)| *amount));
        let kept = sorted(usage.cpu.samples().iter().map(|sample| sample.amount));
        prop_assert_eq!(kept.len(), truth.len());
        prop_assert_eq!(sketch(&slots).last(), slots.last().map(|(at, _)| Time(*at)));
        prop_assert_eq!(usage.memory.samples().len(), truth.len());
        let mut hours: Vec<i64> = slots.iter().map(|(at, _)| at / HOUR_SECONDS).collect();
        hours.dedup();
        for percentile in [50, 90, 99, 100] {
            let (of_truth, of_kept) = (nearest_rank(&truth, percentile).unwrap(), nearest_rank(&kept, percentile).unwrap());
            prop_assert!(of_kept >= of_truth, "P{percentile} {of_kept} < {of_truth}");
            // Within an hour no sample goes up by more than the lower half less one.
            let rank = (truth.len() * usize::from(percentile)).div_ceil(100) + 5 * hours.len();
            let above = truth[rank.min(truth.len()) - 1];
            prop_assert!(of_kept <= above * (1.0 + WORST) + 1e-9, "P{percentile} {of_kept} > {above}");
        }
    }

    /// Fails where `close` keeps the memory of the first slot.
    #[test]
    fn the_greatest_of_each_hour_is_exact(slots in slots()) {
        let usage = sketch(&slots).usage();
        for (resource, unit) in [(Resource::Cpu, 1.0), (Resource::Memory, 1e9)] {
            for hour in slots.iter().map(|(at, _)| at / HOUR_SECONDS) {
                let is_in = |at: i64| at / HOUR_SECONDS == hour;
                let truth = slots.iter().filter(|(at, _)| is_in(*at)).map(|(_, amount)| amount * unit).fold(0.0, f64::max);
                let kept = usage.of(resource).samples().iter().filter(|sample| is_in(sample.at.0));
                let kept = kept.map(|sample| sample.amount).fold(0.0, f64::max);
                prop_assert!(kept + 1.0 >= truth && kept <= truth * (1.0 + WORST) + 1.0, "{kept} for {truth}");
            }
        }
    }

    /// Fails where `put` takes the later of two amounts.
    #[test]
    fn the_order_of_what_belongs_to_two_hours_does_not_matter(
        amounts in proptest::collection::vec((0_i64..24, 0.0..4.0), 1..60), turn in any::<prop::sample::Index>()
    ) {
        let of = |amounts: &[(i64, f64)]| {
            sketch(&amounts.iter().map(|(slot, amount)| (1_795_132_800 + slot * SLOT_SECONDS, *amount)).collect::<Vec<_>>())
        };
        let mut turned = amounts.clone();
        turned.rotate_left(turn.index(amounts.len()));
        turned.reverse();
        prop_assert_eq!(of(&amounts), of(&turned));
    }

    /// Fails where `to_bytes` leaves the open hours out.
    #[test]
    fn what_is_written_down_is_read_again(slots in slots()) {
        let sketch = sketch(&slots);
        let bytes = sketch.to_bytes();
        prop_assert_eq!(Sketch::from_bytes(&bytes), Some(sketch));
        prop_assert_eq!(Sketch::from_bytes(&bytes[..bytes.len() - 1]), None);
    }

    /// Fails where `absorb` takes all CPU before all memory.
    #[test]
    fn what_was_known_before_and_since_is_known_together(slots in slots(), cut in any::<prop::sample::Index>()) {
        let (before, since) = slots.split_at(cut.index(slots.len()));
        let mut both = sketch(before);
        both.absorb(&sketch(since));
        let count = |resource: Resource| both.usage().of(resource).samples().len();
        // The hour of the cut is the only one whose slots may be known twice, in another order.
        prop_assert!(count(Resource::Cpu) + 11 >= slots.len() && count(Resource::Cpu) <= slots.len());
        prop_assert_eq!(count(Resource::Cpu), count(Resource::Memory));
    }

    /// Fails where `is_sound` takes any number for an hour: reading it overflows.
    #[test]
    fn whatever_is_read_is_a_sketch_or_nothing(
        slots in slots(), at in prop_oneof![(0_usize..10).boxed(), (0_usize..2_000).boxed()], byte in any::<u8>()
    ) {
        let mut bytes = sketch(&slots).to_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Some(mut sketch) = Sketch::from_bytes(&bytes) {
            sketch.usage();
            sketch.last();
            sketch.put(Resource::Cpu, Time(1_795_132_800), 1.0);
            prop_assert!(sketch.size() < 8_192);
        }
    }
}

/// Fails where `push` never drops an hour.
#[test]
fn two_weeks_take_less_than_four_kilobytes_and_so_do_two_months() {
    for days in [14, 60] {
        let slots = (0..days * 288).map(|slot| (1_795_132_800 + slot * SLOT_SECONDS, 1.0 + (slot % 7) as f64));
        let sketch = sketch(&slots.collect::<Vec<_>>());
        assert!(sketch.size() <= 4_096, "{} bytes", sketch.size());
        assert!(sketch.to_bytes().len() <= 4_096, "{} bytes", sketch.to_bytes().len());
        let seconds = sketch.usage().cpu.seconds();
        assert!((13 * 86_400..=15 * 86_400).contains(&seconds), "{seconds}");
    }
}

#[test]
fn what_comes_too_late_or_is_no_measurement_is_left_out() {
    let start = Time(1_795_132_800);
    let mut sketch = Sketch::default();
    for hour in 0..4 {
        assert!(sketch.put(Resource::Cpu, Time(start.0 + hour * HOUR_SECONDS), 1.0));
    }
    assert!(!sketch.put(Resource::Cpu, start, 9.0), "its hour is over");
    assert!(!sketch.put(Resource::Cpu, Time(-1), 9.0));
    let last = Time(start.0 + 3 * HOUR_SECONDS);
    assert!(!sketch.put(Resource::Cpu, last, f64::NAN) && !sketch.put(Resource::Cpu, last, -1.0));
    assert_eq!(sketch.usage().cpu.samples().len(), 4);
    sketch.forget_before(last);
    assert_eq!(sketch.usage().cpu.samples().len(), 1);
    // A year later what was before does not count any more, and nothing grows.
    let later = start.0 + 365 * 86_400;
    for hour in 0..3 {
        assert!(sketch.put(Resource::Cpu, Time(later + hour * HOUR_SECONDS), 2.0));
    }
    assert!(sketch.usage().cpu.samples().iter().all(|sample| sample.at.0 >= last.0) && sketch.size() < 4_096);
}
