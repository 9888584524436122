//! `docs/resources.md` is made of the definitions and the examples: `UPDATE_MANIFESTS=1 cargo test -p crds --test reference`
//! writes it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const INTRODUCTION: &str = "# Our kinds

Group `optimizer.io`, version `v1alpha1`. This page is made of the definitions and of `docs/examples`
(`UPDATE_MANIFESTS=1 cargo test -p crds --test reference`).

    plimsoll crds | kubectl apply --server-side -f -     # the definitions, as charts/plimsoll-crds has them
    plimsoll lint deploy/                                # what is wrong with resources in files, by field
    plimsoll convert -f old.yaml                         # manifests of other dialects in our words
    plimsoll simulate --profile profile.yaml             # a plan within a profile's rules
    kubectl explain optimizationconfig.spec              # the tables below, from the cluster

The API server refuses what breaks the schema or its rules, with field, value and what is valid. `plimsoll lint` refuses
the same, and what a schema cannot say: time zones that do not exist, schedules that never come or come too often, rules
of a profile that contradict each other, waves that decrease, figures of a plan that do not follow from each other.

No operator reads WorkloadProfile yet. OptimizationProfile is also read by `--profile`, MigrationPlan by `verify`.
";

/// Words on a kind that no single field has.
const REMARKS: [(&str, &str); 5] = [
    (
        "OptimizationProfile",
        "Limits of a plan come from the safety threshold, the profile's go before them, and the flags' before both
(`docs/safety.md`). Two rules may give the same limit only if they give it alike; lists of what is protected add up.

- `maxNodesPerDeployment` is a limit on each wave: it takes pods of one workload, Deployment or not, from at most so many
  nodes. The replicas on all its other nodes stay as far apart as they are until the next wave.
- `errorThreshold` is a percentage of the pods that the plan has moved so far.
- `rollbackQuery` is asked of the operator's `--prometheus` ([when it is crossed](rollback-queries.md)).
- A protected node is not removed and its pods do not move; others may come to it.
",
    ),
    (
        "MigrationPlan",
        "`plimsoll simulate --save plan.yaml` writes whole plans; every step names its pod with the uid. A plan without them, or
without a snapshot or summary, is a draft: it can be kept and reviewed, and cannot be approved. Approval is not taken back:
delete the plan to stop it. `status.steps` has at most one outcome a pod.
",
    ),
    (
        "OptimizationPolicy",
        "A policy in the operator's own namespace reaches all namespaces, any other its own alone. A policy that means a
workload of another is refused; where that comes about later, the oldest wins, and all say so. `docs/rightsizing.md` has the rest, and
[rollback-queries.md](rollback-queries.md) what `rolloutStrategy.rollbackQuery` is.
",
    ),
    (
        "OptimizationRecommendation",
        "It lives beside its workload: another `targetWorkload.namespace` is refused. Approval is given by `spec.approved` and
taken back by deleting the recommendation.
",
    ),
    (
        "WorkloadProfile",
        "Without a `selector` the workload of the profile's own name is meant.
",
    ),
];

#[test]
fn the_reference_is_that_of_the_definitions() {
    let path = root().join("docs/resources.md");
    let generated = reference();
    if std::env::var_os("UPDATE_MANIFESTS").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let is_fresh = fs::read_to_string(&path).unwrap() == generated;
    assert!(is_fresh, "docs/resources.md is stale: UPDATE_MANIFESTS=1 cargo test -p crds --test reference");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for definition in crds::definitions() {
        let (names, version) = (&definition["spec"]["names"], &definition["spec"]["versions"][0]);
        let kind = names["kind"].as_str().unwrap();
        let scope = if definition["spec"]["scope"] == "Cluster" { "of the cluster" } else { "of a namespace" };
        let schema = &version["schema"]["openAPIV3Schema"];
        write!(
            page,
            "\n## {kind}\n\n{} It is {scope}; its short name is `{}`.\n",
            text(schema, "description"),
            names["shortNames"][0].as_str().unwrap()
        )
        .unwrap();
        if let Some((_, remark)) = REMARKS.iter().find(|(of, _)| *of == kind) {
            write!(page, "\n{remark}").unwrap();
        }
        let example = fs::read_to_string(root().join("docs/examples").join(example_of(kind))).unwrap();
        write!(page, "\n```yaml\n{example}```\n").unwrap();
        for part in ["spec", "status"] {
            write!(page, "\n| {part} | valid | default | |\n| --- | --- | --- | --- |\n").unwrap();
            rows(&schema["properties"][part], "", &mut page);
        }
    }
    page
}

fn example_of(kind: &str) -> &'static str {
    match kind {
        "MigrationPlan" => "migration-plan-draft.yaml",
        "OptimizationConfig" => "optimization-config.yaml",
        "OptimizationProfile" => "optimization-profile.yaml",
        "OptimizationReport" => "optimization-report.yaml",
        _ => "workload-profile.yaml",
    }
}

fn rows(schema: &Value, path: &str, page: &mut String) {
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let default = match &field["default"] {
            Value::Null if required(name) => "required".to_owned(),
            Value::Null => String::new(),
            default => format!("`{default}`"),
        };
        let description = text(field, "description").replace('\n', " ");
        writeln!(page, "| `{path}` | {} | {default} | {description} |", valid(field)).unwrap();
        rows(field, &path, page);
        rows(&field["items"], &format!("{path}[]"), page);
    }
}

fn valid(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let names: Vec<String> = choices.iter().filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
        return names.join(", ");
    }
    let kind = match schema["type"].as_str() {
        Some("array") => return format!("list of {}", valid(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => "map".to_owned(),
        Some("string") if schema["format"] == "date-time" => "moment".to_owned(),
        Some(kind) => kind.to_owned(),
        None => String::new(),
    };
    match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(least), Some(most)) => format!("{kind}, {least} to {most}"),
        (Some(least), None) if least > 0.0 => format!("{kind}, {least} and more"),
        _ => kind,
    }
}

fn text<'a>(schema: &'a Value, field: &str) -> &'a str {
    schema[field].as_str().unwrap_or_default()
}
