//! OptimizationReport: what an analysis found, and what a consolidation did.

use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::migration_plan::{Finding, SnapshotReference};
use crate::moment::Moment;
use crate::violation::{Validate, Violation};

/// What the report is about. What was found is its status.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "optimizer.io",
    version = "v1alpha1",
    kind = "OptimizationReport",
    doc = "What an analysis found: costs, waste, efficiency, findings, and what a consolidation did.",
    status = "OptimizationReportStatus",
    derive = "PartialEq",
    shortname = "optreport",
    category = "plimsoll",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.costs.nodes"),
    printcolumn(name = "$/Month", type_ = "number", json_path = ".status.costs.usdPerMonth"),
    printcolumn(name = "$/Month To Save", type_ = "number", json_path = ".status.costs.usdPerMonthToSave"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".status.consolidation.plan"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct OptimizationReportSpec {
    /// The OptimizationConfig that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub config: Option<String>,
    /// What was analysed.
    pub snapshot: SnapshotReference,
}

/// What was found. Money is in dollars, unrounded; a month has 730 hours; what is unknown is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OptimizationReportStatus {
    /// What the cluster costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
    /// What is paid for and not used, by pattern.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waste: Vec<Finding>,
    /// Each node kept and each pod not moved, and why, grouped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What a consolidation did, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consolidation: Option<Consolidation>,
    /// What other tools did to nodes since our last act, the last start of the operator, or yesterday, whichever is latest;
    /// beside the plan that there was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// Whether the report is whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// What a cluster costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Costs {
    /// Its nodes.
    pub nodes: u32,
    /// Of them, those of unknown price, which are in no amount here.
    #[serde(default)]
    pub nodes_unpriced: u32,
    /// Its workloads.
    pub workloads: u32,
    /// What the nodes cost an hour.
    pub usd_per_hour: f64,
    /// And a month.
    pub usd_per_month: f64,
    /// Of that, what nobody asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_month_idle: Option<f64>,
    /// How much of what is paid for is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub efficiency_percent: Option<f64>,
    /// What a plan would save.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_month_to_save: Option<f64>,
}

/// What a consolidation did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consolidation {
    /// The MigrationPlan that was carried out.
    pub plan: String,
    /// Pods that it moved.
    pub migrations: u32,
    /// Nodes that went.
    pub nodes_removed: u32,
    /// Nodes that came.
    #[serde(default)]
    pub nodes_added: u32,
    /// What that saves.
    pub usd_per_month_saved: f64,
}

/// What other tools did to nodes, beside the plan that there was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shadow {
    /// Since when.
    pub since: Moment,
    /// What the plan of then would have saved.
    pub planned_usd_per_month_saved: f64,
    /// The pods that it would have moved.
    pub planned_migrations: u32,
    /// What each tool did; none that did nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolDeeds>,
}

/// What one tool did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolDeeds {
    /// Which, by the labels of its nodes: Karpenter, NodeGroup (cluster autoscaler or provider), or Unknown.
    pub tool: String,
    /// Nodes that it took away.
    pub nodes_removed: u32,
    /// Nodes that it added.
    pub nodes_added: u32,
    /// Pods that went with their nodes; some may have been scaled down at the same time.
    pub pods_disrupted: u32,
    /// What the nodes that went cost, less those that came: negative where it is dearer by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_month_saved: Option<f64>,
}

impl Validate for OptimizationReportSpec {
    fn violations(&self) -> Vec<Violation> {
        let moment = &self.snapshot.taken_at;
        let is_moment = moment.parse::<jiff::Timestamp>().is_ok();
        let message = "is no moment in RFC 3339, such as 2026-11-21T10:00:00Z";
        if is_moment { Vec::new() } else { vec![Violation::new("spec.snapshot.takenAt", moment.as_str(), message)] }
    }
}
