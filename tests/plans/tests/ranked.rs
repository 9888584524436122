//! Strategies that put something before room get more of it than best-fit does, over many clusters.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::collections::BTreeMap;

use engine::{plan, strategy};
use model::{FindingCode, Name, Plan, Policy, Snapshot};
use plans::{adopt_all, planned_state, prices_by_size};

fn planned(snapshot: &Snapshot, with: &str) -> Plan {
    plan(snapshot, &prices_by_size(snapshot), &Policy::aggressive(), strategy(with).unwrap())
}

#[test]
fn affinity_breaks_fewer_preferences() {
    // Of a hundred pods that move so many lose preferences.
    let broken = |with: &str| {
        let (mut broken, mut moved) = (0, 0);
        for seed in 0..100 {
            let mut snapshot =
                observe::read_values("corners", std::iter::once(scenario::scored_corners(seed))).unwrap();
            adopt_all(&mut snapshot);
            let plan = planned(&snapshot, with);
            let changed = plan.findings.iter().filter(|finding| finding.code == FindingCode::PreferencesChanged);
            broken += changed.map(|finding| finding.count).sum::<u32>();
            moved += plan.migrations.len() as u32;
        }
        assert!(moved > 300, "{with}: {moved}");
        f64::from(broken) / f64::from(moved) * 100.0
    };
    let (ours, theirs) = (broken("affinity"), broken("best-fit"));
    assert!(ours < theirs * 0.95, "affinity {ours:.1}, best-fit {theirs:.1}");
}

#[test]
fn network_aware_brings_namespaces_together() {
    // The chance that two pods of a namespace are on one node.
    let together = |with: &str| {
        let (mut pairs, mut of_all) = (0.0, 0.0);
        for seed in 0..20 {
            let objects = scenario::fleet(seed, 30, 400).objects().collect::<Vec<_>>();
            let snapshot = observe::read_values("fleet", objects.into_iter()).unwrap();
            let after = planned_state(&snapshot, &planned(&snapshot, with));
            let mut counts: BTreeMap<&Name, BTreeMap<&Name, f64>> = BTreeMap::new();
            for pod in after.pods.iter().filter(|pod| !pod.is_daemon()) {
                let Some(node) = &pod.node else { continue };
                *counts.entry(&pod.namespace).or_default().entry(node).or_default() += 1.0;
            }
            for nodes in counts.values() {
                pairs += nodes.values().map(|count| count * (count - 1.0)).sum::<f64>();
                of_all += nodes.values().sum::<f64>().powi(2);
            }
        }
        pairs / of_all
    };
    let (ours, theirs) = (together("network-aware"), together("best-fit"));
    assert!(ours > theirs * 1.02, "network-aware {ours:.3}, best-fit {theirs:.3}");
}
