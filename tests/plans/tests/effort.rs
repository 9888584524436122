//! Work and time that is bounded: whenever it is over, what was found is a legal plan.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::sync::atomic::{AtomicUsize, Ordering};

use check::verify;
use engine::{Effort, Work, default_strategy, plan, plan_within};
use model::{Policy, Snapshot};
use plans::prices_by_size;

fn clusters() -> impl Iterator<Item = Snapshot> {
    let fleets = (0..4).map(|seed| scenario::fleet(seed, 12 + 4 * seed as usize, 120).objects().collect::<Vec<_>>());
    fleets.map(|objects| observe::read_values("fleet", objects.into_iter()).unwrap())
}

#[test]
fn a_plan_is_legal_whenever_the_time_is_over() {
    let mut saved = Vec::new();
    for asked_before in [0, 1, 2, 5, 20, 100, 500, 2_000] {
        let mut sum = 0.0;
        for (at, snapshot) in clusters().enumerate() {
            let (prices, asked) = (prices_by_size(&snapshot), AtomicUsize::new(0));
            let is_over = || asked.fetch_add(1, Ordering::Relaxed) >= asked_before;
            let work = Work { is_over: &is_over, ..Work::default() };
            let plan = plan_within(&snapshot, &prices, &Policy::default(), default_strategy(), work);
            let faults = verify(&snapshot, Some(&prices), &Policy::default(), &plan);
            assert!(faults.is_empty(), "cluster {at}, {asked_before}: {}", faults[0]);
            assert_eq!(plan.bound.is_some(), asked_before > 0, "cluster {at}");
            assert!(asked_before > 0 || plan.migrations.is_empty(), "cluster {at}: nothing was searched");
            sum += plan.summary.saved().dollars();
        }
        saved.push(sum);
    }
    assert!(saved.last() > saved.first(), "{saved:?}");
}

#[test]
fn more_effort_saves_no_less_on_the_whole_and_the_same_each_time() {
    let mut saved = [0.0; 3];
    for snapshot in clusters() {
        let prices = prices_by_size(&snapshot);
        for (sum, effort) in saved.iter_mut().zip([Effort::Quick, Effort::Normal, Effort::Thorough]) {
            let planned = || {
                let work = Work { effort, ..Work::default() };
                plan_within(&snapshot, &prices, &Policy::default(), default_strategy(), work)
            };
            let made = planned();
            assert!(verify(&snapshot, Some(&prices), &Policy::default(), &made).is_empty(), "{effort:?}");
            assert_eq!(format!("{made:?}"), format!("{:?}", planned()), "{effort:?}");
            *sum += made.summary.saved().dollars();
        }
        let usual = plan(&snapshot, &prices, &Policy::default(), default_strategy());
        let work = Work { effort: Effort::Normal, ..Work::default() };
        let normal = plan_within(&snapshot, &prices, &Policy::default(), default_strategy(), work);
        assert_eq!(usual.migrations, normal.migrations);
    }
    assert!(saved.is_sorted(), "{saved:?}");
}
