//! Our feasibility is kube-scheduler's, and everything it rests on is tested.

use oracle_tests::compare::compare;
use oracle_tests::coverage::{Coverage, measure};
use oracle_tests::knobs;

#[test]
fn two_thousand_clusters_are_judged_as_the_scheduler_judges_them() {
    let comparison = compare(1..2_001).unwrap();
    assert_eq!(comparison.clusters, 2_000);
    if let Some((_, seed, disagreements)) = comparison.failing.first() {
        let shown: Vec<String> = disagreements.iter().map(ToString::to_string).collect();
        panic!(
            "{} clusters differ; see `make oracle SEED={seed} CLUSTERS=1`:\n{}",
            comparison.failing.len(),
            shown.join("\n")
        );
    }
    let share = comparison.share_passing();
    assert!((0.25..2.0 / 3.0).contains(&share), "{:.1} % of {} pairs pass", share * 100.0, comparison.pairs);
}

/// The comparison above turns red when we do not know one filter or one field; both of us, each on our own.
#[test]
fn not_knowing_any_one_filter_or_field_is_noticed_in_at_least_one_cluster_in_a_hundred() {
    const CLUSTERS: usize = 500;
    let coverage = measure(&knobs::all(), 1..1 + CLUSTERS as u64, CLUSTERS / 100).unwrap();
    let rare: Vec<String> = coverage
        .iter()
        .filter(|coverage| coverage.red < CLUSTERS / 100)
        .map(|Coverage { knob, judge, red }| {
            format!("{:?} without {}, {}: {red} clusters", judge, knob.filter, knob.field)
        })
        .collect();
    assert!(rare.is_empty(), "these matter too rarely:\n{}", rare.join("\n"));
}
