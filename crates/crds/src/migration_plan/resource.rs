//! The resource as it is written, field for field.

use std::collections::BTreeMap;

use kube_derive::CustomResource;
use model::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::constraint::Constraint;
use super::node::NodeObject;
use super::status::MigrationPlanStatus;

/// The plan itself. One that names for each step the pod and its uid, and has a snapshot and a summary, is whole and can
/// be carried out; any other is a draft, as people write it, and cannot be approved.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "optimizer.io",
    version = "v1alpha1",
    kind = "MigrationPlan",
    doc = "A consolidation plan: what moves, in which order, which nodes go, and why the rest stays.",
    status = "MigrationPlanStatus",
    derive = "PartialEq",
    shortname = "mplan",
    category = "plimsoll",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Approved", type_ = "boolean", json_path = ".spec.approved"),
    printcolumn(name = "Moves", type_ = "integer", json_path = ".spec.summary.migrations"),
    printcolumn(name = "Done", type_ = "integer", json_path = ".status.executedMigrations"),
    printcolumn(name = "$/Month Saved", type_ = "number", json_path = ".spec.summary.usdPerMonthSaved"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.approvedBy", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!self.approved || (has(self.snapshot) && has(self.summary) && self.migrations.all(m, has(m.pod)))",
     "message": "a draft cannot be approved: a whole plan has a snapshot, a summary, and the pod of every step; plimsoll simulate makes one"},
    {"rule": "!oldSelf.approved || self.approved",
     "message": "approval is not taken back: delete the plan to stop it"}
]))]
pub struct MigrationPlanSpec {
    /// What it was planned on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotReference>,
    /// How it is carried out: `rolling-drain`.
    #[serde(default = "rolling_drain")]
    #[schemars(extend("enum" = ["rolling-drain"]))]
    pub strategy: String,
    /// Steps in order; the wave never decreases.
    #[schemars(length(max = 10_000))]
    pub migrations: Vec<Migration>,
    /// Which nodes go and come.
    #[serde(default)]
    pub nodes: Nodes,
    /// Its figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// What proves the lower bound, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// Each node kept and each pod not moved, and why, grouped.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What constraints cost, dearest first, each with the change that lifts it; left out where nobody asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// For each wave, what undoes it.
    #[serde(default)]
    pub rollback: Vec<Rollback>,
    /// Somebody has agreed.
    #[serde(default)]
    pub approved: bool,
    /// Who has agreed: stamped by the webhook, whatever is written here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub approved_by: String,
}

/// The snapshot a plan was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotReference {
    /// A name for people.
    pub cluster: String,
    /// RFC 3339, in UTC.
    pub taken_at: String,
    /// `sha256:…`.
    pub digest: String,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// From 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub wave: u32,
    /// Which pod; absent in a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodReference>,
    /// What will make its replacement.
    pub workload: WorkloadReference,
    /// Where it runs.
    pub from_node: Name,
    /// Where its replacement is meant to run.
    pub to_node: Name,
    /// `evict` or `surge`.
    #[serde(default = "evict")]
    #[schemars(extend("enum" = ["evict", "surge"]))]
    pub method: String,
    /// Where kube-scheduler would put the replacement, were every step before done as planned: `only` or `first` of all
    /// nodes is the target; with `tied`, `elsewhere` and `unknown` the step needs a placement hint.
    #[serde(default = "unknown", skip_serializing_if = "is_unknown")]
    #[schemars(extend("enum" = ["only", "first", "tied", "elsewhere", "unknown"]))]
    pub landing: String,
    /// `low`, `medium` or `high`.
    #[schemars(extend("enum" = ["low", "medium", "high"]))]
    pub risk: String,
    /// What makes it so, most serious first.
    #[serde(default)]
    pub risk_reasons: Vec<String>,
    /// Why it moves.
    #[serde(default)]
    pub reason: String,
}

/// One very pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PodReference {
    /// metadata.namespace.
    pub namespace: Name,
    /// metadata.name.
    pub name: Name,
    /// metadata.uid.
    pub uid: Name,
}

/// A workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadReference {
    /// Such as `Deployment`.
    pub kind: Name,
    /// metadata.namespace.
    pub namespace: Name,
    /// metadata.name.
    pub name: Name,
}

/// The nodes that a plan changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Nodes {
    /// Names of nodes that go.
    #[serde(default)]
    pub remove: Vec<Name>,
    /// Nodes that come.
    #[serde(default)]
    pub add: Vec<AddedNode>,
}

/// A node that a plan buys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedNode {
    /// The plan's name for it, which `toNode` uses.
    pub name: Name,
    /// The machine type.
    pub instance_type: Name,
    /// `on-demand` or `spot`.
    #[schemars(extend("enum" = ["on-demand", "spot"]))]
    pub capacity_type: String,
    /// The zone.
    pub zone: Name,
    /// Its price.
    pub usd_per_hour: f64,
    /// The node to expect: a complete v1.Node.
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub node: NodeObject,
}

/// A plan's figures. Money is in dollars, unrounded; a month has 730 hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All priced nodes now.
    pub usd_per_hour_before: f64,
    /// All priced nodes after.
    pub usd_per_hour_after: f64,
    /// A proven lower bound, null where there is none.
    pub usd_per_hour_lower_bound: Option<f64>,
    /// (after − bound) / bound, null where there is no bound.
    pub gap: Option<f64>,
    /// (before − after) × 730.
    pub usd_per_month_saved: f64,
    /// Nodes now.
    pub nodes_before: usize,
    /// Nodes after.
    pub nodes_after: usize,
    /// Nodes of unknown price, which are in neither total; left out where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nodes_unpriced: usize,
    /// Steps.
    pub migrations: usize,
    /// Waves.
    pub waves: usize,
    /// Minutes that the waves are expected to take.
    pub minutes_expected: u32,
    /// Steps that need a placement hint; absent in plans that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement_hints: Option<usize>,
}

/// A lower bound on what the priced nodes cost after any legal plan, with the dual prices that prove it: each pod that
/// may move pays for what it asks at the dual prices of the node where it pays least, each node earns what its room is
/// worth at its own, one that can go only what exceeds its cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    /// The bound.
    pub usd_per_hour: f64,
    /// Nodes that share dual prices; those of all other nodes are zero.
    #[serde(default)]
    pub classes: Vec<NodeClass>,
    /// The same for what a plan may buy, where it may; their nodes are `POOL/TYPE/ZONE/CAPACITY TYPE`. None is worth more
    /// at these prices than it costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<NodeClass>,
}

/// Nodes with the same dual prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClass {
    /// Dollars per hour of a core (`cpu`), a GiB (`memory`), a pod (`pods`), or a piece of an extended resource.
    pub usd_per_hour: BTreeMap<Name, f64>,
    /// Of the one place that a node has for pods of a workload, all of which keep each other off their nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_per_node: Vec<OnePerNode>,
    /// Their names.
    pub nodes: Vec<Name>,
}

/// The dual price of a workload's one place on a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnePerNode {
    /// The workload.
    pub workload: WorkloadReference,
    /// Dollars per hour.
    pub usd_per_hour: f64,
}

/// One thing worth knowing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its type, stable for machines.
    pub code: String,
    /// `info`, `warning` or `error`.
    #[schemars(extend("enum" = ["info", "warning", "error"]))]
    pub severity: String,
    /// What it is about.
    pub subject: Subject,
    /// A sentence for people.
    pub message: String,
    /// How many alike are grouped here.
    #[serde(default = "one")]
    pub count: u32,
    /// What it costs, null where that is unknown or nothing.
    pub usd_per_hour: Option<f64>,
    /// What to do about it, null where nobody knows.
    pub hint: Option<String>,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// `Cluster`, `Node`, `Pod`, or a workload's or other object's kind.
    pub kind: String,
    /// Absent for what has none.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub namespace: Name,
    /// Absent for the cluster.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub name: Name,
    /// Where an object was read that is none of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What undoes one wave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rollback {
    /// Which.
    pub wave: u32,
    /// Nodes that it empties, to be uncordoned, or bought again once they are gone.
    #[serde(default)]
    pub uncordon: Vec<Name>,
    /// Workloads whose pods it moves, each with how many: `Deployment web/api (3 pods)`.
    #[serde(default)]
    pub workloads: Vec<String>,
    /// All of it in words.
    pub message: String,
}

fn is_unknown(landing: &String) -> bool {
    *landing == unknown()
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn rolling_drain() -> String {
    super::ROLLING_DRAIN.to_owned()
}

fn evict() -> String {
    "evict".to_owned()
}

fn one() -> u32 {
    1
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
