//! Preferences are no filters, and have their price.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use std::sync::Arc;

use check::verify;
use engine::{plan, strategies, strategy};
use model::placement::{NodeSelectorTerm, PodAffinityTerm, Weighted};
use model::{
    FindingCode, LabelSelector, Plan, PodSpec, Policy, Requirement, SelectorOperator, Snapshot, Taint, TaintEffect,
    UsdPerHour,
};
use plans::{adopt_all, planned_state, prices_by_size};
use scenario::{PlainCluster, PlainNode, PlainWorkload};

/// Nodes a, b and c of four cores; a pod of one core on a, and of two on b and c.
fn three_nodes() -> Snapshot {
    let node = |name: &str| PlainNode {
        name: name.to_owned(),
        instance_type: "m5.xlarge".to_owned(),
        millicores: 4_000,
        bytes: 16 << 30,
    };
    let workload = |(name, millicores, node): (&str, i64, usize)| PlainWorkload {
        name: name.to_owned(),
        millicores,
        bytes: 1 << 30,
        replicas: vec![node],
    };
    let cluster = PlainCluster {
        nodes: ["a", "b", "c"].map(node).into(),
        workloads: [("small", 1_000, 0), ("left", 2_000, 1), ("right", 2_000, 2)].map(workload).into(),
    };
    let mut list = Vec::new();
    cluster.write(&mut list).unwrap();
    observe::read_bytes("three nodes", &list).unwrap()
}

fn change_specs(snapshot: &mut Snapshot, change: impl Fn(&str, &mut PodSpec)) {
    for pod in &mut snapshot.pods {
        let app = pod.labels.get("app").cloned().unwrap();
        change(&app, Arc::make_mut(&mut pod.spec));
    }
}

fn planned(snapshot: &Snapshot, preference_price: i64) -> Plan {
    let preference_price = UsdPerHour::from_nanos(preference_price);
    let policy = Policy { preference_price, ..Policy::default() };
    let found = plan(snapshot, &prices_by_size(snapshot), &policy, strategy("search").unwrap());
    assert!(verify(snapshot, Some(&prices_by_size(snapshot)), &policy, &found).is_empty());
    found
}

fn says(plan: &Plan, code: FindingCode) -> bool {
    plan.findings.iter().any(|finding| finding.code == code)
}

const DEFAULT: i64 = 1_369_863;
/// Ten dollars an hour, which no node here costs.
const DEAR: i64 = 10_000_000_000;

#[test]
fn of_equal_targets_one_without_a_soft_taint_is_taken() {
    for (tainted, target) in [(1, "c"), (2, "b")] {
        let mut snapshot = three_nodes();
        snapshot.nodes[tainted].taints =
            vec![Taint { key: "slow".into(), value: "".into(), effect: TaintEffect::PreferNoSchedule }];
        let found = planned(&snapshot, DEFAULT);
        let moved: Vec<(&str, &str)> = found.migrations.iter().map(|step| (&*step.from_node, &*step.to_node)).collect();
        assert_eq!(moved, [("a", target)]);
        assert!(!says(&found, FindingCode::PreferencesChanged));
    }
}

#[test]
fn a_node_stays_where_its_pods_prefer_it_for_more_than_it_costs() {
    let mut snapshot = three_nodes();
    change_specs(&mut snapshot, |app, spec| {
        let home = match app {
            "small" => "a",
            "left" => "b",
            _ => "c",
        };
        let is_home = Requirement {
            key: "kubernetes.io/hostname".into(),
            operator: SelectorOperator::In,
            values: vec![home.into()],
        };
        let term = NodeSelectorTerm { match_expressions: vec![is_home], match_fields: Vec::new() };
        spec.preferred_node_affinity = vec![Weighted { weight: 100, term }];
    });
    let dear = planned(&snapshot, DEAR);
    assert!(dear.nodes.remove.is_empty() && dear.migrations.is_empty());
    let why = dear.findings.iter().filter(|finding| finding.code == FindingCode::PreferencesCostMore);
    assert!(why.count() > 0);
    let cheap = planned(&snapshot, DEFAULT);
    assert_eq!(cheap.nodes.remove.len(), 1);
    assert!(says(&cheap, FindingCode::PreferencesChanged));
}

#[test]
fn pods_that_would_rather_be_apart_stay_apart_where_that_is_worth_a_node() {
    let mut snapshot = three_nodes();
    change_specs(&mut snapshot, |_, spec| {
        let selector = Some(LabelSelector {
            requirements: vec![Requirement {
                key: "app".into(),
                operator: SelectorOperator::Exists,
                values: Vec::new(),
            }],
        });
        let term = PodAffinityTerm {
            selector,
            namespaces: Vec::new(),
            namespace_selector: None,
            topology_key: "kubernetes.io/hostname".into(),
        };
        spec.preferred_pod_anti_affinity = vec![Weighted { weight: 50, term }];
    });
    assert!(planned(&snapshot, DEAR).nodes.remove.is_empty());
    assert_eq!(planned(&snapshot, DEFAULT).nodes.remove.len(), 1);
    assert_eq!(planned(&snapshot, 0).nodes.remove.len(), 1);
}

#[test]
fn with_any_price_plans_are_legal_and_final() {
    let mut steps = 0;
    for seed in 0..60 {
        let mut snapshot = observe::read_values("corners", std::iter::once(scenario::scored_corners(seed))).unwrap();
        adopt_all(&mut snapshot);
        for strategy in strategies() {
            for price in [0, DEFAULT, 30 * DEFAULT, DEAR] {
                let policy = Policy { preference_price: UsdPerHour::from_nanos(price), ..Policy::default() };
                let of = |snapshot: &Snapshot| plan(snapshot, &prices_by_size(snapshot), &policy, strategy);
                let first = of(&snapshot);
                let name = format!("scored_corners({seed}) {} at {price}", strategy.name());
                let faults = verify(&snapshot, Some(&prices_by_size(&snapshot)), &policy, &first);
                assert!(faults.is_empty(), "{name}: {}", faults[0]);
                steps += first.migrations.len();
                let has_no_way = says(&first, FindingCode::NoLegalOrder);
                let again = of(&planned_state(&snapshot, &first));
                assert!(has_no_way || again.nodes.remove.is_empty(), "{name}: then {:?}", again.nodes.remove);
                assert!(!again.nodes.remove.is_empty() || again.migrations.is_empty(), "{name}: moves for nothing");
            }
        }
    }
    assert!(steps > 1_000, "only {steps} steps");
}
