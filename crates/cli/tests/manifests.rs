//! `lint`, `convert` and `crds`: what they print, word for word, and how they end.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
mod common;

use std::fs;

use common::{plimsoll, run};

const V1: &str = include_str!("../../crds/tests/dialects/v1.yaml");
const V1ALPHA1: &str = include_str!("../../crds/tests/dialects/v1alpha1.yaml");
/// Of a kind that nobody knows, behind what would be taken.
const UNKNOWN: &str = "apiVersion: optipod.io/v1alpha1
kind: OptimizationReport
metadata: {name: all}
spec: {}
";
const RIGHTSIZING: &str = include_str!("../../crds/tests/dialects/rightsizing.yaml");

/// Three documents, of which the second is right.
const WRONG: &str = "
apiVersion: optimizer.io/v1alpha1
kind: OptimizationConfig
metadata: {name: default}
spec:
  mode: autopilot
  shedule: '*/5 * * * *'
  safeWindows: [{start: '22:00', end: '5:00', days: [Monday], timeZone: Europe/Bern}]
---
apiVersion: optimizer.io/v1alpha1
kind: OptimizationConfig
metadata: {name: right}
spec: {}
---
apiVersion: optimizer.io/v1alpha1
kind: OptimizationProfile
metadata: {name: strict}
spec:
  rules:
  - {name: a, minReplicas: 2, honorPodDisruptionBudgets: false}
  - {name: b, minReplicas: 3}
";

#[test]
fn lint_names_document_field_value_and_what_is_valid() {
    let linted = run(&["lint", "-"], WRONG);
    assert_eq!(linted.code, 1);
    insta::assert_snapshot!("lint_as_words", linted.stdout);
    assert!(linted.stderr.starts_with("hint: docs/resources.md"), "{}", linted.stderr);
    let linted = run(&["lint", "-", "-o", "json"], WRONG);
    assert_eq!(linted.code, 1);
    insta::assert_snapshot!("lint_as_json", linted.stdout);
}

#[test]
fn lint_of_files_folders_and_what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("deep")).unwrap();
    fs::write(path("deep/config.yml"), "---\n# nothing\n---\napiVersion: optimizer.io/v1alpha1\nkind: OptimizationConfig\nmetadata: {name: a}\nspec: {}\n").unwrap();
    fs::write(path("list.json"), r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationConfig", "metadata": {"name": "b"}, "spec": {}}]}"#).unwrap();
    fs::write(path("notes.txt"), "not read").unwrap();
    let linted = plimsoll(&format!("lint {}", folder.path().display()));
    assert_eq!((linted.code, linted.stdout.as_str()), (0, "no faults: 2 resources in 2 files\n"), "{}", linted.stderr);

    fs::write(path("broken.yaml"), "kind: [").unwrap();
    let linted = plimsoll(&format!("lint {}", folder.path().display()));
    assert_eq!(linted.code, 1);
    assert!(linted.stdout.contains("broken.yaml: not valid YAML: "), "{}", linted.stdout);
    fs::write(path("broken.yaml"), "apiVersion: apps/v1\nkind: Deployment\n").unwrap();
    let linted = plimsoll(&format!("lint {}", path("broken.yaml").display()));
    assert!(
        linted.stdout.contains(r#":1 Deployment: apiVersion: "apps/v1": must be optimizer.io/v1alpha1"#),
        "{}",
        linted.stdout
    );

    let missing = plimsoll("lint /nonexistent/config.yaml");
    assert!(missing.code == 1 && missing.stderr.contains("cannot read /nonexistent/config.yaml"), "{}", missing.stderr);
    fs::create_dir(path("empty")).unwrap();
    let empty = plimsoll(&format!("lint {}", path("empty").display()));
    assert!(empty.code == 1 && empty.stderr.contains("there is no .yaml, .yml or .json in it"), "{}", empty.stderr);
    assert_eq!(plimsoll("lint").code, 2);
}

#[test]
fn convert_prints_ours_and_names_what_has_no_counterpart() {
    for (name, dialect) in [("v1", V1), ("v1alpha1", V1ALPHA1), ("rightsizing", RIGHTSIZING)] {
        let converted = run(&["convert", "-f", "-"], dialect);
        assert_eq!(converted.code, 0, "{}", converted.stderr);
        insta::assert_snapshot!(
            format!("convert_{name}"),
            format!("{}\n# on stderr\n{}", converted.stdout, converted.stderr)
        );
        let linted = run(&["lint", "-"], &converted.stdout);
        assert_eq!(linted.code, 0, "{}", linted.stdout);
        let again = run(&["convert", "-f", "-"], &converted.stdout);
        assert_eq!(again.stdout, converted.stdout, "what is ours stays as it is");
    }
    let elsewhere = run(&["convert", "-f", "-", "-n", "web"], V1);
    assert!(elsewhere.stdout.contains("namespace: web"), "{}", elsewhere.stdout);
}

#[test]
fn convert_refuses_whole_what_it_does_not_know() {
    let refused = run(&["convert", "-f", "-"], &format!("{V1}---\n{UNKNOWN}"));
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    insta::assert_snapshot!("convert_refuses", refused.stderr);
    let refused = run(&["convert", "-f", "-"], "hello");
    assert_eq!(refused.code, 1, "{}", refused.stderr);
}

#[test]
fn crds_prints_definitions_and_nothing_else() {
    let printed = plimsoll("crds");
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    let definitions = crds::documents(printed.stdout.as_bytes()).unwrap();
    assert_eq!(definitions, crds::definitions());
    assert!(definitions.iter().all(|definition| definition["kind"] == "CustomResourceDefinition"));
    assert_eq!(printed.stdout.matches("---\n").count(), definitions.len());
}
