//! What a constraint is said to cost is what its change saves, once somebody has made it.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)] // Each test uses its part.
mod common;

use std::collections::BTreeSet;
use std::fs;

use common::plimsoll;
use serde_json::{Value, json};

/// A merge patch (RFC 7386).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(target.as_object_mut().unwrap().entry(key).or_insert(Value::Null), value);
        }
    }
}

/// Steps of a JSON patch (RFC 6902), as far as ours have them.
fn step(target: &mut Value, step: &Value, path: &str) {
    let (parent, last) = path.rsplit_once('/').unwrap();
    match step["op"].as_str().unwrap() {
        "test" => assert_eq!(target.pointer(path), Some(&step["value"]), "{path}"),
        "replace" => *target.pointer_mut(path).unwrap() = step["value"].clone(),
        "remove" => drop(target.pointer_mut(parent).unwrap().as_array_mut().unwrap().remove(last.parse().unwrap())),
        other => panic!("{other} is not known"),
    }
}

fn name_of(object: &Value) -> (&str, &str, &str) {
    let text = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default();
    (text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

fn owner_of<'a>(object: &'a Value, all: &'a [Value]) -> Option<(&'a str, &'a str, &'a str)> {
    let owner = object.pointer("/metadata/ownerReferences/0")?;
    let owner = (owner["kind"].as_str()?, name_of(object).1, owner["name"].as_str()?);
    let above = all.iter().find(|object| name_of(object) == owner);
    Some(above.and_then(|above| owner_of(above, all)).unwrap_or(owner))
}

/// As the disruption controller writes it.
fn set_status(budget: &mut Value, pods: i64, healthy: i64) {
    let desired = pods - budget["spec"]["maxUnavailable"].as_i64().unwrap();
    budget["status"] = json!({ "observedGeneration": budget["metadata"]["generation"], "expectedPods": pods,
        "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": (healthy - desired).max(0) });
}

/// Makes the change, and waits for its rollout, so to speak.
fn make(dump: &mut Value, constraint: &Value) {
    let items = dump["items"].as_array_mut().unwrap();
    let patch: Value = serde_json::from_str(constraint["patch"].as_str().unwrap()).unwrap();
    let object = &constraint["object"];
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let named = (text("kind"), text("namespace"), text("name"));
    match constraint["patchType"].as_str().unwrap() {
        "apply" => {
            let mut budget = patch;
            let labels = budget["spec"]["selector"]["matchLabels"].as_object().unwrap().clone();
            let is_covered = |pod: &&Value| {
                let has = |(key, value): (&String, &Value)| pod["metadata"]["labels"].get(key) == Some(value);
                name_of(pod).0 == "Pod" && name_of(pod).1 == named.1 && labels.iter().all(has)
            };
            let pods = items.iter().filter(is_covered).count() as i64;
            budget["metadata"]["generation"] = json!(1);
            set_status(&mut budget, pods, pods);
            items.push(budget);
        }
        kind => {
            let is_made_of_it: Vec<bool> =
                items.iter().map(|item| name_of(item).0 == "Pod" && owner_of(item, items) == Some(named)).collect();
            for (item, is_made_of_it) in items.iter_mut().zip(is_made_of_it) {
                match kind {
                    "merge" if name_of(item) == named => {
                        merge(item, &patch);
                        if named.0 == "PodDisruptionBudget" {
                            let number = |key: &str| item["status"][key].as_i64().unwrap();
                            let (pods, healthy) = (number("expectedPods"), number("currentHealthy"));
                            set_status(item, pods, healthy);
                        }
                    }
                    "merge" if is_made_of_it => merge(item, &patch["spec"]["template"]),
                    "json" if is_made_of_it => {
                        for one in patch.as_array().unwrap() {
                            step(item, one, one["path"].as_str().unwrap().strip_prefix("/spec/template").unwrap());
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn the_change_made_saves_what_the_constraint_is_said_to_cost() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (dump, changed, prices) = (path("example.json"), path("changed.json"), path("example.prices.csv"));
    assert_eq!(plimsoll(&format!("demo --save-dump {dump}")).code, 0);
    let simulated = |from: &str, flags: &str| -> Value {
        let run = plimsoll(&format!("simulate --from {from} --prices {prices} -o json {flags}"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        serde_json::from_str(&run.stdout).unwrap()
    };
    let today = simulated(&dump, "--constraints");
    let after = |plan: &Value| plan["spec"]["summary"]["usdPerHourAfter"].as_f64().unwrap();
    let constraints = today["spec"]["constraints"].as_array().unwrap();
    let original: Value = serde_json::from_slice(&fs::read(&dump).unwrap()).unwrap();
    let mut kinds = BTreeSet::new();
    for constraint in constraints.iter().filter(|constraint| constraint.get("patch").is_some()) {
        // One of a kind is enough: each takes a plan.
        if !kinds.insert(constraint["what"].as_str().unwrap()) {
            continue;
        }
        let mut made = original.clone();
        make(&mut made, constraint);
        assert_ne!(made, original, "{constraint}");
        fs::write(&changed, made.to_string()).unwrap();
        let saved = after(&today) - after(&simulated(&changed, ""));
        let said = constraint["usdPerHour"].as_f64().unwrap();
        assert!((saved - said).abs() < 1e-6, "{saved} where it says {said}: {constraint}");
    }
    assert!(kinds.len() >= 5, "only {kinds:?}");
    let costs: Vec<f64> = constraints.iter().map(|constraint| constraint["usdPerHour"].as_f64().unwrap()).collect();
    assert!(costs.iter().all(|cost| *cost > 0.0) && costs.is_sorted_by(|a, b| a >= b), "dearest first");
    assert!(costs.first().is_some_and(|dearest| *dearest < after(&today)));
}
