//! OptimizationProfile: the rules within which pods may be moved.

mod contradictions;
mod limits;

pub use limits::AutoRollback;

use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::violation::{Validate, Violation};
use crate::workload_profile::ProfileStatus;
use crate::{duration, names, rollback_query};

/// The rules within which pods may be moved. Together they give each limit once: two rules that give it differently are
/// refused.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "optimizer.io",
    version = "v1alpha1",
    kind = "OptimizationProfile",
    doc = "The rules within which pods may be moved.",
    status = "ProfileStatus",
    derive = "PartialEq",
    shortname = "optprof",
    category = "plimsoll",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Rules", type_ = "string", json_path = ".spec.rules[*].name"),
    printcolumn(name = "Accepted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Accepted\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct OptimizationProfileSpec {
    /// Each with a name of its own.
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub rules: Vec<Rule>,
}

/// Some limits under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.errorThreshold) || !has(self.enableAutoRollback) || self.enableAutoRollback", "fieldPath": ".errorThreshold",
     "message": "asks for a rollback that enableAutoRollback: false forbids"},
    {"rule": "!has(self.rollbackQuery) || !has(self.enableAutoRollback) || self.enableAutoRollback", "fieldPath": ".rollbackQuery",
     "message": "asks for a rollback that enableAutoRollback: false forbids"}
]))]
pub struct Rule {
    /// What to call it.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Pods of workloads with fewer replicas stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub min_replicas: Option<u32>,
    /// A wave takes pods of one workload from at most so many nodes, so that the rest of its replicas stay apart as
    /// they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_nodes_per_deployment: Option<u32>,
    /// Always true: budgets are always honoured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [
        {"rule": "self", "message": "budgets are always honoured: set it to true or leave it out"}
    ]))]
    pub honor_pod_disruption_budgets: Option<bool>,
    /// A wave moves at most so many pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_concurrent_migrations: Option<u32>,
    /// How long to wait after a wave before the next begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), extend("x-kubernetes-validations" = [
        {"rule": "self.matches('^([0-9]{1,6}[hms])+$')", "message": "write it as 30s, 5m or 1h30m"}
    ]))]
    pub migration_cooldown: Option<String>,
    /// Undo what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_auto_rollback: Option<bool>,
    /// Undo once more than this percentage of the pods moved restart or do not become ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub error_threshold: Option<u32>,
    /// Undo once this PromQL expression has a result, as an alert has one: any sample of a vector, or a scalar other than 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), extend("x-kubernetes-validations" = [
        {"rule": "self.trim() != ''", "message": "write it as a PromQL expression, or leave it out"}
    ]))]
    pub rollback_query: Option<String>,
    /// Pods of these namespaces stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 63)))]
    pub protected_namespaces: Vec<String>,
    /// Pods of these workloads stay: NAMESPACE/NAME.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 317)))]
    pub protected_workloads: Vec<String>,
    /// These nodes stay, and so do their pods: a NAME, or KEY=VALUE of a label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 381)))]
    pub protected_nodes: Vec<String>,
}

impl Validate for OptimizationProfileSpec {
    fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        for (at, rule) in self.rules.iter().enumerate() {
            wrong.extend(rule.violations().into_iter().map(|wrong| wrong.within(&format!("spec.rules[{at}]"))));
        }
        wrong.extend(contradictions::between(&self.rules));
        wrong
    }
}

impl Validate for Rule {
    fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        if self.honor_pod_disruption_budgets == Some(false) {
            let message = "budgets are always honoured: set it to true or leave it out";
            wrong.push(Violation::new("honorPodDisruptionBudgets", false, message));
        }
        if let Some(threshold) = self.error_threshold.filter(|_| self.enable_auto_rollback == Some(false)) {
            let message = "asks for a rollback that enableAutoRollback: false forbids";
            wrong.push(Violation::new("errorThreshold", threshold, message));
        }
        if let Some(query) = self.rollback_query.as_deref().filter(|_| self.enable_auto_rollback == Some(false)) {
            let message = "asks for a rollback that enableAutoRollback: false forbids";
            wrong.push(Violation::new("rollbackQuery", query, message));
        }
        wrong.extend(rollback_query::violation("rollbackQuery", self.rollback_query.as_deref()));
        if let Some(cooldown) = self.migration_cooldown.as_deref().filter(|text| duration::seconds(text).is_none()) {
            wrong.push(Violation::new("migrationCooldown", cooldown, duration::VALID));
        }
        let mut each = |field: &str, entries: &[String], is_valid: fn(&str) -> bool, message: &str| {
            for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| !is_valid(entry)) {
                wrong.push(Violation::new(format!("{field}[{at}]"), entry.as_str(), message));
            }
        };
        each("protectedNamespaces", &self.protected_namespaces, names::is_label, names::VALID_NAMESPACE);
        each("protectedWorkloads", &self.protected_workloads, names::is_namespaced, "name it as NAMESPACE/NAME");
        let is_node = |entry: &str| names::is_name(entry) || names::is_key_and_value(entry);
        each("protectedNodes", &self.protected_nodes, is_node, "name it by its NAME, or by a label as KEY=VALUE");
        wrong
    }
}
