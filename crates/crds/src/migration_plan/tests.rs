//! The resource as a whole: there and back, and what bad ones are told.

use model::Plan;
use proptest::prelude::*;

use super::{MigrationPlan, testing};

/// A small plan, by hand.
const SMALL: &str = r#"
apiVersion: optimizer.io/v1alpha1
kind: MigrationPlan
metadata:
  name: consolidate-2026-11-21-a1b2c3
  uid: 7b0c
  resourceVersion: "12"
spec:
  snapshot: {cluster: prod, takenAt: "2026-11-21T10:00:00Z", digest: "sha256:00"}
  strategy: rolling-drain
  migrations:
  - wave: 1
    pod: {namespace: web, name: api-1, uid: u1}
    workload: {kind: Deployment, namespace: web, name: api}
    fromNode: a-17
    toNode: b-03
    method: evict
    risk: low
    riskReasons: []
    reason: Consolidation for cost savings
  nodes:
    remove: [a-17]
    add: []
  summary:
    usdPerHourBefore: 0.384
    usdPerHourAfter: 0.192
    usdPerHourLowerBound: null
    gap: null
    usdPerMonthSaved: 140.16
    nodesBefore: 2
    nodesAfter: 1
    migrations: 1
    waves: 1
    minutesExpected: 2
  findings: []
  approved: false
status: {phase: Pending}
"#;

fn plan_of(text: &str) -> Result<Plan, String> {
    let resource = MigrationPlan::read(text.as_bytes()).map_err(|error| error.to_string())?;
    Plan::try_from(resource).map_err(|error| error.to_string())
}

/// What reading says when one piece of the small plan is replaced.
fn error_with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    plan_of(&SMALL.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_plan_as_the_api_server_returns_it_is_read() {
    let plan = plan_of(SMALL).unwrap();
    assert_eq!(plan.name, "consolidate-2026-11-21-a1b2c3");
    assert_eq!(plan.taken_at.to_string(), "2026-11-21T10:00:00Z");
    assert_eq!(&*plan.migrations[0].to_node, "b-03");
    assert_eq!(plan.summary.saved().nanos(), 192_000_000);
}

#[test]
fn where_a_pod_lands_is_unknown_in_a_plan_that_does_not_say() {
    let plan = plan_of(SMALL).unwrap();
    assert_eq!(plan.migrations[0].landing, model::Landing::Unknown);
    let said = SMALL.replacen("method: evict", "method: evict\n    landing: first", 1);
    assert!(!plan_of(&said).unwrap().migrations[0].landing.needs_hint());
    let contradiction = "minutesExpected: 2\n    placementHints: 0";
    assert!(error_with("minutesExpected: 2", contradiction).contains("spec.summary.placementHints"));
    assert!(error_with("method: evict", "method: evict\n    landing: certain").contains("spec.migrations[0].landing"));
}

#[test]
fn each_wave_says_what_undoes_it() {
    let resource = MigrationPlan::from(&plan_of(SMALL).unwrap());
    let [wave] = resource.spec.rollback.as_slice() else { panic!("{:?}", resource.spec.rollback) };
    assert_eq!(wave.workloads, ["Deployment web/api (1 pod)"]);
    assert_eq!(
        wave.message,
        "uncordon a-17, or buy the like once gone; then evict the 1 pod it moved, and the scheduler places them anew"
    );
}

#[test]
fn unknown_bounds_are_null_and_money_is_unrounded() {
    let json = MigrationPlan::from(&plan_of(SMALL).unwrap()).to_json().unwrap();
    for line in [
        "\"usdPerHourLowerBound\": null",
        "\"gap\": null",
        "\"usdPerHourBefore\": 0.384",
        "\"usdPerMonthSaved\": 140.16",
    ] {
        assert!(json.contains(line), "{line} in {json}");
    }
    assert!(!json.contains("nodesUnpriced") && !json.contains("bound\""), "{json}");
}

#[test]
fn errors_name_the_field() {
    assert_eq!(error_with("kind: MigrationPlan", "kind: Pod"), "kind is Pod, expected MigrationPlan");
    assert_eq!(
        error_with("optimizer.io/v1alpha1", "optimizer.io/v9"),
        "apiVersion is optimizer.io/v9, expected optimizer.io/v1alpha1"
    );
    assert_eq!(
        error_with("strategy: rolling-drain", "strategy: all-at-once"),
        "spec.strategy: \"all-at-once\" is not known, expected rolling-drain"
    );
    assert_eq!(
        error_with("method: evict", "method: shoot"),
        "spec.migrations[0].method: \"shoot\" is none of evict, surge"
    );
    assert_eq!(
        error_with("usdPerHourAfter: 0.192", "usdPerHourAfter: -1"),
        "spec.summary.usdPerHourAfter: -1 is below zero"
    );
    assert!(
        error_with("usdPerHourAfter: 0.192", "usdPerHourAfter: .nan").starts_with("spec.summary.usdPerHourAfter: ")
    );
    assert!(error_with("wave: 1", "wave: first").starts_with("spec.migrations[0].wave: "));
    assert!(error_with("    fromNode: a-17\n", "").contains("fromNode"));
    assert!(
        error_with("takenAt: \"2026-11-21T10:00:00Z\"", "takenAt: today")
            .starts_with("spec.snapshot.takenAt: \"today\"")
    );
}

#[test]
fn figures_that_contradict_each_other_are_refused() {
    assert_eq!(
        error_with("usdPerMonthSaved: 140.16", "usdPerMonthSaved: 9000"),
        "spec.summary.usdPerMonthSaved: 9000 does not follow from the totals, which give 140.16"
    );
    assert!(error_with("gap: null", "gap: 0.1").starts_with("spec.summary.gap: there is no lower bound"));
}

/// What reading says of the small plan with one constraint.
fn error_with_constraint(constraint: &str) -> String {
    error_with("  findings: []\n", &format!("  findings: []\n  constraints:\n  - {constraint}\n"))
}

#[test]
fn constraints_that_cannot_be_meant_are_refused() {
    let with = |rest: &str| {
        let rest = if rest.is_empty() { String::new() } else { format!(", {rest}") };
        format!(
            "{{what: Budget, object: {{kind: PodDisruptionBudget, namespace: a, name: b}}, usdPerHour: 0.1, nodes: 1, \
             basis: planned-anew, change: c{rest}}}"
        )
    };
    let plan = SMALL.replacen("  findings: []\n", &format!("  findings: []\n  constraints:\n  - {}\n", with("")), 1);
    assert_eq!(plan_of(&plan).unwrap().constraints[0].object.to_string(), "PodDisruptionBudget a/b");
    for (constraint, error) in [
        (with("").replace("Budget,", "Whim,"), "spec.constraints[0].what: \"Whim\" is not known"),
        (with("").replace("0.1", "0"), "spec.constraints[0].usdPerHour: what costs nothing is no constraint"),
        (with("").replace("0.1", "-1"), "spec.constraints[0].usdPerHour: -1 is below zero"),
        (with("").replace("name: b", "name: \"\""), "spec.constraints[0].object: kind and name may not be empty"),
        (
            with("").replace("anew", "some day"),
            "spec.constraints[0].basis: \"planned-some day\" is none of planned-anew, planned-on, bound",
        ),
        (with("patch: \"{}\""), "spec.constraints[0].patchType: is missing where there is a patch"),
        (with("patchType: merge"), "spec.constraints[0].patch: is missing where there is a patchType"),
        (with("patchType: merge, patch: \"[]\""), "spec.constraints[0].patch: a merge patch is an object"),
        (
            with("patchType: json, patch: \"[1]\""),
            "spec.constraints[0].patch: a JSON patch is a list of steps with op and path",
        ),
        (
            with("patchType: apply, patch: \"{}\""),
            "spec.constraints[0].patch: what is applied is an object with apiVersion and kind",
        ),
        (
            with("patchType: shell, patch: \"rm\""),
            "spec.constraints[0].patchType: \"shell\" is none of merge, json, apply",
        ),
    ] {
        assert_eq!(error_with_constraint(&constraint), error);
    }
    assert!(
        error_with_constraint(&with("patchType: merge, patch: \"{\""))
            .starts_with("spec.constraints[0].patch: is no JSON")
    );
}

#[test]
fn what_is_no_plan_is_told_so() {
    assert_eq!(plan_of("").unwrap_err(), "empty");
    assert!(plan_of("kind: [").unwrap_err().contains("line 1"), "{:?}", plan_of("kind: ["));
    assert!(plan_of("{\"kind\": ").unwrap_err().starts_with("not valid JSON"));
    assert_eq!(
        plan_of("{\"kind\": \"List\", \"apiVersion\": \"v1\"}").unwrap_err(),
        "kind is List, expected MigrationPlan"
    );
    assert_eq!(plan_of("a: 1").unwrap_err(), "kind is missing, expected MigrationPlan");
    assert_eq!(MigrationPlan::read(b"\xff\xfe").unwrap_err().to_string(), "neither JSON nor YAML: not UTF-8");
}

#[test]
fn deep_nesting_and_alias_bombs_end_in_an_error() {
    let deep_json = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(plan_of(&deep_json).is_err());
    let deep_yaml = format!("a: {}", "[".repeat(100_000));
    assert!(plan_of(&deep_yaml).is_err());
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    assert!(plan_of(&bomb).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_plan_comes_back_from_yaml_and_json(plan in testing::plan()) {
        let resource = MigrationPlan::from(&plan);
        for text in [resource.to_json().unwrap(), resource.to_yaml().unwrap()] {
            let read = MigrationPlan::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error} in {text}"));
            prop_assert_eq!(&read, &resource, "{}", text);
            let back = Plan::try_from(read).unwrap_or_else(|error| panic!("{error} in {text}"));
            prop_assert_eq!(format!("{back:?}"), format!("{plan:?}"));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-a-z0-9:,{}\\[\\]\"'&*!| \n]{0,200}") {
        let _ = plan_of(&text);
    }
}
