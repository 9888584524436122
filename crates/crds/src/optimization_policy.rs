//! OptimizationPolicy: whose requests are rightsized, by what, and how far the operator goes by itself.

use kube_derive::CustomResource;
use model::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amount::{self, Unit};
use crate::condition::Condition;
use crate::duration;
use crate::moment::Moment;
use crate::names;
use crate::optimization_recommendation::{Method, RiskLevel};
use crate::rollback_query;
use crate::selector::Selector;
use crate::violation::{Validate, Violation};

/// Whose requests are rightsized, by what, and how far the operator goes by itself.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "optimizer.io",
    version = "v1alpha1",
    kind = "OptimizationPolicy",
    plural = "optimizationpolicies",
    doc = "Rightsizing: whose requests, by which metrics, and what the operator does by itself.",
    namespaced,
    status = "OptimizationPolicyStatus",
    derive = "PartialEq",
    shortname = "optpol",
    category = "plimsoll",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Workloads", type_ = "integer", json_path = ".status.workloadCount"),
    printcolumn(name = "Recommendations", type_ = "integer", json_path = ".status.recommendationCount"),
    printcolumn(name = "$/Month To Save", type_ = "number", json_path = ".status.potentialSavings"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Last Recommendation", type_ = "date", json_path = ".status.lastRecommendation"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct OptimizationPolicySpec {
    /// What the operator does by itself.
    #[serde(default)]
    pub mode: PolicyMode,
    /// Which workloads are meant; all that the policy reaches where absent.
    #[serde(default)]
    pub selector: Targets,
    /// What use is read from, and how it is looked at.
    #[serde(default)]
    pub metrics_config: MetricsConfig,
    /// How requests are chosen. Where absent: percentile where metricsConfig has a percentile or a safetyFactor, else seasonal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<RequestStrategy>,
    /// No request below or above these.
    #[serde(default)]
    pub resource_bounds: ResourceBounds,
    /// How changes reach pods.
    #[serde(default)]
    pub update_strategy: UpdateStrategy,
    /// How often requests are looked at, such as 5m; 30 seconds at least.
    #[serde(default = "five_minutes")]
    #[schemars(length(min = 1, max = 32))]
    pub reconciliation_interval: String,
    /// What goes by itself in mode Auto.
    #[serde(default)]
    pub auto_approve: AutoApprove,
    /// How a change goes over the replicas of a workload; to all at once where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_strategy: Option<RolloutStrategy>,
}

/// What the operator does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyMode {
    /// It recommends, and applies what autoApprove lets go.
    Auto,
    /// It recommends, and applies what somebody approves.
    #[default]
    Recommend,
    /// It does nothing; what was found stays.
    Disabled,
}

/// Which workloads are meant: those for which all that is said holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Targets {
    /// Namespaces by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<Selector>,
    /// Workloads by the labels of the Deployment, StatefulSet, DaemonSet, Job or CronJob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<Selector>,
    /// Namespaces by their names.
    #[serde(default)]
    pub namespaces: NamespaceLists,
}

/// Namespaces by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceLists {
    /// Only these; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 63)))]
    pub allow: Vec<String>,
    /// None of these, whatever else is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "set"), inner(length(min = 1, max = 63)))]
    pub deny: Vec<String>,
}

/// What use is read from, and how it is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsConfig {
    /// Where use is read.
    #[serde(default)]
    pub provider: Provider,
    /// How far back, such as 24h; an hour at least and 90 days at most.
    #[serde(default = "two_weeks")]
    #[schemars(length(min = 1, max = 32))]
    pub rolling_window: String,
    /// The percentile strategy's percentile; P90 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentile: Option<PolicyPercentile>,
    /// The percentile strategy's factor, applied before bounds; 1.2 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub safety_factor: Option<f64>,
}

/// Where use is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// The Prometheus that the operator was given, or what speaks its API.
    #[default]
    Prometheus,
    /// The metrics API, sampled by the operator over time.
    MetricsServer,
    /// The HTTP endpoint that the operator was given.
    Custom,
}

/// A percentile of use over the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyPercentile {
    /// Half of the samples are above it.
    P50,
    /// One of ten is.
    P90,
    /// One of a hundred is.
    P99,
}

/// How requests are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RequestStrategy {
    /// By the peaks of the same hours of days before.
    Seasonal,
    /// A percentile times the safety factor.
    Percentile,
    /// As the VerticalPodAutoscaler does it.
    Vpa,
    /// By the HTTP endpoint that the operator was given. Bounds, limits and skips are kept by the operator.
    Custom,
}

/// No request below or above these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceBounds {
    /// Of CPU, such as 100m.
    #[serde(default)]
    pub cpu: Range,
    /// Of memory, such as 128Mi.
    #[serde(default)]
    pub memory: Range,
}

/// From the least to the most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// The least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub min: Option<String>,
    /// The most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub max: Option<String>,
}

/// How changes reach pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// Running pods are resized where the cluster can, without a restart; the template stays as it is.
    #[serde(default = "yes")]
    pub allow_in_place_resize: bool,
    /// The template is changed, and its controller replaces the pods.
    #[serde(default)]
    pub allow_recreate: bool,
    /// Limits stay as they are. Where false they change in the proportion in which their requests do.
    #[serde(default = "yes")]
    pub update_requests_only: bool,
}

/// What goes by itself in mode Auto.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoApprove {
    /// The least confidence, the lowest of all containers and both resources.
    #[serde(default = "four_fifths")]
    #[schemars(range(min = 0, max = 1))]
    pub min_confidence: f64,
    /// The gravest risk.
    #[serde(default = "medium")]
    pub max_risk_level: RiskLevel,
}

/// How a change goes over the replicas of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStrategy {
    /// By steps, each watched before the next.
    #[serde(rename = "type", default)]
    pub kind: RolloutType,
    /// In order; the last one is of all replicas, whether it says so or not.
    #[schemars(length(min = 1, max = 10))]
    pub steps: Vec<RolloutStep>,
    /// Bring back what was before once this PromQL expression has a result, as an alert has one: any sample of a vector, or a
    /// scalar other than 0. It is asked before the first step and until the last is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), extend("x-kubernetes-validations" = [
        {"rule": "self.trim() != ''", "message": "write it as a PromQL expression, or leave it out"}
    ]))]
    pub rollback_query: Option<String>,
}

/// In which way a change goes over replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutType {
    /// A part of the replicas first.
    #[default]
    Canary,
}

/// A part of the replicas, and for how long they are watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStep {
    /// The part of the replicas that have the change by the end of the step, such as 20%.
    #[schemars(length(min = 2, max = 4), extend("x-kubernetes-validations" = [
        {"rule": "self.matches('^([1-9][0-9]?|100)%$')", "message": "write it as a percentage from 1% to 100%"}
    ]))]
    pub replicas: String,
    /// How long they are watched, such as 5m; not at all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub duration: Option<String>,
}

/// What was found of a policy's workloads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OptimizationPolicyStatus {
    /// Whether it was accepted, has metrics and an answer, and is alone with its workloads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Workloads that it reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_count: Option<u32>,
    /// Of those the ones whose requests should change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommendation_count: Option<u32>,
    /// Dollars a month that all recommendations come to; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub potential_savings: Option<f64>,
    /// When use was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_recommendation: Option<Moment>,
    /// When something was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_application: Option<Moment>,
    /// The most urgent first, at most a hundred: dangers before savings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<WorkloadStatus>,
    /// Workloads for which there was no room above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workloads_omitted: Option<u32>,
    /// The generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// What was found of one workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadStatus {
    /// Such as `Deployment`.
    pub kind: String,
    /// metadata.namespace.
    pub namespace: String,
    /// metadata.name.
    pub name: String,
    /// Its containers in the order of the pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerStatus>,
    /// How the change is or was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Why nothing is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// When its use was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_recommendation: Option<Moment>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_application: Option<Moment>,
}

/// What was found of one container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// Of CPU.
    pub cpu: ResourceStatus,
    /// Of memory.
    pub memory: ResourceStatus,
}

/// What was found of one resource of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatus {
    /// What it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What it should ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended: Option<String>,
    /// Half of the samples of the window are above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<String>,
    /// One of ten is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90: Option<String>,
    /// One of a hundred is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<String>,
    /// The chance, 0 to 1, that the recommendation holds for a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// How it came to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Why nothing is recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

const HOUR: u32 = 3_600;
const LONGEST_WINDOW: u32 = 90 * 24 * HOUR;
const SHORTEST_INTERVAL: u32 = 30;

fn five_minutes() -> String {
    "5m".to_owned()
}

fn two_weeks() -> String {
    "336h".to_owned()
}

fn yes() -> bool {
    true
}

fn four_fifths() -> f64 {
    0.8
}

fn medium() -> RiskLevel {
    RiskLevel::Medium
}

impl Default for MetricsConfig {
    fn default() -> MetricsConfig {
        MetricsConfig {
            provider: Provider::default(),
            rolling_window: two_weeks(),
            percentile: None,
            safety_factor: None,
        }
    }
}

impl Default for UpdateStrategy {
    fn default() -> UpdateStrategy {
        UpdateStrategy { allow_in_place_resize: true, allow_recreate: false, update_requests_only: true }
    }
}

impl Default for AutoApprove {
    fn default() -> AutoApprove {
        AutoApprove { min_confidence: four_fifths(), max_risk_level: medium() }
    }
}

impl PolicyPercentile {
    /// As a number: 50, 90 or 99.
    pub fn number(self) -> u8 {
        match self {
            PolicyPercentile::P50 => 50,
            PolicyPercentile::P90 => 90,
            PolicyPercentile::P99 => 99,
        }
    }
}

impl RequestStrategy {
    /// As the engine and the command line call it.
    pub fn name(self) -> &'static str {
        match self {
            RequestStrategy::Seasonal => "seasonal",
            RequestStrategy::Percentile => "percentile",
            RequestStrategy::Vpa => "vpa",
            RequestStrategy::Custom => "custom",
        }
    }
}

impl RolloutStep {
    /// 1 to 100.
    pub fn percent(&self) -> u32 {
        self.replicas.strip_suffix('%').and_then(|number| number.parse().ok()).unwrap_or(100).clamp(1, 100)
    }

    /// How long its replicas are watched.
    pub fn seconds(&self) -> i64 {
        i64::from(self.duration.as_deref().and_then(duration::seconds).unwrap_or(0))
    }
}

impl Range {
    fn values(&self, unit: Unit) -> [Option<i64>; 2] {
        [&self.min, &self.max].map(|text| text.as_deref().and_then(|text| amount::value(text, unit)))
    }

    fn violations(&self, field: &str, unit: Unit) -> Vec<Violation> {
        let both = [("min", &self.min), ("max", &self.max)];
        let mut wrong: Vec<Violation> = both
            .into_iter()
            .filter_map(|(name, text)| amount::violation(&format!("{field}.{name}"), text.as_deref()?, unit))
            .collect();
        if let ([Some(min), Some(max)], Some(text)) = (self.values(unit), &self.max)
            && min > max
        {
            wrong.push(Violation::new(format!("{field}.max"), text.as_str(), "is below min"));
        }
        wrong
    }
}

impl ResourceBounds {
    /// Least and most of CPU in millicores, then of memory in bytes.
    pub fn values(&self) -> [[Option<i64>; 2]; 2] {
        [self.cpu.values(Unit::Cpu), self.memory.values(Unit::Memory)]
    }
}

impl Targets {
    /// Is a workload with these labels, in this namespace with its labels, meant? Deny goes before all else.
    pub fn contains(&self, namespace: &str, of_namespace: &model::Labels, of_workload: &model::Labels) -> bool {
        let NamespaceLists { allow, deny } = &self.namespaces;
        let selects = |selector: &Option<Selector>, labels| {
            selector.as_ref().is_none_or(|selector| LabelSelector::from(selector).matches(labels))
        };
        deny.iter().all(|name| name != namespace)
            && (allow.is_empty() || allow.iter().any(|name| name == namespace))
            && selects(&self.namespace_selector, of_namespace)
            && selects(&self.workload_selector, of_workload)
    }
}

impl OptimizationPolicySpec {
    /// How requests are chosen.
    pub fn strategy(&self) -> RequestStrategy {
        let MetricsConfig { percentile, safety_factor, .. } = self.metrics_config;
        let implied = if percentile.is_some() || safety_factor.is_some() {
            RequestStrategy::Percentile
        } else {
            RequestStrategy::Seasonal
        };
        self.strategy.unwrap_or(implied)
    }

    /// How far back use is looked at.
    pub fn window_seconds(&self) -> i64 {
        i64::from(
            duration::seconds(&self.metrics_config.rolling_window)
                .unwrap_or(14 * 24 * HOUR)
                .clamp(HOUR, LONGEST_WINDOW),
        )
    }

    /// How long lies between two looks.
    pub fn interval_seconds(&self) -> i64 {
        i64::from(duration::seconds(&self.reconciliation_interval).unwrap_or(300).max(SHORTEST_INTERVAL))
    }

    /// The PromQL expression that says when to bring back what was before.
    pub fn rollback_query(&self) -> Option<&str> {
        self.rollout_strategy.as_ref()?.rollback_query.as_deref()
    }

    /// All replicas in one step.
    pub fn at_once() -> Vec<(u32, i64)> {
        vec![(100, 0)]
    }

    /// The steps of a rollout: percentage of the replicas, and seconds for which they are watched. The last is of all.
    pub fn steps(&self) -> Vec<(u32, i64)> {
        let given = self.rollout_strategy.iter().flat_map(|rollout| &rollout.steps);
        let mut steps: Vec<(u32, i64)> = given.map(|step| (step.percent(), step.seconds())).collect();
        if steps.last().is_none_or(|(percent, _)| *percent < 100) {
            steps.push((100, 0));
        }
        steps
    }
}

impl Validate for OptimizationPolicySpec {
    fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let Targets { namespace_selector, workload_selector, namespaces } = &self.selector;
        for (field, selector) in [("namespaceSelector", namespace_selector), ("workloadSelector", workload_selector)] {
            if let Some(selector) = selector {
                wrong.extend(selector.violations(&format!("spec.selector.{field}")));
            }
        }
        for (field, list) in [("allow", &namespaces.allow), ("deny", &namespaces.deny)] {
            for (at, name) in list.iter().enumerate().filter(|(_, name)| !names::is_label(name)) {
                let field = format!("spec.selector.namespaces.{field}[{at}]");
                wrong.push(Violation::new(field, name.as_str(), names::VALID_NAMESPACE));
            }
        }
        let mut lasts = |field: &str, text: &str, range: std::ops::RangeInclusive<u32>, valid: &str| {
            match duration::seconds(text) {
                None => wrong.push(Violation::new(field, text, format!("is no duration: {}", duration::VALID))),
                Some(seconds) if !range.contains(&seconds) => wrong.push(Violation::new(field, text, valid)),
                Some(_) => {}
            }
        };
        let window = &self.metrics_config.rolling_window;
        lasts("spec.metricsConfig.rollingWindow", window, HOUR..=LONGEST_WINDOW, "must be from 1h to 2160h");
        let interval = &self.reconciliation_interval;
        lasts("spec.reconciliationInterval", interval, SHORTEST_INTERVAL..=24 * HOUR, "must be from 30s to 24h");
        let steps = self.rollout_strategy.iter().flat_map(|rollout| &rollout.steps).enumerate();
        for (at, step) in steps.clone() {
            if let Some(text) = &step.duration {
                lasts(
                    &format!("spec.rolloutStrategy.steps[{at}].duration"),
                    text,
                    0..=24 * HOUR,
                    "must be at most 24h",
                );
            }
        }
        wrong.extend(rollback_query::violation("spec.rolloutStrategy.rollbackQuery", self.rollback_query()));
        let mut before = 0;
        for (at, step) in steps {
            let field = format!("spec.rolloutStrategy.steps[{at}].replicas");
            let number = step.replicas.strip_suffix('%').and_then(|number| number.parse::<u32>().ok());
            match number.filter(|number| (1..=100).contains(number)) {
                None => wrong.push(Violation::new(
                    field,
                    step.replicas.as_str(),
                    "write it as a percentage from 1% to 100%",
                )),
                Some(percent) if percent <= before => {
                    let message = format!("must be above the {before}% of the step before");
                    wrong.push(Violation::new(field, step.replicas.as_str(), message));
                }
                Some(percent) => before = percent,
            }
        }
        wrong.extend(self.resource_bounds.cpu.violations("spec.resourceBounds.cpu", Unit::Cpu));
        wrong.extend(self.resource_bounds.memory.violations("spec.resourceBounds.memory", Unit::Memory));
        let is_percentile = self.strategy() == RequestStrategy::Percentile;
        let MetricsConfig { percentile, safety_factor, .. } = self.metrics_config;
        if !is_percentile && (percentile.is_some() || safety_factor.is_some()) {
            let message = "has its percentile and safety factor of its own: leave metricsConfig.percentile and safetyFactor out, or take strategy percentile";
            wrong.push(Violation::new("spec.strategy", self.strategy().name(), message));
        }
        if let Some(factor) = safety_factor.filter(|factor| !(1.0..=10.0).contains(factor)) {
            wrong.push(Violation::new("spec.metricsConfig.safetyFactor", factor, "must be from 1 to 10"));
        }
        let confidence = self.auto_approve.min_confidence;
        if !(0.0..=1.0).contains(&confidence) {
            wrong.push(Violation::new("spec.autoApprove.minConfidence", confidence, "must be from 0 to 1"));
        }
        if self.mode == PolicyMode::Auto
            && !self.update_strategy.allow_in_place_resize
            && !self.update_strategy.allow_recreate
        {
            let message = "is Auto while updateStrategy allows neither allowInPlaceResize nor allowRecreate: nothing could be applied; take Recommend";
            wrong.push(Violation::new("spec.mode", "Auto", message));
        }
        wrong
    }
}
