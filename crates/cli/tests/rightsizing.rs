//! `rightsize` on the small cluster, with two weeks of usage made here.

#![allow(clippy::unwrap_used)]
#[allow(dead_code)] // Each test uses its part.
mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use common::{Run, on_small};
use serde_json::Value;
use tempfile::TempDir;

const MIB: f64 = 1_048_576.0;

/// Two weeks at ten minutes: web/api uses a tenth of what it asks for, data/queue more than it asks for, the daemon what
/// it asks for; nothing is known of the others.
fn usage() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "time,namespace,pod,kind,name,container,cpu,memory,event\n".to_owned();
    for step in 0..14 * 144 {
        let at = 1_760_000_000_i64 + step * 600;
        let day = (step as f64 / 144.0 * std::f64::consts::TAU).sin();
        let mut row = |pod: &str, workload: &str, cpu: f64, memory: f64| {
            writeln!(text, "{at},{pod},{workload},main,{cpu:.4},{:.0},", memory * MIB).unwrap();
        };
        row("web,api-6d4f-a", ",", 0.02 + 0.01 * day, 50.0 + 5.0 * day);
        row("web,api-6d4f-gone1", ",", 0.01, 40.0);
        row("data,", "Deployment,queue", 0.6 + 0.2 * day, 1_500.0 + 10.0 * day);
    }
    writeln!(text, "1761000000,data,,Deployment,queue,main,,,oom=1Gi").unwrap();
    let path = folder.path().join("usage.csv");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn rightsize(flags: &str) -> Run {
    let (_folder, path) = usage();
    on_small(&format!("rightsize {flags} --usage {}", path.display()))
}

fn of<'a>(documents: &'a [Value], name: &str, resource: usize) -> &'a Value {
    let one = documents.iter().find(|one| one["name"] == name).unwrap();
    &one["resources"][resource]
}

#[test]
fn dangers_come_before_savings_and_the_unmeasured_say_so() {
    let run = rightsize("-o json");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let documents: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(documents[0]["name"], "queue", "{}", run.stdout);
    let memory = of(&documents, "queue", 1);
    assert_eq!((&memory["verdict"], &memory["risk"]), (&"too little".into(), &"high".into()), "{memory}");
    assert!(memory["usdPerMonthSaved"].as_f64().is_none_or(|saved| saved < 0.0), "{memory}");
    assert!(memory["why"].as_str().unwrap().contains("killed for want of memory 1 times"), "{memory}");
    let cpu = of(&documents, "api", 0);
    assert_eq!((&cpu["verdict"], &documents[1]["name"]), (&"too much".into(), &"api".into()), "{cpu}");
    assert!(cpu["usdPerMonthSaved"].as_f64().unwrap() > 0.0, "{cpu}");
    let unmeasured = of(&documents, "shop", 0);
    assert_eq!((&unmeasured["skipped"], &unmeasured["shouldAskFor"]), (&"its use is unknown".into(), &Value::Null));
}

#[test]
fn every_format_is_written() {
    for (format, says) in [
        ("table", "too little"),
        ("wide", "HIGHEST"),
        ("csv", "NAMESPACE,WORKLOAD"),
        ("markdown", "| web | Deployment/api | main |"),
        ("patch", "kind: Deployment"),
        ("kustomize", "kind: Kustomization"),
        ("helm-values", "resources:"),
    ] {
        let run = rightsize(&format!("-o {format}"));
        assert_eq!(run.code, 0, "{format}: {}", run.stderr);
        let text = run.stdout.to_lowercase();
        assert!(text.contains(&says.to_lowercase()), "{format}: {}", run.stdout);
    }
}

#[test]
fn a_patch_has_nothing_but_requests() {
    let run = rightsize("-o patch -n web");
    assert!(run.stdout.contains("requests:") && !run.stdout.contains("limits"), "{}", run.stdout);
    assert!(!run.stdout.contains("queue"), "{}", run.stdout);
}

#[test]
fn one_workload_is_a_picture() {
    for name in ["deploy/api", "api", "Deployment/api", "deployments/api"] {
        let run = rightsize(name);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        assert!(run.stdout.contains('█') && run.stdout.contains('─'), "{}", run.stdout);
    }
    let run = rightsize("deploy/nobody");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("there is no workload deploy/nobody"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: there is DaemonSet"), "{}", run.stderr);
}

#[test]
fn every_strategy_recommends() {
    for strategy in ["seasonal", "percentile", "vpa"] {
        let run = rightsize(&format!("-o json --request-strategy {strategy}"));
        let documents: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        let cpu = of(&documents, "api", 0)["shouldAskFor"].as_f64().unwrap();
        assert!((0.01..0.3).contains(&cpu), "{strategy}: {cpu}");
    }
}

#[test]
fn bad_usage_says_what_is_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.csv");
    for (text, says) in [
        ("", "lacks time"),
        ("time,namespace,pod,container,cpu,memory\n", "has no usable row"),
        ("time,namespace,pod,container,cpu,memory\nx,a,b,c,1,1\n", "line 2: time \"x\""),
    ] {
        fs::write(&path, text).unwrap();
        let run = on_small(&format!("rightsize --usage {}", path.display()));
        assert_eq!(run.code, 1, "{text}");
        assert!(run.stderr.contains(says) && run.stderr.contains("hint: "), "{text}: {}", run.stderr);
    }
    let run = on_small("rightsize --usage no/such.csv");
    assert!(run.stderr.contains("cannot open the usage file no/such.csv"), "{}", run.stderr);
    let run = on_small("rightsize");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("hint: give --usage FILE.csv"), "{}", run.stderr);
}

#[test]
fn a_plan_with_recommended_requests_is_beside_todays_and_not_executable() {
    let (_folder, path) = usage();
    let run = on_small(&format!("simulate -o json --requests recommended --usage {}", path.display()));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(rows[1]["scenario"], "requests=recommended", "{}", run.stdout);
    assert_eq!(rows[1]["executable"], false);
    let not_yet = rows[1]["notYet"][0].as_str().unwrap();
    assert!(not_yet.starts_with("pods that still ask for other amounts: "), "{not_yet}");
    let run = on_small("simulate --requests recommended");
    assert!(run.stderr.contains("hint: give --usage FILE.csv"), "{}", run.stderr);
}

#[test]
fn an_address_that_is_none_and_a_server_that_is_away_are_told_without_secrets() {
    let run = on_small("rightsize --prometheus nonsense");
    assert!(run.code == 1 && run.stderr.contains("hint: give it as http"), "{}", run.stderr);
    let run = on_small("rightsize --prometheus http://me:hunter2@127.0.0.1:9");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("cannot reach Prometheus at http://127.0.0.1:9"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}
