//! Manifests written for earlier designs of the same idea, in our words: what `plimsoll convert` does.

mod plan;
mod profile;
mod rightsizing;
mod taken;
mod workload;

use serde_json::{Value, json};

use crate::violation::Violation;
use crate::{
    API_VERSION, MigrationPlan, OptimizationConfig, OptimizationPolicy, OptimizationProfile,
    OptimizationRecommendation, OptimizationReport, WorkloadProfile, lint,
};
use taken::Taken;

/// An object in our words.
#[derive(Clone, Debug, PartialEq)]
pub enum Converted {
    /// A MigrationPlan.
    Plan(MigrationPlan),
    /// An OptimizationConfig.
    Config(OptimizationConfig),
    /// An OptimizationPolicy.
    Policy(OptimizationPolicy),
    /// An OptimizationProfile.
    Profile(OptimizationProfile),
    /// An OptimizationRecommendation.
    Recommendation(OptimizationRecommendation),
    /// An OptimizationReport.
    Report(OptimizationReport),
    /// A WorkloadProfile.
    Workload(WorkloadProfile),
}

/// A field of the dialect that ours lacks, or the other way round, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its path.
    pub field: String,
    /// What became of it.
    pub message: String,
}

/// The version before ours.
const V1: &str = "optimizer.io/v1";
/// Rightsizing alone.
const OPTIPOD: &str = "optipod.io/v1alpha1";
/// Rightsizing, approved by confidence and rolled out by steps.
const OPTIMIZER_K8S: &str = "optimizer.k8s.io/v1alpha1";

/// What is taken, in words.
pub const TAKEN: &str = "MigrationPlan, OptimizationProfile and WorkloadProfile of optimizer.io/v1, and OptimizationConfig, \
                         MigrationPlan, OptimizationPolicy, OptimizationProfile, OptimizationRecommendation, OptimizationReport and \
                         WorkloadProfile of optimizer.io/v1alpha1, OptimizationPolicy of optipod.io/v1alpha1, and \
                         OptimizationPolicy and OptimizationRecommendation of optimizer.k8s.io/v1alpha1";

/// Turns an object into one of ours, with what has no counterpart; or says everything that is not known. `namespace` is
/// that of workloads that name none.
pub fn convert(object: &Value, namespace: &str) -> Result<(Converted, Vec<Note>), Vec<Violation>> {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let mut taken = Taken::new(object);
    let spec = match (version.as_str(), kind.as_str()) {
        (V1 | API_VERSION, "MigrationPlan") => plan::spec(&mut taken, namespace),
        (V1 | API_VERSION, "OptimizationProfile") => profile::spec(&mut taken),
        (V1 | API_VERSION, "WorkloadProfile") => workload::spec(&mut taken),
        // Ours as they are: whatever is not known, lint says.
        (API_VERSION, "OptimizationConfig" | "OptimizationReport") => taken.whole("spec"),
        (API_VERSION | OPTIPOD, "OptimizationPolicy") => taken.whole("spec"),
        (OPTIMIZER_K8S, "OptimizationPolicy") => rightsizing::policy(&mut taken),
        (API_VERSION | OPTIMIZER_K8S, "OptimizationRecommendation") => rightsizing::recommendation(&mut taken),
        _ => return Err(vec![refusal(&version, &kind)]),
    };
    let is_namespaced = matches!(&*kind, "OptimizationPolicy" | "OptimizationRecommendation" | "WorkloadProfile");
    let mut metadata = taken.metadata(is_namespaced);
    // It lives beside its workload.
    if let Some(of_target) = spec["targetWorkload"]["namespace"].as_str().filter(|_| metadata["namespace"].is_null()) {
        metadata["namespace"] = of_target.into();
    }
    let (notes, unknown) = taken.finish();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let ours = json!({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec});
    let wrong = lint::lint(&ours);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let converted = match kind.as_str() {
        "MigrationPlan" => serde_json::from_value(ours).map(Converted::Plan),
        "OptimizationConfig" => serde_json::from_value(ours).map(Converted::Config),
        "OptimizationPolicy" => serde_json::from_value(ours).map(Converted::Policy),
        "OptimizationRecommendation" => serde_json::from_value(ours).map(Converted::Recommendation),
        "OptimizationProfile" => serde_json::from_value(ours).map(Converted::Profile),
        "OptimizationReport" => serde_json::from_value(ours).map(Converted::Report),
        _ => serde_json::from_value(ours).map(Converted::Workload),
    };
    converted.map(|converted| (converted, notes)).map_err(|error| vec![Violation::missing("spec", error.to_string())])
}

impl Converted {
    /// As a YAML document.
    pub fn to_yaml(&self) -> String {
        let written = match self {
            Converted::Plan(object) => serde_saphyr::to_string(object),
            Converted::Config(object) => serde_saphyr::to_string(object),
            Converted::Policy(object) => serde_saphyr::to_string(object),
            Converted::Recommendation(object) => serde_saphyr::to_string(object),
            Converted::Profile(object) => serde_saphyr::to_string(object),
            Converted::Report(object) => serde_saphyr::to_string(object),
            Converted::Workload(object) => serde_saphyr::to_string(object),
        };
        written.expect("a resource is YAML")
    }
}

fn refusal(version: &str, kind: &str) -> Violation {
    Violation::new("kind", kind, format!("{kind} of {version} is not known; taken are {TAKEN}"))
}
