//! `--profile`: its limits go before the threshold's, and the flags' before its; plan and check keep them alike.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
mod common;

use std::fs;

use common::{Run, on_small};
use serde_json::{Value, json};

/// Runs on the small cluster within a profile of these rules, each under a name of its own; without any, without it.
fn within(rules: &[Value], arguments: &str) -> Run {
    if rules.is_empty() {
        return on_small(arguments);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.json");
    let named = |(at, rule): (usize, &Value)| {
        let mut rule = rule.clone();
        rule["name"] = json!(format!("rule-{at}"));
        rule
    };
    let rules: Vec<Value> = rules.iter().enumerate().map(named).collect();
    let profile = json!({"apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationProfile",
        "metadata": {"name": "test"}, "spec": {"rules": rules}});
    fs::write(&path, profile.to_string()).unwrap();
    on_small(&format!("{arguments} --profile {}", path.display()))
}

fn plan(rules: &[Value], flags: &str) -> Value {
    let run = within(rules, &format!("simulate -o json {flags}"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

fn steps(plan: &Value) -> &Vec<Value> {
    plan["spec"]["migrations"].as_array().unwrap()
}

fn in_largest_wave(plan: &Value) -> usize {
    let wave = |step: &Value| step["wave"].as_u64().unwrap();
    let in_wave = |number: u64| steps(plan).iter().filter(|step| wave(step) == number).count();
    steps(plan).iter().map(|step| in_wave(wave(step))).max().unwrap_or(0)
}

#[test]
fn a_profile_limits_the_waves_and_a_flag_overrides_it() {
    let one = json!({"maxConcurrentMigrations": 1});
    assert!(in_largest_wave(&plan(&[], "")) > 1);
    assert_eq!(in_largest_wave(&plan(std::slice::from_ref(&one), "")), 1);
    assert!(in_largest_wave(&plan(&[one], "--max-moves-per-wave 100")) > 1);
}

#[test]
fn the_cooldown_is_time_that_a_plan_takes() {
    let one = json!({"maxConcurrentMigrations": 1});
    let quick = plan(std::slice::from_ref(&one), "");
    let slow = plan(&[one, json!({"migrationCooldown": "10m"})], "");
    let minutes = |plan: &Value| plan["spec"]["summary"]["minutesExpected"].as_u64().unwrap();
    let waves = slow["spec"]["summary"]["waves"].as_u64().unwrap();
    assert_eq!(steps(&quick), steps(&slow));
    assert_eq!(minutes(&slow), minutes(&quick) + 10 * (waves - 1));
}

#[test]
fn what_a_profile_protects_stays_and_says_why() {
    let whole = plan(&[], "");
    let step = steps(&whole)[0].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (namespace, workload) = (text(&step["pod"]["namespace"]), text(&step["workload"]["name"]));
    let node = text(&whole["spec"]["nodes"]["remove"][0]);

    let without = plan(&[json!({"protectedNamespaces": [namespace]})], "");
    assert!(steps(&without).iter().all(|step| step["pod"]["namespace"] != namespace.as_str()));

    let without = plan(&[json!({"protectedWorkloads": [format!("{namespace}/{workload}")]})], "");
    assert!(steps(&without).iter().all(|step| step["workload"]["name"] != workload.as_str()));
    let pod = text(&step["pod"]["name"]);
    let rules = [json!({"protectedWorkloads": [format!("{namespace}/{workload}")]})];
    let explained = within(&rules, &format!("explain pod {namespace}/{pod}"));
    assert!(explained.stdout.contains("the policy protects"), "{}", explained.stdout);

    let without = plan(&[json!({"protectedNodes": [node]})], "");
    assert!(!without["spec"]["nodes"]["remove"].as_array().unwrap().contains(&json!(node)));
    assert!(steps(&without).iter().all(|step| step["fromNode"] != node.as_str()));
    let codes = without["spec"]["findings"].to_string();
    assert!(codes.contains("\"ProtectedNode\""), "{codes}");
}

/// The check knows the same limits without the planner's help.
#[test]
fn a_plan_made_without_the_profile_has_faults_within_it() {
    let whole = plan(&[], "");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    fs::write(&path, whole.to_string()).unwrap();
    let node = whole["spec"]["nodes"]["remove"][0].as_str().unwrap();
    let namespace = steps(&whole)[0]["pod"]["namespace"].as_str().unwrap();
    for (rule, expected) in [
        (json!({"maxConcurrentMigrations": 1}), "WaveSize"),
        (json!({"minReplicas": 99}), "NotEvictable"),
        (json!({"protectedNamespaces": [namespace]}), "NotEvictable"),
        (json!({"protectedNodes": [node]}), "KeptNode"),
    ] {
        let verdict = within(std::slice::from_ref(&rule), &format!("verify {} -o json", path.display()));
        assert_eq!(verdict.code, 1, "{rule}: {}", verdict.stderr);
        assert!(verdict.stdout.contains(&format!("\"{expected}\"")), "{rule}: {}", verdict.stdout);
    }
}

#[test]
fn contradictions_are_refused_with_what_contradicts_what() {
    let run = within(&[json!({"minReplicas": 2}), json!({"minReplicas": 3})], "simulate");
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(
        run.stderr.contains("spec.rules[1].minReplicas: 3: contradicts rules[0] (rule-0): minReplicas is 2 there"),
        "{}",
        run.stderr
    );
    let run = within(&[json!({"honorPodDisruptionBudgets": false})], "analyze");
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("budgets are always honoured") && run.stderr.contains("hint: plimsoll lint "),
        "{}",
        run.stderr
    );
    let run = on_small("simulate --profile /nonexistent.yaml");
    assert!(run.code == 1 && run.stderr.contains("cannot read /nonexistent.yaml"), "{}", run.stderr);
}
