//! OptimizationConfig: the consolidation loop, and what it may do by itself.

mod weights;

pub use weights::Weights;

use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::moment::Moment;
use crate::names;
use crate::safe_window::SafeWindow;
use crate::schedule::Schedule;
use crate::violation::{Validate, Violation};

/// How often the cluster is analysed, what of it, and how far the operator goes by itself.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "optimizer.io",
    version = "v1alpha1",
    kind = "OptimizationConfig",
    doc = "The consolidation loop: how often the cluster is analysed, and what the operator does by itself.",
    status = "OptimizationConfigStatus",
    derive = "PartialEq",
    shortname = "optcfg",
    category = "plimsoll",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.nodeCount"),
    printcolumn(name = "$/Month To Save", type_ = "number", json_path = ".status.potentialSavings"),
    printcolumn(name = "Schedule", type_ = "string", json_path = ".spec.schedule", priority = 1),
    printcolumn(name = "Safety", type_ = "string", json_path = ".spec.safetyThreshold", priority = 1),
    printcolumn(name = "Last Analysis", type_ = "date", json_path = ".status.lastAnalysis"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.targetNamespaces.all(name, !(name in self.excludeNamespaces))", "fieldPath": ".excludeNamespaces",
     "message": "excludes a namespace that targetNamespaces names: leave it out of one of them"}
]))]
pub struct OptimizationConfigSpec {
    /// What the operator does by itself.
    #[serde(default)]
    pub mode: Mode,
    /// When an analysis begins beside changes: five cron fields in UTC, or `@every` so long, 30 seconds at least.
    #[serde(default = "every_five_minutes")]
    #[schemars(length(max = 128), extend("x-kubernetes-validations" = [
        {"rule": "self.matches('^(@every ([0-9]+[hms])+|@(hourly|daily|midnight|weekly|monthly)|([^ @]+ +){4}[^ ]+)$')",
         "message": "write it as five cron fields, such as */30 * * * *, or as @every 30s, @hourly, @daily, @weekly or @monthly"}
    ]))]
    pub schedule: String,
    /// Gives every limit of a plan that no profile gives.
    #[serde(default)]
    pub safety_threshold: SafetyThreshold,
    /// Only pods of these namespaces move; those of all where none is named.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 63)))]
    pub target_namespaces: Vec<String>,
    /// Pods of these namespaces stay.
    #[serde(default)]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 63)))]
    pub exclude_namespaces: Vec<String>,
    /// How plans are searched for.
    #[serde(default)]
    pub bin_packing_strategy: BinPackingStrategy,
    /// When pods may be moved; at any time where none is given.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub safe_windows: Vec<SafeWindow>,
    /// What counts how much in choosing between plans.
    #[serde(default)]
    pub weights: Weights,
    /// Which nodes may hold the pods.
    #[serde(default)]
    pub capacity: Capacity,
    /// The OptimizationProfile whose rules hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub profile: Option<String>,
    /// Ask the API server for each step without doing it.
    #[serde(default)]
    pub dry_run: bool,
}

/// What the operator does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It reports what could be saved.
    #[default]
    Observe,
    /// It plans, and waits for every plan's approval.
    Manual,
    /// It carries out steps of low risk, and waits for the approval of the others.
    SemiAuto,
    /// It carries out what the profile allows.
    FullAuto,
}

/// Gives every limit of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SafetyThreshold {
    /// What nobody should notice.
    Conservative,
    /// What Kubernetes and its budgets allow.
    #[default]
    Medium,
    /// And kube-system pods without a budget.
    Aggressive,
}

/// How plans are searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BinPackingStrategy {
    /// Each pod to the first node that takes it.
    FirstFit,
    /// Each pod to the fullest node that takes it.
    BestFit,
    /// Each pod to the zone and node with most pods of its namespace.
    NetworkAware,
    /// Each pod where most of its preferences hold.
    Affinity,
    /// The whole cluster at once.
    #[default]
    Search,
}

/// Which nodes may hold the pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// Only those that are there.
    #[default]
    Existing,
    /// Any that the node pools could buy as well.
    Any,
}

/// How the loop stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OptimizationConfigStatus {
    /// Where it stands.
    #[serde(default)]
    pub phase: ConfigPhase,
    /// What it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// When an analysis last came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_analysis: Option<Moment>,
    /// Nodes that it saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_count: Option<u32>,
    /// Workloads that it saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_count: Option<u32>,
    /// What its plan would save, in dollars a month; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub potential_savings: Option<f64>,
    /// The plan or report that it made last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// Why it stands where it stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Where the loop stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConfigPhase {
    /// Nothing has been analysed yet.
    #[default]
    Pending,
    /// An analysis is under way.
    Analyzing,
    /// There is an answer.
    Ready,
    /// There is none, and the conditions say why.
    Error,
}

/// What the loop is doing, in the order in which it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// Looking for changes, and waiting for the schedule.
    Watching,
    /// Adding up what there is.
    Analyzing,
    /// Searching for a plan.
    Planning,
    /// Writing a report.
    Reporting,
    /// Waiting for approval, a window, or the plan of another configuration.
    Waiting,
    /// Carrying a plan out.
    Executing,
    /// Nothing is left to move: looking at what became of it.
    Monitoring,
}

fn every_five_minutes() -> String {
    "*/5 * * * *".to_owned()
}

impl Validate for OptimizationConfigSpec {
    fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        if let Err(message) = Schedule::parse(&self.schedule) {
            wrong.push(Violation::new("spec.schedule", self.schedule.as_str(), message));
        }
        let lists =
            [("spec.targetNamespaces", &self.target_namespaces), ("spec.excludeNamespaces", &self.exclude_namespaces)];
        for (field, list) in lists {
            for (at, name) in list.iter().enumerate().filter(|(_, name)| !names::is_label(name)) {
                wrong.push(Violation::new(format!("{field}[{at}]"), name.as_str(), names::VALID_NAMESPACE));
            }
        }
        for (at, name) in self.exclude_namespaces.iter().enumerate() {
            if self.target_namespaces.contains(name) {
                let message = "excludes a namespace that targetNamespaces names: leave it out of one of them";
                wrong.push(Violation::new(format!("spec.excludeNamespaces[{at}]"), name.as_str(), message));
            }
        }
        for (at, window) in self.safe_windows.iter().enumerate() {
            let field = format!("spec.safeWindows[{at}]");
            wrong.extend(window.violations().into_iter().map(|violation| violation.within(&field)));
        }
        let Weights { cost, disruption, latency } = self.weights;
        if [cost, disruption, latency].iter().all(|weight| *weight <= 0.0) {
            wrong.push(Violation::missing("spec.weights", "one weight at least must be above 0"));
        }
        if let Some(profile) = self.profile.as_deref().filter(|name| !names::is_name(name)) {
            wrong.push(Violation::new("spec.profile", profile, names::VALID_NAME));
        }
        wrong
    }
}

impl OptimizationConfigSpec {
    /// When an analysis begins, where the spec is valid.
    pub fn schedule(&self) -> Result<Schedule, String> {
        Schedule::parse(&self.schedule)
    }
}
