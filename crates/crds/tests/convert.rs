//! Manifests of other dialects become ours, and nothing of them is lost without a word.
#![allow(clippy::unwrap_used, clippy::panic)]

use crds::dialects::{Converted, convert};
use serde_json::{Value, json};

const V1: &str = include_str!("dialects/v1.yaml");
const V1ALPHA1: &str = include_str!("dialects/v1alpha1.yaml");
const RIGHTSIZING: &str = include_str!("dialects/rightsizing.yaml");

fn converted(object: &Value) -> (Value, Vec<String>) {
    let (converted, notes) = convert(object, "default").unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let ours = crds::documents(converted.to_yaml().as_bytes()).unwrap().remove(0);
    assert_eq!(crds::lint(&ours), []);
    (ours, notes.into_iter().map(|note| format!("{}: {}", note.field, note.message)).collect())
}

#[test]
fn every_dialect_that_is_taken_becomes_ours() {
    for text in [V1, V1ALPHA1] {
        for object in crds::documents(text.as_bytes()).unwrap() {
            let (ours, _) = converted(&object);
            assert_eq!(ours["apiVersion"], crds::API_VERSION);
            assert_eq!((&ours["kind"], &ours["metadata"]), (&object["kind"], &object["metadata"]));
        }
    }
}

#[test]
fn what_a_plan_has_no_counterpart_for_is_named() {
    let plan = crds::documents(V1.as_bytes()).unwrap().remove(0);
    let (ours, notes) = converted(&plan);
    let step = json!({"wave": 2, "workload": {"kind": "Deployment", "namespace": "default", "name": "cache-service"},
        "fromNode": "node-2", "toNode": "node-1", "method": "evict", "risk": "high", "riskReasons": [],
        "reason": "affinity with api-server"});
    assert_eq!(ours["spec"]["migrations"][1], step);
    for field in [
        "spec.phase",
        "spec.migrations[0].workload",
        "spec.migrations[0].risk",
        "spec.migrations[0].estimatedLatencyImprovement",
    ] {
        assert!(notes.iter().any(|note| note.starts_with(&format!("{field}: "))), "{field} in {notes:?}");
    }
}

#[test]
fn ours_are_taken_as_they_are() {
    for object in crds::documents(V1ALPHA1.as_bytes()).unwrap() {
        let (ours, _) = converted(&object);
        let (again, _) = converted(&ours);
        assert_eq!(ours, again);
    }
}

#[test]
fn what_is_not_known_is_refused() {
    let with = |at: usize, pointer: &str, value: Value| {
        let mut object = crds::documents(V1.as_bytes()).unwrap().remove(at);
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[field] = value;
        convert(&object, "default").unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(with(0, "/spec/priority", json!(3)), ["spec.priority: 3: is not known in this dialect"]);
    assert_eq!(
        with(0, "/spec/migrations/1/frmNode", json!("x")),
        [r#"spec.migrations[1].frmNode: "x": there is no such field; did you mean fromNode?"#,]
    );
    assert_eq!(
        with(1, "/spec/rules/1/honorPodDisruptionBudgets", json!(false)),
        ["spec.rules[1].honorPodDisruptionBudgets: false: budgets are always honoured: set it to true or leave it out",]
    );
    assert_eq!(
        with(2, "/apiVersion", json!("optimizer.io/v2")),
        [
            "kind: \"WorkloadProfile\": WorkloadProfile of optimizer.io/v2 is not known; taken are MigrationPlan, OptimizationProfile and WorkloadProfile of optimizer.io/v1, and OptimizationConfig, MigrationPlan, OptimizationPolicy, OptimizationProfile, OptimizationRecommendation, OptimizationReport and WorkloadProfile of optimizer.io/v1alpha1, OptimizationPolicy of optipod.io/v1alpha1, and OptimizationPolicy and OptimizationRecommendation of optimizer.k8s.io/v1alpha1",
        ]
    );
}

#[test]
fn a_whole_plan_keeps_its_pods() {
    let plan = json!({"apiVersion": "optimizer.io/v1alpha1", "kind": "MigrationPlan", "metadata": {"name": "p", "uid": "1"},
        "spec": {"approved": true, "approvedBy": "ann", "migrations": [{"wave": 1, "pod": {"namespace": "web", "name": "api-1", "uid": "u1"},
            "workload": {"kind": "Deployment", "namespace": "web", "name": "api"}, "fromNode": "a", "toNode": "b", "risk": "low"}]}});
    let (converted, notes) = convert(&plan, "default").unwrap();
    let Converted::Plan(ours) = converted else { panic!("{converted:?}") };
    assert_eq!(ours.spec.migrations[0].pod.as_ref().map(|pod| &*pod.uid), Some("u1"));
    assert!(!ours.spec.approved && ours.metadata.uid.is_none());
    assert!(notes.iter().any(|note| note.field == "spec.approvedBy"), "{notes:?}");
}

#[test]
fn rightsizing_of_other_groups_becomes_ours() {
    let mut all = crds::documents(RIGHTSIZING.as_bytes()).unwrap().into_iter();
    let (policy, _) = converted(&all.next().unwrap());
    assert_eq!((&policy["apiVersion"], &policy["spec"]["mode"]), (&json!(crds::API_VERSION), &json!("Auto")));
    assert_eq!(policy["spec"]["selector"]["namespaces"]["deny"], json!(["kube-system"]));
    assert_eq!(policy["metadata"]["namespace"], "optipod-system");
    let parsed: crds::OptimizationPolicySpec = serde_json::from_value(policy["spec"].clone()).unwrap();
    assert_eq!(parsed.strategy().name(), "percentile");

    let (policy, notes) = converted(&all.next().unwrap());
    assert_eq!(policy["spec"]["selector"]["namespaces"]["allow"], json!(["production"]));
    assert_eq!(
        (&policy["spec"]["mode"], &policy["spec"]["autoApprove"]["minConfidence"]),
        (&json!("Auto"), &json!(0.9))
    );
    let parsed: crds::OptimizationPolicySpec = serde_json::from_value(policy["spec"].clone()).unwrap();
    assert_eq!(parsed.steps(), [(20, 300), (50, 600), (100, 0)]);
    assert!(notes.iter().any(|note| note.starts_with("spec.mode: is not named")), "{notes:?}");

    let (recommendation, notes) = converted(&all.next().unwrap());
    let changes = &recommendation["spec"]["changes"];
    assert_eq!(changes[0]["requests"], json!({"cpu": "500m", "memory": "1Gi"}), "{changes}");
    assert_eq!(
        (&recommendation["metadata"]["namespace"], &recommendation["spec"]["approved"]),
        (&json!("production"), &json!(false))
    );
    assert!(notes.iter().any(|note| note.starts_with("spec.changes: names no container")), "{notes:?}");
}
