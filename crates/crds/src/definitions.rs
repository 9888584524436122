//! The CustomResourceDefinitions, generated from the types, as they are committed and printed.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube_core::CustomResourceExt;
use serde_json::{Value, json};

use crate::{
    MigrationPlan, OptimizationConfig, OptimizationPolicy, OptimizationProfile, OptimizationRecommendation,
    OptimizationReport, WorkloadProfile,
};

/// One for each kind, as JSON, in the order of their names.
pub fn definitions() -> &'static [Value] {
    static ALL: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let all = [
            MigrationPlan::crd(),
            OptimizationConfig::crd(),
            OptimizationPolicy::crd(),
            OptimizationProfile::crd(),
            OptimizationRecommendation::crd(),
            OptimizationReport::crd(),
            WorkloadProfile::crd(),
        ];
        all.iter().map(definition).collect()
    });
    &ALL
}

/// As a YAML document.
pub fn to_yaml(definition: &Value) -> String {
    serde_saphyr::to_string(definition).expect("JSON is YAML")
}

/// The schema of a kind's whole object, where the kind is ours.
pub fn schema_of(kind: &str) -> Option<&'static Value> {
    let definition = definitions().iter().find(|definition| definition["spec"]["names"]["kind"] == kind)?;
    Some(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
}

fn definition(crd: &CustomResourceDefinition) -> Value {
    let mut json = serde_json::to_value(crd).expect("a definition is JSON");
    // Without it, uninstalling the chart would take every plan and report with it.
    json["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
    keep_known_formats(&mut json);
    json
}

/// The API server warns of formats that it does not know, such as those of unsigned numbers.
fn keep_known_formats(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
                fields.remove("format");
            }
            fields.values_mut().for_each(keep_known_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(keep_known_formats),
        _ => {}
    }
}
