//! WorkloadProfile: what a workload is like, and near what it should run.

use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::names;
use crate::selector::Selector;
use crate::violation::{Validate, Violation};

/// What a workload is like, and near what it should run.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "optimizer.io",
    version = "v1alpha1",
    kind = "WorkloadProfile",
    doc = "What workloads are like, and near what they should run.",
    namespaced,
    status = "ProfileStatus",
    derive = "PartialEq",
    shortname = "wprof",
    category = "plimsoll",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Near", type_ = "string", json_path = ".spec.affinityWith"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.affinityWith) || !has(self.antiAffinityWith) || self.affinityWith.all(name, !(name in self.antiAffinityWith))",
     "fieldPath": ".antiAffinityWith",
     "message": "names a workload that affinityWith names: leave it out of one of them"}
]))]
pub struct WorkloadProfileSpec {
    /// What it is like.
    #[serde(rename = "type")]
    pub kind: WorkloadType,
    /// Which workloads of the namespace are meant, by their labels; the one of the profile's own name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// Where it should run, the first before the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub preferred_nodes: Vec<PreferredNode>,
    /// Workloads that it should run near, as NAME or NAMESPACE/NAME.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 317)))]
    pub affinity_with: Vec<String>,
    /// Workloads that it should not run beside, as NAME or NAMESPACE/NAME.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 317)))]
    pub anti_affinity_with: Vec<String>,
}

/// What a workload is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadType {
    /// Somebody waits for each of its answers.
    LatencySensitive,
    /// What counts is how much it does in an hour.
    Throughput,
    /// It ends, and may run at any time.
    Batch,
    /// It keeps data.
    Stateful,
    /// It keeps nothing, and any replica does.
    Stateless,
    /// It may be interrupted.
    BestEffort,
}

/// Nodes by a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreferredNode {
    /// KEY=VALUE.
    #[schemars(length(max = 381), extend("x-kubernetes-validations" = [
        {"rule": "self.matches('^[A-Za-z0-9][-A-Za-z0-9_./]*=[-A-Za-z0-9_.]*$')",
         "message": "write it as KEY=VALUE, such as node-type=compute-optimized"}
    ]))]
    pub label: String,
}

/// Whether a profile is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileStatus {
    /// Whether it was accepted, and why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl Validate for WorkloadProfileSpec {
    fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        for (at, PreferredNode { label }) in self.preferred_nodes.iter().enumerate() {
            if !names::is_key_and_value(label) {
                let message = "write it as KEY=VALUE, such as node-type=compute-optimized";
                wrong.push(Violation::new(format!("spec.preferredNodes[{at}].label"), label.as_str(), message));
            }
        }
        for (field, workloads) in
            [("affinityWith", &self.affinity_with), ("antiAffinityWith", &self.anti_affinity_with)]
        {
            for (at, workload) in workloads
                .iter()
                .enumerate()
                .filter(|(_, workload)| !names::is_name(workload) && !names::is_namespaced(workload))
            {
                let message = "name a workload as NAME, or as NAMESPACE/NAME where it is of another namespace";
                wrong.push(Violation::new(format!("spec.{field}[{at}]"), workload.as_str(), message));
            }
        }
        for (at, workload) in self.anti_affinity_with.iter().enumerate() {
            if self.affinity_with.contains(workload) {
                let message = "is a workload that affinityWith names too: leave it out of one of them";
                wrong.push(Violation::new(format!("spec.antiAffinityWith[{at}]"), workload.as_str(), message));
            }
        }
        if let Some(selector) = &self.selector {
            wrong.extend(selector.violations("spec.selector"));
        }
        wrong
    }
}
