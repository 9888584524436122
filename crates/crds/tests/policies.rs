//! What always holds of policies. Each property was seen to fail under the change of the code that it names.
#![allow(clippy::unwrap_used, clippy::panic)]

use crds::OptimizationPolicySpec;
use crds::optimization_policy::{NamespaceLists, Targets, UpdateStrategy};
use model::Labels;
use proptest::prelude::*;
use serde_json::{Value, json};

const POLICY: &str = include_str!("../../../docs/examples/optimization-policy.yaml");

fn example() -> Value {
    crds::documents(POLICY.as_bytes()).unwrap().remove(0)
}

/// Places of the example, each with what cannot be there.
fn any_fault() -> impl Strategy<Value = (&'static str, Value)> {
    let no_amount =
        prop_oneof![Just(json!("many")), Just(json!("-1")), Just(json!("0")), Just(json!("1e")), Just(json!(""))];
    let no_duration =
        prop_oneof![Just(json!("1d")), Just(json!("-5m")), Just(json!("5")), Just(json!("999999h")), Just(json!("0s"))];
    let no_name =
        prop_oneof![Just(json!(["UPPER"])), Just(json!(["a_b"])), Just(json!(["-a"])), Just(json!(["a", "a"]))];
    let not_at_all =
        prop_oneof![Just(json!(null)), Just(json!(7)), Just(json!([])), Just(json!("x")), Just(json!({"x": 1}))];
    prop_oneof![
        (prop::sample::select(vec!["resourceBounds/cpu/min", "resourceBounds/memory/max"]), no_amount),
        (prop::sample::select(vec!["reconciliationInterval", "metricsConfig/rollingWindow"]), no_duration),
        (prop::sample::select(vec!["selector/namespaces/allow", "selector/namespaces/deny"]), no_name),
        (prop::sample::select(vec!["mode", "metricsConfig/provider", "autoApprove/maxRiskLevel"]), not_at_all),
        (Just("metricsConfig/safetyFactor"), (-100.0..0.99_f64).prop_map(Value::from)),
        (Just("metricsConfig/safetyFactor"), (10.1..1e9_f64).prop_map(Value::from)),
        (Just("autoApprove/minConfidence"), (1.01..1e9_f64).prop_map(Value::from)),
        (Just("rolloutStrategy/steps/0/replicas"), (101..1_000_u32).prop_map(|percent| json!(format!("{percent}%")))),
        (Just("spelled wrong"), any::<bool>().prop_map(Value::from)),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["shop", "web", "data", "kube-system"]).prop_map(str::to_owned)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Seen to fail without `Range::violations`.
    #[test]
    fn property_15_what_is_invalid_is_refused_by_field((field, value) in any_fault()) {
        let mut policy = example();
        let pointer = format!("/spec/{field}");
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        policy.pointer_mut(parent).unwrap()[name] = value;
        let wrong = crds::lint(&policy);
        let leaf = format!("spec.{}", field.replace("/0/", "[0].").replace('/', "."));
        prop_assert!(wrong.iter().any(|wrong| wrong.field.starts_with(&leaf) && !wrong.message.is_empty()), "{leaf}: {wrong:?}");
    }

    /// Seen to fail where `Targets::contains` forgets the workload's labels.
    #[test]
    fn property_16_workloads_are_found_by_labels_and_namespaces(
        wanted in prop::option::of(0..3_u8), has in 0..3_u8, team in prop::option::of(0..2_u8), of in 0..2_u8,
        allow in prop::collection::vec(any_name(), 0..3), namespace in any_name(),
    ) {
        let selector = |key: &str, value: u8| serde_json::from_value(json!({"matchLabels": {key: value.to_string()}})).unwrap();
        let targets = Targets {
            namespace_selector: team.map(|team| selector("team", team)),
            workload_selector: wanted.map(|wanted| selector("app", wanted)),
            namespaces: NamespaceLists { allow: allow.clone(), deny: Vec::new() },
        };
        let (of_namespace, of_workload) = (labels(&[("team", &of.to_string())]), labels(&[("app", &has.to_string()), ("x", "y")]));
        let expected = wanted.is_none_or(|wanted| wanted == has)
            && team.is_none_or(|team| team == of)
            && (allow.is_empty() || allow.contains(&namespace));
        prop_assert_eq!(targets.contains(&namespace, &of_namespace, &of_workload), expected);
    }

    /// Seen to fail where `Targets::contains` asks the allow list first and is content with it.
    #[test]
    fn property_27_deny_goes_before_all_else(
        allow in prop::collection::vec(any_name(), 0..4), deny in prop::collection::vec(any_name(), 1..4), namespace in any_name(),
    ) {
        let targets = Targets { namespaces: NamespaceLists { allow, deny: deny.clone() }, ..Targets::default() };
        prop_assert!(!(deny.contains(&namespace) && targets.contains(&namespace, &Labels::default(), &Labels::default())));
    }

    /// Seen to fail where `UpdateStrategy::default` allows new pods.
    #[test]
    fn property_22_new_pods_may_be_allowed_and_are_not_by_default(allowed in any::<Option<bool>>()) {
        let mut policy = example();
        let update = policy["spec"]["updateStrategy"].as_object_mut().unwrap();
        update.remove("allowRecreate");
        if let Some(allowed) = allowed {
            update.insert("allowRecreate".to_owned(), allowed.into());
        }
        let spec: OptimizationPolicySpec = serde_json::from_value(policy["spec"].clone()).unwrap();
        prop_assert_eq!(spec.update_strategy.allow_recreate, allowed == Some(true));
        policy["spec"].as_object_mut().unwrap().remove("updateStrategy");
        let spec: OptimizationPolicySpec = serde_json::from_value(policy["spec"].clone()).unwrap();
        prop_assert_eq!(spec.update_strategy, UpdateStrategy::default());
        prop_assert!(!spec.update_strategy.allow_recreate && spec.update_strategy.allow_in_place_resize);
    }
}

#[test]
fn the_example_is_without_fault() {
    assert_eq!(crds::lint(&example()), []);
}
