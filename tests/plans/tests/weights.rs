//! Weights of a configuration: what they change of a plan, and in which direction.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::sync::Arc;

use check::verify;
use crds::optimization_config::Weights;
use engine::{plan, strategy};
use model::placement::{NodeSelectorTerm, Weighted};
use model::{FindingCode, Plan, Policy, Requirement, SelectorOperator, Snapshot};
use plans::prices_by_size;

fn fleet(seed: u64) -> Snapshot {
    let objects: Vec<_> = scenario::fleet(seed, 20, 200).objects().collect();
    observe::read_values("fleet", objects.into_iter()).unwrap()
}

fn planned(snapshot: &Snapshot, weights: Weights) -> (Plan, Policy) {
    let policy = weights.limit(Policy::default());
    let prices = prices_by_size(snapshot);
    let found = plan(snapshot, &prices, &policy, strategy("search").unwrap());
    let faults = verify(snapshot, Some(&prices), &policy, &found);
    assert!(faults.is_empty(), "{weights:?}: {}", faults[0]);
    (found, policy)
}

#[test]
fn the_more_disruption_counts_the_more_each_move_saves_and_the_fewer_there_are() {
    let mut fewer = 0;
    for seed in 0..4 {
        let snapshot = fleet(seed);
        let of = |disruption: f64| planned(&snapshot, Weights { disruption, ..Weights::default() });
        let (by_default, _) = of(1.0);
        for disruption in [5.0, 20.0, 100.0] {
            let (found, policy) = of(disruption);
            let moves = found.migrations.len() as i64;
            assert!(found.summary.saved() >= policy.least_saved_per_move * moves, "seed {seed}, {disruption}");
            fewer += usize::from(found.migrations.len() < by_default.migrations.len());
        }
        // The same said the other way round: dollars that count for less.
        let of_cost = |cost: f64| planned(&snapshot, Weights { cost, ..Weights::default() }).0;
        assert_eq!(of_cost(0.01).migrations, of(100.0).0.migrations);
        assert_eq!(of_cost(5.0).migrations, by_default.migrations, "moves have no price that could be lower");
    }
    assert!(fewer >= 4, "only {fewer} plans have fewer moves");
}

#[test]
fn the_more_latency_counts_the_more_preferences_hold() {
    let mut kept = 0;
    for seed in 0..4 {
        let mut snapshot = fleet(seed);
        // Every pod would rather be where it is.
        for pod in &mut snapshot.pods {
            let Some(node) = pod.node.clone() else { continue };
            let is_home = Requirement {
                key: "kubernetes.io/hostname".into(),
                operator: SelectorOperator::In,
                values: vec![node],
            };
            let term = NodeSelectorTerm { match_expressions: vec![is_home], match_fields: Vec::new() };
            Arc::make_mut(&mut pod.spec).preferred_node_affinity = vec![Weighted { weight: 100, term }];
        }
        let of = |latency: f64| planned(&snapshot, Weights { latency, ..Weights::default() }).0;
        let (little, much) = (of(0.0), of(100.0));
        assert!(much.migrations.len() <= little.migrations.len(), "seed {seed}");
        let stays = much.findings.iter().any(|finding| finding.code == FindingCode::PreferencesCostMore);
        kept += usize::from(stays && much.nodes.remove.len() < little.nodes.remove.len());
    }
    assert!(kept > 0, "no node stays for a preference");
}
