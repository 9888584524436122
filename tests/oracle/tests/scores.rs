//! Our scores are kube-scheduler's, plugin by plugin.

use oracle_tests::scheduler::Scheduler;
use oracle_tests::scores::{ScoreComparison, compare_scores, compare_scores_of};
use serde_json::json;

fn assert_no_difference(comparison: &ScoreComparison) {
    let shown: Vec<String> = comparison.differences.iter().take(20).map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{} scores differ:\n{}", comparison.differences.len(), shown.join("\n"));
    assert!(comparison.unknown.is_empty(), "plugins that we do not know had a say: {:?}", comparison.unknown);
}

#[test]
fn two_thousand_clusters_are_scored_as_the_scheduler_scores_them() {
    let comparison = compare_scores(1..2_001).unwrap();
    assert_no_difference(&comparison);
    assert!(comparison.pairs > 100_000, "only {} pairs were scored", comparison.pairs);
    // A plugin that never tells two nodes apart would prove nothing.
    assert_eq!(comparison.telling.len(), 6);
    for (plugin, pods) in &comparison.telling {
        assert!(*pods > 1_000, "{plugin} tells nodes apart for {pods} pods only");
    }
}

#[test]
fn the_company_is_scored_as_the_scheduler_scores_it() {
    let items: Vec<_> = scenario::company();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let mut comparison = ScoreComparison::default();
    compare_scores_of(&list, 0, &mut Scheduler::start(&["score"]).unwrap(), &mut comparison).unwrap();
    assert_no_difference(&comparison);
}
