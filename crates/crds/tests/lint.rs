//! What is wrong with a resource is said by field, with the value and what is valid.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};

const CONFIG: &str = include_str!("../../../docs/examples/optimization-config.yaml");
const PROFILE: &str = include_str!("../../../docs/examples/optimization-profile.yaml");
const WORKLOAD: &str = include_str!("../../../docs/examples/workload-profile.yaml");
const DRAFT: &str = include_str!("../../../docs/examples/migration-plan-draft.yaml");
const POLICY: &str = include_str!("../../../docs/examples/optimization-policy.yaml");
const RECOMMENDATION: &str = include_str!("../../../docs/examples/optimization-recommendation.yaml");
const REPORT: &str = include_str!("../../../docs/examples/optimization-report.yaml");

fn object(text: &str) -> Value {
    crds::documents(text.as_bytes()).unwrap().remove(0)
}

/// What lint says of the example with this value in place of what is at the pointer, or without it where it is null.
fn said(example: &str, pointer: &str, value: Value) -> Vec<String> {
    let mut object = object(example);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"));
    match (parent, value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(field)),
        (Value::Object(fields), value) => drop(fields.insert(field.to_owned(), value)),
        (Value::Array(items), value) => items[field.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
    crds::lint(&object).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn says(example: &str, pointer: &str, value: Value, expected: &[&str]) {
    assert_eq!(said(example, pointer, value), expected);
}

#[test]
fn the_examples_are_without_fault() {
    for example in [CONFIG, PROFILE, WORKLOAD, DRAFT, REPORT, POLICY, RECOMMENDATION] {
        assert_eq!(crds::lint(&object(example)), []);
    }
}

#[test]
fn a_config_by_every_field() {
    let config =
        |field: &str, value: Value, expected: &[&str]| says(CONFIG, &format!("/spec/{field}"), value, expected);
    config(
        "mode",
        json!("full_auto"),
        &[r#"spec.mode: "full_auto": must be one of observe, manual, semi-auto, full-auto; did you mean full-auto?"#],
    );
    config("mode", json!(true), &["spec.mode: true: must be a text"]);
    config(
        "schedule",
        json!("every minute"),
        &[
            r#"spec.schedule: "every minute": is no schedule: write it as five cron fields, such as */30 * * * *, or as @every 30s, @hourly, @daily, @weekly or @monthly"#,
        ],
    );
    config(
        "schedule",
        json!("@every 10s"),
        &[r#"spec.schedule: "@every 10s": is too often: at least 30 seconds must lie between two analyses"#],
    );
    config(
        "schedule",
        json!("61 * * * *"),
        &[r#"spec.schedule: "61 * * * *": has "61" as its minute: it goes from 0 to 59, as in *, 0, 0-59 or */2"#],
    );
    config(
        "safetyThreshold",
        json!("medum"),
        &[r#"spec.safetyThreshold: "medum": must be one of conservative, medium, aggressive; did you mean medium?"#],
    );
    config(
        "targetNamespaces",
        json!(["kube-system"]),
        &[
            r#"spec.excludeNamespaces[0]: "kube-system": excludes a namespace that targetNamespaces names: leave it out of one of them"#,
        ],
    );
    config("targetNamespaces", json!("web"), &[r#"spec.targetNamespaces: "web": must be a list"#]);
    config("excludeNamespaces", json!(["a", "a"]), &[r#"spec.excludeNamespaces[1]: "a": is there twice"#]);
    config(
        "excludeNamespaces",
        json!(["Web"]),
        &[
            r#"spec.excludeNamespaces[0]: "Web": is no name of a namespace: at most 63 of a-z, 0-9 and -, with a letter or digit at both ends"#,
        ],
    );
    config(
        "binPackingStrategy",
        json!("bestfit"),
        &[
            r#"spec.binPackingStrategy: "bestfit": must be one of first-fit, best-fit, network-aware, affinity, search; did you mean best-fit?"#,
        ],
    );
    config("weights", json!({"cost": 0, "disruption": 0}), &["spec.weights: one weight at least must be above 0"]);
    config("weights", json!({"cost": -1}), &["spec.weights.cost: -1: must be from 0 to 100"]);
    config("capacity", json!("all"), &[r#"spec.capacity: "all": must be one of existing, any"#]);
    config(
        "profile",
        json!("Production Safe"),
        &[
            r#"spec.profile: "Production Safe": is no name: at most 253 of a-z, 0-9, - and ., with a letter or digit at both ends of each part"#,
        ],
    );
    config("dryRun", json!("yes"), &[r#"spec.dryRun: "yes": must be true or false"#]);
    config("dryrun", json!(true), &["spec.dryrun: true: there is no such field; did you mean dryRun?"]);
}

#[test]
fn a_window_by_every_field() {
    let window = |field: &str, value: Value, expected: &[&str]| {
        says(CONFIG, &format!("/spec/safeWindows/0/{field}"), value, expected);
    };
    window("start", json!("25:00"), &[r#"spec.safeWindows[0].start: "25:00": write it as HH:MM, from 00:00 to 23:59"#]);
    window("end", json!("5:00"), &[r#"spec.safeWindows[0].end: "5:00": write it as HH:MM, from 00:00 to 23:59"#]);
    window(
        "end",
        json!("22:00"),
        &[
            r#"spec.safeWindows[0].end: "22:00": is the start too, which leaves no time: leave safeWindows out to allow any time"#,
        ],
    );
    window("end", json!(null), &["spec.safeWindows[0].end: is missing: when it closes, HH:MM"]);
    window(
        "days",
        json!(["Monday"]),
        &[r#"spec.safeWindows[0].days[0]: "Monday": must be one of Mon, Tue, Wed, Thu, Fri, Sat, Sun"#],
    );
    window(
        "timeZone",
        json!("Europe/Bern"),
        &[
            r#"spec.safeWindows[0].timeZone: "Europe/Bern": is no time zone of the IANA's, such as UTC, Europe/Berlin or America/New_York"#,
        ],
    );
}

#[test]
fn a_profile_by_every_field() {
    let rule = |at: usize, field: &str, value: Value, expected: &[&str]| {
        says(PROFILE, &format!("/spec/rules/{at}/{field}"), value, expected);
    };
    rule(0, "minReplicas", json!(0), &["spec.rules[0].minReplicas: 0: must be from 1 to 100000"]);
    rule(0, "maxNodesPerDeployment", json!(1.5), &["spec.rules[0].maxNodesPerDeployment: 1.5: must be a whole number"]);
    rule(
        1,
        "honorPodDisruptionBudgets",
        json!(false),
        &[
            "spec.rules[1].honorPodDisruptionBudgets: false: budgets are always honoured: set it to true or leave it out",
        ],
    );
    rule(
        2,
        "maxConcurrentMigrations",
        json!("all"),
        &[r#"spec.rules[2].maxConcurrentMigrations: "all": must be a whole number"#],
    );
    rule(
        2,
        "migrationCooldown",
        json!("5 minutes"),
        &[r#"spec.rules[2].migrationCooldown: "5 minutes": write it as 30s, 5m or 1h30m"#],
    );
    rule(3, "errorThreshold", json!(101), &["spec.rules[3].errorThreshold: 101: must be from 0 to 100"]);
    rule(
        3,
        "enableAutoRollback",
        json!(false),
        &[
            "spec.rules[3].errorThreshold: 5: asks for a rollback that enableAutoRollback: false forbids",
            r#"spec.rules[3].rollbackQuery: "ALERTS{alertstate=\"firing\",severity=\"page\"}": asks for a rollback that enableAutoRollback: false forbids"#,
        ],
    );
    let nothing = r#"spec.rules[3].rollbackQuery: "  ": write it as a PromQL expression, or leave it out"#;
    rule(3, "rollbackQuery", json!("  "), &[nothing]);
    rule(
        3,
        "rollbackQuery",
        json!(""),
        &[r#"spec.rules[3].rollbackQuery: "": has 0 letters, and must have from 1 to 4096"#],
    );
    // Only Prometheus knows its language.
    rule(3, "rollbackQuery", json!("sum(("), &[]);
    rule(
        4,
        "protectedNamespaces",
        json!([""]),
        &[r#"spec.rules[4].protectedNamespaces[0]: "": has 0 letters, and must have from 1 to 63"#],
    );
    rule(
        4,
        "protectedWorkloads",
        json!(["checkout"]),
        &[r#"spec.rules[4].protectedWorkloads[0]: "checkout": name it as NAMESPACE/NAME"#],
    );
    rule(
        4,
        "protectedNodes",
        json!(["a b"]),
        &[r#"spec.rules[4].protectedNodes[0]: "a b": name it by its NAME, or by a label as KEY=VALUE"#],
    );
    rule(
        4,
        "minReplica",
        json!(3),
        &["spec.rules[4].minReplica: 3: there is no such field; did you mean minReplicas?"],
    );
}

#[test]
fn contradicting_rules_are_named_with_what_they_contradict() {
    let rule = |at: usize, field: &str, value: Value, expected: &[&str]| {
        says(PROFILE, &format!("/spec/rules/{at}/{field}"), value, expected);
    };
    rule(
        4,
        "minReplicas",
        json!(3),
        &["spec.rules[4].minReplicas: 3: contradicts rules[0] (maintain-ha): minReplicas is 2 there"],
    );
    rule(4, "minReplicas", json!(2), &[]);
    rule(
        4,
        "name",
        json!("maintain-ha"),
        &[r#"spec.rules[4].name: "maintain-ha": is the name of rules[0] too: give each rule a name of its own"#],
    );
    for (limit, value) in [("errorThreshold", json!(1)), ("rollbackQuery", json!("up == 0"))] {
        let forbidden = json!([{"name": "never", "enableAutoRollback": false}, {"name": "soon", limit: value}]);
        let message = "contradicts rules[0] (never): enableAutoRollback is false there";
        says(PROFILE, "/spec/rules", forbidden, &[&format!("spec.rules[1].{limit}: {value}: {message}")]);
    }
    says(PROFILE, "/spec/rules", json!([]), &["spec.rules: has 0 entries, and must have from 1 to 64"]);
}

#[test]
fn a_workload_profile_by_every_field() {
    let workload =
        |field: &str, value: Value, expected: &[&str]| says(WORKLOAD, &format!("/spec/{field}"), value, expected);
    workload(
        "type",
        json!("latency"),
        &[
            r#"spec.type: "latency": must be one of latency-sensitive, throughput, batch, stateful, stateless, best-effort"#,
        ],
    );
    workload(
        "type",
        Value::Null,
        &["spec.type: is missing: one of latency-sensitive, throughput, batch, stateful, stateless, best-effort"],
    );
    workload(
        "preferredNodes",
        json!([{"label": "gpu"}]),
        &[r#"spec.preferredNodes[0].label: "gpu": write it as KEY=VALUE, such as node-type=compute-optimized"#],
    );
    workload(
        "affinityWith",
        json!(["a/b/c"]),
        &[
            r#"spec.affinityWith[0]: "a/b/c": name a workload as NAME, or as NAMESPACE/NAME where it is of another namespace"#,
        ],
    );
    workload(
        "antiAffinityWith",
        json!(["cache"]),
        &[
            r#"spec.antiAffinityWith[0]: "cache": is a workload that affinityWith names too: leave it out of one of them"#,
        ],
    );
    workload(
        "selector",
        json!({"matchExpressions": [{"key": "app", "operator": "In"}]}),
        &[
            r#"spec.selector.matchExpressions[0].operator: "In": In and NotIn need values, and Exists and DoesNotExist have none"#,
        ],
    );
}

#[test]
fn a_plan_by_its_fields() {
    let plan = |field: &str, value: Value, expected: &[&str]| says(DRAFT, &format!("/spec/{field}"), value, expected);
    plan("strategy", json!("all-at-once"), &[r#"spec.strategy: "all-at-once": must be one of rolling-drain"#]);
    plan(
        "migrations/0/risk",
        json!("lo"),
        &[r#"spec.migrations[0].risk: "lo": must be one of low, medium, high; did you mean low?"#],
    );
    plan(
        "migrations/0/method",
        json!("shoot"),
        &[r#"spec.migrations[0].method: "shoot": must be one of evict, surge"#],
    );
    plan("migrations/0/wave", json!(0), &["spec.migrations[0].wave: 0: must be at least 1"]);
    plan(
        "migrations/0/toNode",
        json!("node-3"),
        &[r#"spec.migrations[0].toNode: "node-3": is where the pod is already: a step leads to another node"#],
    );
    let refused = said(DRAFT, "/spec/approved", json!(true));
    assert!(
        refused.len() == 1 && refused[0].starts_with("spec.approved: true: a draft cannot be approved"),
        "{refused:?}"
    );
}

#[test]
fn what_is_none_of_ours_is_told_what_is() {
    says(
        CONFIG,
        "/kind",
        json!("OptimisationConfig"),
        &[
            r#"kind: "OptimisationConfig": must be one of MigrationPlan, OptimizationConfig, OptimizationPolicy, OptimizationProfile, OptimizationRecommendation, OptimizationReport, WorkloadProfile; did you mean OptimizationConfig?"#,
        ],
    );
    says(
        CONFIG,
        "/apiVersion",
        json!("optimizer.io/v1"),
        &[
            r#"apiVersion: "optimizer.io/v1": must be optimizer.io/v1alpha1; plimsoll convert -f FILE translates other dialects"#,
        ],
    );
    says(
        CONFIG,
        "/metadata/name",
        json!("My Config"),
        &[
            r#"metadata.name: "My Config": is no name: at most 253 of a-z, 0-9, - and ., with a letter or digit at both ends of each part"#,
        ],
    );
    says(
        CONFIG,
        "/spec",
        Value::Null,
        &["spec: is missing: how often the cluster is analysed, what of it, and how far the operator goes by itself"],
    );
    says(CONFIG, "/stauts", json!({}), &["stauts: {}: there is no such field; did you mean status?"]);
    says(
        REPORT,
        "/spec/snapshot/takenAt",
        json!("today"),
        &[r#"spec.snapshot.takenAt: "today": is no moment in RFC 3339, such as 2026-11-21T10:00:00Z"#],
    );
}

/// Any JSON that is not deep.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9*/, -]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z]{0,8}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every place in the object.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| pointers(value, &format!("{path}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| pointers(value, &format!("{path}/{at}"), found));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands anywhere, nothing panics, and what is without fault is read as what it is.
    #[test]
    fn nothing_makes_it_panic(value in anything(), place in any::<prop::sample::Index>(), example in 0_usize..5) {
        let mut object = object([CONFIG, PROFILE, WORKLOAD, DRAFT, REPORT, POLICY, RECOMMENDATION][example]);
        let mut places = Vec::new();
        pointers(&object, "", &mut places);
        let place = place.get(&places);
        *object.pointer_mut(place).unwrap() = value;
        let wrong = crds::lint(&object);
        let converted = crds::dialects::convert(&object, "default");
        prop_assert!(!wrong.is_empty() || converted.is_ok(), "{place}: {converted:?}");
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-a-z0-9:,{}\\[\\]\"'&*!| \n]{0,200}") {
        for object in crds::documents(text.as_bytes()).unwrap_or_default() {
            let _ = (crds::lint(&object), crds::dialects::convert(&object, "default"));
        }
    }
}

#[test]
fn a_policy_by_every_field() {
    let policy = |field: &str, value: Value, expected: &str| {
        let said = said(POLICY, &format!("/spec/{field}"), value);
        assert!(said.iter().any(|said| said.starts_with(&format!("spec.{expected}"))), "{field}: {said:?}");
    };
    policy("mode", json!("auto"), r#"mode: "auto": must be one of Auto, Recommend, Disabled; did you mean Auto?"#);
    policy("selector/namespaces/deny", json!(["A"]), r#"selector.namespaces.deny[0]: "A": is no name of a namespace"#);
    let expressions = json!([{"key": "a", "operator": "In"}]);
    policy(
        "selector/workloadSelector/matchExpressions",
        expressions,
        "selector.workloadSelector.matchExpressions[0].operator",
    );
    policy("metricsConfig/provider", json!("graphite"), r#"metricsConfig.provider: "graphite": must be one of"#);
    policy("metricsConfig/rollingWindow", json!("24"), r#"metricsConfig.rollingWindow: "24": is no duration"#);
    policy(
        "metricsConfig/rollingWindow",
        json!("30m"),
        r#"metricsConfig.rollingWindow: "30m": must be from 1h to 2160h"#,
    );
    policy(
        "metricsConfig/percentile",
        json!("P95"),
        r#"metricsConfig.percentile: "P95": must be one of P50, P90, P99"#,
    );
    policy("metricsConfig/safetyFactor", json!(0.5), "metricsConfig.safetyFactor: 0.5: must be from 1 to 10");
    policy("strategy", json!("seasonal"), r#"strategy: "seasonal": has its percentile"#);
    policy("resourceBounds/cpu/min", json!("lots"), r#"resourceBounds.cpu.min: "lots": is no amount above 0"#);
    policy("resourceBounds/cpu/min", json!("5"), r#"resourceBounds.cpu.max: "4": is below min"#);
    policy("resourceBounds/memory/max", json!("-1Gi"), r#"resourceBounds.memory.max: "-1Gi": is no amount above 0"#);
    policy(
        "updateStrategy/allowInPlaceResize",
        json!(false),
        r#"mode: "Auto": is Auto while updateStrategy allows neither"#,
    );
    policy("reconciliationInterval", json!("5s"), r#"reconciliationInterval: "5s": must be from 30s to 24h"#);
    policy("autoApprove/minConfidence", json!(2), "autoApprove.minConfidence: 2: must be from 0 to 1");
    policy(
        "autoApprove/maxRiskLevel",
        json!("none"),
        r#"autoApprove.maxRiskLevel: "none": must be one of low, medium, high"#,
    );
    policy("rolloutStrategy/rollbackQuery", json!(" "), r#"rolloutStrategy.rollbackQuery: " ": write it as a PromQL"#);
    policy("rolloutStrategy/steps/0/replicas", json!("0%"), r#"rolloutStrategy.steps[0].replicas: "0%": write it as"#);
    policy(
        "rolloutStrategy/steps/1/replicas",
        json!("10%"),
        r#"rolloutStrategy.steps[1].replicas: "10%": must be above the 20%"#,
    );
    policy(
        "rolloutStrategy/steps/0/duration",
        json!("48h"),
        r#"rolloutStrategy.steps[0].duration: "48h": must be at most 24h"#,
    );
}

#[test]
fn a_recommendation_by_every_field() {
    let one = |field: &str, value: Value, expected: &str| {
        let said = said(RECOMMENDATION, &format!("/spec/{field}"), value);
        assert!(said.iter().any(|said| said.starts_with(&format!("spec.{expected}"))), "{field}: {said:?}");
    };
    one("targetWorkload/kind", json!("De ploy"), r#"targetWorkload.kind: "De ploy": is no kind"#);
    one("targetWorkload/name", json!("Web!"), r#"targetWorkload.name: "Web!": is no name"#);
    one("policy", json!("production"), r#"policy: "production": write it as NAMESPACE/NAME"#);
    one("changes/0/requests", json!({}), "changes[0].requests: changes neither");
    one("changes/0/requests/cpu", json!("none"), r#"changes[0].requests.cpu: "none": is no amount above 0"#);
    one("changes/0/limits", json!({"memory": "1Mi"}), "changes[0].requests.memory: is above limits.memory");
    let twice = json!([{"container": "a", "requests": {"cpu": "1"}}, {"container": "a", "requests": {"cpu": "2"}}]);
    one("changes", twice, "changes[1].container: names each container once");
    one("confidence", json!(1.5), "confidence: 1.5: must be from 0 to 1");
    one("risk", json!("grave"), r#"risk: "grave": must be one of low, medium, high"#);
}
