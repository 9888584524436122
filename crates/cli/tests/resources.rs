//! Our kinds on a real API server: their definitions are taken, defaults are filled in, and what is wrong is refused by
//! field with the value and what is valid; `lint` refuses the same, and more.
//!
//! The control plane is built by `tests/controlplane/build.sh`.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{on_small, plimsoll, run};
use controlplane::ControlPlane;
use serde_json::{Value, json};

/// Far more than anything here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(180);

const EXAMPLES: [&str; 7] = [
    "optimization-config",
    "optimization-profile",
    "workload-profile",
    "migration-plan-draft",
    "optimization-report",
    "optimization-policy",
    "optimization-recommendation",
];

#[test]
fn the_api_server_takes_our_kinds_and_refuses_what_is_wrong_by_field() {
    let mut plane = ControlPlane::start().expect("a control plane");
    the_definitions_are_taken(&mut plane);
    the_examples_are_taken_and_defaults_filled_in(&plane);
    dialects_can_be_applied_once_converted(&plane);
    what_is_wrong_is_refused_by_field(&plane);
    a_whole_plan_is_approved_once(&plane);
    people_see_columns_and_explanations(&plane);
}

fn the_definitions_are_taken(plane: &mut ControlPlane) {
    let printed = plimsoll("crds");
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    let (taken, warnings) = apply(plane, &printed.stdout).unwrap();
    assert_eq!(taken.lines().count(), EXAMPLES.len(), "{taken}");
    assert_eq!(warnings, "");
    plane
        .wait_until("our kinds are served", PATIENCE, |plane| {
            definitions(plane)
                .iter()
                .all(|definition| holds(definition, "Established") && holds(definition, "NamesAccepted"))
        })
        .unwrap();
    for definition in definitions(plane) {
        assert!(!holds(&definition, "NonStructuralSchema"), "{definition}");
    }
    // Once more changes nothing: what the server makes of them is what they say.
    let generations = |plane: &ControlPlane| -> Vec<Value> {
        definitions(plane).iter().map(|definition| definition["metadata"]["generation"].clone()).collect()
    };
    let before = generations(plane);
    apply(plane, &printed.stdout).unwrap();
    assert_eq!(generations(plane), before);
}

fn definitions(plane: &ControlPlane) -> Vec<Value> {
    let all = plane.get(&["crds"]).unwrap();
    let ours = |definition: &&Value| definition["spec"]["group"] == "optimizer.io";
    all["items"].as_array().unwrap().iter().filter(ours).cloned().collect()
}

fn holds(definition: &Value, condition: &str) -> bool {
    let conditions = definition["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == condition && one["status"] == "True")
}

fn the_examples_are_taken_and_defaults_filled_in(plane: &ControlPlane) {
    // Those that the examples and the dialects live in.
    for name in ["plimsoll", "shop", "optipod-system", "production"] {
        apply(plane, &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).to_string())
            .unwrap();
    }
    for example in EXAMPLES {
        let (_, warnings) = apply(plane, &fs::read_to_string(path_of(example)).unwrap()).unwrap();
        assert_eq!(warnings, "", "{example}");
    }
    let bare = json!({"apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationConfig", "metadata": {"name": "bare"},
        "spec": {"safeWindows": [{"start": "22:00", "end": "05:00"}]}});
    apply(plane, &bare.to_string()).unwrap();
    let filled = plane.get(&["optimizationconfig", "bare"]).unwrap();
    let expected = json!({"mode": "observe", "schedule": "*/5 * * * *", "safetyThreshold": "medium", "targetNamespaces": [],
        "excludeNamespaces": [], "binPackingStrategy": "search", "capacity": "existing", "dryRun": false,
        "weights": {"cost": 1, "disruption": 1, "latency": 0},
        "safeWindows": [{"start": "22:00", "end": "05:00", "days": [], "timeZone": "UTC"}]});
    assert_eq!(filled["spec"], expected);
    let bare = json!({"apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationPolicy",
        "metadata": {"name": "bare", "namespace": "shop"}, "spec": {}});
    apply(plane, &bare.to_string()).unwrap();
    let filled = plane.get(&["optpol", "bare", "--namespace", "shop"]).unwrap();
    let expected = json!({"mode": "Recommend", "selector": {"namespaces": {}}, "metricsConfig": {"provider": "prometheus",
        "rollingWindow": "336h"}, "resourceBounds": {"cpu": {}, "memory": {}}, "updateStrategy": {"allowInPlaceResize": true,
        "allowRecreate": false, "updateRequestsOnly": true}, "reconciliationInterval": "5m",
        "autoApprove": {"minConfidence": 0.8, "maxRiskLevel": "medium"}});
    assert_eq!(filled["spec"], expected);
    let draft = plane.get(&["migrationplan", "empty-node-3"]).unwrap();
    assert_eq!(draft["spec"]["strategy"], "rolling-drain");
    assert_eq!(draft["spec"]["migrations"][0]["method"], "evict");
    assert_eq!(draft["spec"]["approved"], false);
}

fn dialects_can_be_applied_once_converted(plane: &ControlPlane) {
    for dialect in ["v1", "v1alpha1", "rightsizing"] {
        let file = dialects().join(format!("{dialect}.yaml")).display().to_string();
        let converted = run(&["convert", "-f", &file], "");
        assert_eq!(converted.code, 0, "{}", converted.stderr);
        let (_, warnings) = apply(plane, &converted.stdout).unwrap();
        assert_eq!(warnings, "");
    }
}

/// Who refuses.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// The API server, and lint.
    Both,
    /// Lint alone: a schema cannot say it.
    Lint,
}

fn what_is_wrong_is_refused_by_field(plane: &ControlPlane) {
    use By::{Both, Lint};
    let config = |field: &str| ("optimization-config", format!("/spec/{field}"));
    let profile = |field: &str| ("optimization-profile", format!("/spec/rules/{field}"));
    let workload = |field: &str| ("workload-profile", format!("/spec/{field}"));
    let plan = |field: &str| ("migration-plan-draft", format!("/spec/{field}"));
    let policy = |field: &str| ("optimization-policy", format!("/spec/{field}"));
    let recommendation = |field: &str| ("optimization-recommendation", format!("/spec/{field}"));
    // The example and its field, what it is made, who refuses it, the field named, and words that say what is valid.
    let wrong = [
        (config("mode"), json!("auto"), Both, "spec.mode", "full-auto"),
        (config("schedule"), json!("now and then"), Both, "spec.schedule", "five cron fields"),
        (config("schedule"), json!("99 * * * *"), Lint, "spec.schedule", "from 0 to 59"),
        (config("schedule"), json!("@every 1s"), Lint, "spec.schedule", "at least 30 seconds"),
        (config("safetyThreshold"), json!("reckless"), Both, "spec.safetyThreshold", "aggressive"),
        (config("targetNamespaces"), json!(["kube-system"]), Both, "spec.excludeNamespaces", "leave it out of one"),
        (config("excludeNamespaces"), json!(["a", "a"]), Both, "spec.excludeNamespaces[1]", "a"),
        (config("binPackingStrategy"), json!("worst-fit"), Both, "spec.binPackingStrategy", "best-fit"),
        (config("weights"), json!({"cost": 0, "disruption": 0}), Both, "spec.weights", "above 0"),
        (config("weights"), json!({"cost": -1}), Both, "spec.weights.cost", "0"),
        (config("capacity"), json!("all"), Both, "spec.capacity", "existing"),
        (config("dryRun"), json!("yes"), Both, "spec.dryRun", ""),
        (config("dryrun"), json!(true), Both, "dryrun", ""),
        (config("safeWindows/0/start"), json!("25:00"), Both, "spec.safeWindows[0].start", "from 00:00 to 23:59"),
        (config("safeWindows/0/end"), json!("22:00"), Both, "spec.safeWindows[0].end", "leaves no time"),
        (config("safeWindows/0/end"), Value::Null, Both, "spec.safeWindows[0].end", ""),
        (config("safeWindows/0/days"), json!(["Monday"]), Both, "spec.safeWindows[0].days[0]", "Mon"),
        (config("safeWindows/0/timeZone"), json!("Mars/Base"), Lint, "spec.safeWindows[0].timeZone", "Europe/Berlin"),
        (profile("0/minReplicas"), json!(0), Both, "spec.rules[0].minReplicas", "1"),
        (profile("0/maxNodesPerDeployment"), json!(0), Both, "spec.rules[0].maxNodesPerDeployment", "1"),
        (
            profile("1/honorPodDisruptionBudgets"),
            json!(false),
            Both,
            "spec.rules[1].honorPodDisruptionBudgets",
            "budgets are always honoured",
        ),
        (profile("2/maxConcurrentMigrations"), json!(0), Both, "spec.rules[2].maxConcurrentMigrations", "1"),
        (profile("2/migrationCooldown"), json!("soon"), Both, "spec.rules[2].migrationCooldown", "5m"),
        (profile("3/errorThreshold"), json!(200), Both, "spec.rules[3].errorThreshold", "100"),
        (profile("3/rollbackQuery"), json!(" "), Both, "spec.rules[3].rollbackQuery", "PromQL"),
        (profile("3/enableAutoRollback"), json!(false), Both, "spec.rules[3].errorThreshold", "enableAutoRollback"),
        (profile("4/minReplicas"), json!(5), Lint, "spec.rules[4].minReplicas", "contradicts rules[0] (maintain-ha)"),
        (profile("4/name"), json!("maintain-ha"), Both, "spec.rules[4]", "maintain-ha"),
        (workload("type"), json!("fast"), Both, "spec.type", "latency-sensitive"),
        (workload("preferredNodes"), json!([{"label": "gpu"}]), Both, "spec.preferredNodes[0].label", "KEY=VALUE"),
        (workload("antiAffinityWith"), json!(["cache"]), Both, "spec.antiAffinityWith", "leave it out of one"),
        (
            workload("selector"),
            json!({"matchExpressions": [{"key": "app", "operator": "In"}]}),
            Both,
            "spec.selector.matchExpressions[0].operator",
            "need values",
        ),
        (policy("mode"), json!("auto"), Both, "spec.mode", "Recommend"),
        (policy("selector/namespaces/deny"), json!(["a", "a"]), Both, "spec.selector.namespaces.deny[1]", "a"),
        (policy("selector/namespaces/deny"), json!(["A"]), Lint, "spec.selector.namespaces.deny[0]", ""),
        (policy("metricsConfig/provider"), json!("graphite"), Both, "spec.metricsConfig.provider", "metrics-server"),
        (policy("metricsConfig/percentile"), json!("P95"), Both, "spec.metricsConfig.percentile", "P99"),
        (policy("metricsConfig/safetyFactor"), json!(0.5), Both, "spec.metricsConfig.safetyFactor", "1"),
        (policy("metricsConfig/rollingWindow"), json!("1d"), Lint, "spec.metricsConfig.rollingWindow", ""),
        (policy("resourceBounds/cpu/min"), json!("5"), Lint, "spec.resourceBounds.cpu.max", ""),
        (policy("reconciliationInterval"), json!("5s"), Lint, "spec.reconciliationInterval", ""),
        (policy("autoApprove/minConfidence"), json!(2), Both, "spec.autoApprove.minConfidence", "1"),
        (policy("autoApprove/maxRiskLevel"), json!("none"), Both, "spec.autoApprove.maxRiskLevel", "medium"),
        (policy("rolloutStrategy/rollbackQuery"), json!(" "), Both, "spec.rolloutStrategy.rollbackQuery", "PromQL"),
        (
            policy("rolloutStrategy/steps/0/replicas"),
            json!("0%"),
            Both,
            "spec.rolloutStrategy.steps[0].replicas",
            "100%",
        ),
        (recommendation("type"), json!("guess"), Both, "spec.type", "right-sizing"),
        (recommendation("changes"), json!([]), Both, "spec.changes", "1"),
        (recommendation("changes/0/requests/cpu"), json!("none"), Lint, "spec.changes[0].requests.cpu", ""),
        (recommendation("confidence"), json!(1.5), Both, "spec.confidence", "1"),
        (recommendation("risk"), json!("grave"), Both, "spec.risk", "medium"),
        (plan("strategy"), json!("big-bang"), Both, "spec.strategy", "rolling-drain"),
        (plan("migrations/0/wave"), json!(0), Both, "spec.migrations[0].wave", "1"),
        (plan("migrations/0/risk"), json!("none"), Both, "spec.migrations[0].risk", "medium"),
        (plan("migrations/0/method"), json!("shoot"), Both, "spec.migrations[0].method", "surge"),
        (plan("migrations/0/toNode"), json!("node-3"), Lint, "spec.migrations[0].toNode", "another node"),
        (plan("approved"), json!(true), Both, "spec", "a draft cannot be approved"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut failed = Vec::new();
    for ((example, pointer), value, by, field, valid) in wrong {
        let object = changed(example, &pointer, value.clone());
        let case = format!("{example} with {pointer} {value}");
        let taken = create(plane, &object);
        match (by, &taken) {
            (By::Both, Err(refusal)) => {
                // Of a value of another type the server names the type alone.
                let shown = value.as_str().filter(|_| !refusal.contains("must be of type")).unwrap_or_default();
                if ![field, valid, shown].iter().all(|words| refusal.contains(words)) {
                    failed.push(format!("{case}: {refusal}"));
                }
            }
            (By::Lint, Ok(())) => {}
            (By::Both, Ok(())) => failed.push(format!("{case}: the API server takes it")),
            (By::Lint, Err(refusal)) => failed.push(format!("{case}: the API server refuses it, too: {refusal}")),
        }
        let file = folder.path().join("wrong.json");
        fs::write(&file, object.to_string()).unwrap();
        let linted = run(&["lint", &file.display().to_string()], "");
        if linted.code != 1 || !linted.stdout.contains(field) {
            failed.push(format!("{case}: lint says {}", linted.stdout));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    // A null is no way around a rule.
    let null =
        changed("optimization-profile", "/spec/rules/1", json!({"name": "x", "honorPodDisruptionBudgets": null}));
    let created = create(plane, &null);
    assert!(created.is_ok() || created.unwrap_err().contains("honorPodDisruptionBudgets"));
}

fn a_whole_plan_is_approved_once(plane: &ControlPlane) {
    let plan = on_small("simulate -o yaml").stdout;
    let (_, warnings) = apply(plane, &plan).unwrap();
    assert_eq!(warnings, "");
    let written = &serde_json::from_str::<Value>(&on_small("simulate -o json").stdout).unwrap();
    let name = written["metadata"]["name"].as_str().unwrap();
    let stored = plane.get(&["migrationplan", name]).unwrap();
    assert_eq!(floats(&stored["spec"]), floats(&written["spec"]), "nothing of a plan is pruned or changed");
    let patch = |part: &[&str], patch: Value| {
        let patch = patch.to_string();
        let arguments = [&["patch", "migrationplan", name, "--type=merge", "--patch", &patch], part].concat();
        outcome(plane.kubectl(&arguments).unwrap())
    };
    patch(&[], json!({"spec": {"approved": true}})).unwrap();
    let refused = patch(&[], json!({"spec": {"approved": false}})).unwrap_err();
    assert!(refused.contains("approval is not taken back"), "{refused}");
    let step = json!({"pod": "u1", "outcome": "Moved", "at": "2026-11-21T10:00:00Z", "landedOn": "b-1"});
    let status = |status: Value| patch(&["--subresource=status"], json!({"status": status}));
    status(json!({"phase": "Executing", "executedMigrations": 1, "totalMigrations": 3, "steps": [step]})).unwrap();
    let refused = status(json!({"phase": "Done"})).unwrap_err();
    assert!(refused.contains("status.phase") && refused.contains("RolledBack"), "{refused}");
    let refused = status(json!({"steps": [step, step]})).unwrap_err();
    assert!(refused.contains("Duplicate value"), "at most one outcome a pod: {refused}");
    // A plan that was stored is read as one that was saved.
    let stored = plane.get(&["migrationplan", name]).unwrap().to_string();
    let verified = run(&["verify", "-", "--from", &common::small()], &stored);
    assert!(verified.stdout.starts_with("legal: "), "{}{}", verified.stdout, verified.stderr);
}

fn people_see_columns_and_explanations(plane: &ControlPlane) {
    let said = |arguments: &[&str]| outcome(plane.kubectl(arguments).unwrap()).unwrap().0;
    let plans = said(&["get", "mplan"]);
    assert!(plans.starts_with("NAME") && plans.contains("PHASE") && plans.contains("$/MONTH SAVED"), "{plans}");
    let all = said(&["get", "plimsoll", "--all-namespaces"]);
    for kind in [
        "migrationplan",
        "optimizationconfig",
        "optimizationpolicy",
        "optimizationprofile",
        "optimizationrecommendation",
        "optimizationreport",
        "workloadprofile",
    ] {
        assert!(all.contains(&format!("{kind}.optimizer.io/")), "{all}");
    }
    let explained = said(&["explain", "optcfg.spec.mode"]);
    assert!(explained.contains("What the operator does by itself"), "{explained}");
}

fn apply(plane: &ControlPlane, text: &str) -> Result<(String, String), String> {
    outcome(
        plane.kubectl_with_input(&["apply", "--server-side", "--force-conflicts", "--filename", "-"], text).unwrap(),
    )
}

/// Asks the API server without changing anything.
fn create(plane: &ControlPlane, object: &Value) -> Result<(), String> {
    let arguments = ["create", "--dry-run=server", "--validate=strict", "--filename", "-"];
    let mut object = object.clone();
    object["metadata"]["name"] = "another".into();
    outcome(plane.kubectl_with_input(&arguments, &object.to_string()).unwrap()).map(|_| ())
}

/// What it said and warned of, or why it failed.
fn outcome(output: std::process::Output) -> Result<(String, String), String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (said, warned) = (text(output.stdout), text(output.stderr));
    if output.status.success() { Ok((said, warned)) } else { Err(warned) }
}

/// The example with this value in place of what is at the pointer, or without it where it is null.
fn changed(example: &str, pointer: &str, value: Value) -> Value {
    let mut object = crds::documents(&fs::read(path_of(example)).unwrap()).unwrap().remove(0);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match (object.pointer_mut(parent).unwrap(), value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(field)),
        (Value::Object(fields), value) => drop(fields.insert(field.to_owned(), value)),
        (parent, value) => parent[field.parse::<usize>().unwrap()] = value,
    }
    object
}

/// 0 and 0.0 are one number.
fn floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(floats).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), floats(value))).collect(),
        other => other.clone(),
    }
}

fn path_of(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples").join(format!("{example}.yaml"))
}

fn dialects() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/tests/dialects")
}
