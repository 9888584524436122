//! OptimizationRecommendation: other requests for one workload, and what became of them.

use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amount::Amounts;
use crate::condition::Condition;
use crate::moment::Moment;
use crate::names;
use crate::violation::{Validate, Violation};

/// Other requests for one workload.
#[derive(Clone, Debug, Default, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "optimizer.io",
    version = "v1alpha1",
    kind = "OptimizationRecommendation",
    doc = "Other requests for one workload: what they save, how sure they are, and what became of them.",
    namespaced,
    status = "OptimizationRecommendationStatus",
    derive = "PartialEq",
    shortname = "optrec",
    category = "plimsoll",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Kind", type_ = "string", json_path = ".spec.targetWorkload.kind"),
    printcolumn(name = "Workload", type_ = "string", json_path = ".spec.targetWorkload.name"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "$/Month", type_ = "number", json_path = ".spec.estimatedSavings"),
    printcolumn(name = "Confidence", type_ = "number", json_path = ".spec.confidence"),
    printcolumn(name = "Risk", type_ = "string", json_path = ".spec.risk"),
    printcolumn(name = "Method", type_ = "string", json_path = ".status.method", priority = 1),
    printcolumn(name = "Applied", type_ = "date", json_path = ".status.appliedAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct OptimizationRecommendationSpec {
    /// What is recommended.
    #[serde(rename = "type", default)]
    pub kind: RecommendationType,
    /// For whom.
    pub target_workload: TargetWorkload,
    /// The policy that it was made for, as NAMESPACE/NAME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 317))]
    pub policy: Option<String>,
    /// By container.
    #[schemars(length(min = 1, max = 64))]
    pub changes: Vec<Change>,
    /// Dollars a month saved, more spent where negative; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_savings: Option<f64>,
    /// The chance, 0 to 1, that it holds for a week: the lowest of all containers and both resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub confidence: Option<f64>,
    /// What could go wrong, the gravest of all containers.
    #[serde(default)]
    pub risk: RiskLevel,
    /// Why, the gravest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub risk_reasons: Vec<String>,
    /// Somebody has agreed.
    #[serde(default)]
    pub approved: bool,
    /// Who has agreed: stamped by the webhook, whatever is written here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

/// What is recommended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecommendationType {
    /// Other requests.
    #[default]
    RightSizing,
}

/// A workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetWorkload {
    /// Such as `Deployment`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace, which is that of the recommendation too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// What becomes of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its name; absent where the pods have one container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub container: Option<String>,
    /// What it should ask for; what is absent stays.
    #[serde(default)]
    pub requests: Amounts,
    /// What its limits become; what is absent stays.
    #[serde(default, skip_serializing_if = "Amounts::is_empty")]
    pub limits: Amounts,
    /// What it asks for, and what a rollback brings back.
    #[serde(default, skip_serializing_if = "Amounts::is_empty")]
    pub requests_before: Amounts,
    /// Its limits before.
    #[serde(default, skip_serializing_if = "Amounts::is_empty")]
    pub limits_before: Amounts,
    /// How the amounts came to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub explanation: Option<String>,
}

/// How grave what could go wrong is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RiskLevel {
    /// Nobody should notice.
    #[default]
    Low,
    /// Somebody may notice.
    Medium,
    /// Look first.
    High,
}

/// What became of a recommendation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OptimizationRecommendationStatus {
    /// Where it stands.
    #[serde(default)]
    pub phase: RecommendationPhase,
    /// How it is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Who agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When all replicas had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Moment>,
    /// The step of the rollout that is under way, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// Since when all replicas of the step have the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_since: Option<Moment>,
    /// What is in force: pods made from now on get it. It stays while something else is recommended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<Change>,
    /// Pods that were resized, with what they had been through before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<ResizedPod>,
    /// Why it stands where it stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// A pod that was resized.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResizedPod {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Restarts of its containers before.
    #[serde(default)]
    pub restarts: i64,
    /// Whether it was ready before.
    #[serde(default)]
    pub ready: bool,
}

/// Where a recommendation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecommendationPhase {
    /// Nobody has agreed yet.
    #[default]
    Pending,
    /// It is to be applied.
    Approved,
    /// Some replicas have it.
    Applying,
    /// All replicas have it.
    Applied,
    /// Something went wrong, and what was before is back.
    RolledBack,
    /// It cannot be applied, and the conditions say why.
    Rejected,
}

/// How a change reaches pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Method {
    /// Running pods are resized; pods made later are sized as they are made.
    InPlace,
    /// The template is changed, and its controller replaces the pods.
    Recreate,
    /// Nothing is applied.
    Skip,
}

impl RecommendationPhase {
    /// It is being applied, or is to be.
    pub fn is_under_way(self) -> bool {
        matches!(self, RecommendationPhase::Approved | RecommendationPhase::Applying)
    }
}

impl Validate for OptimizationRecommendationSpec {
    fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let TargetWorkload { kind, name, namespace } = &self.target_workload;
        if kind.is_empty() || !kind.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
            wrong.push(Violation::new("spec.targetWorkload.kind", kind.as_str(), "is no kind, such as Deployment"));
        }
        if !names::is_name(name) {
            wrong.push(Violation::new("spec.targetWorkload.name", name.as_str(), names::VALID_NAME));
        }
        if let Some(namespace) = namespace.as_deref().filter(|name| !names::is_label(name)) {
            wrong.push(Violation::new("spec.targetWorkload.namespace", namespace, names::VALID_NAMESPACE));
        }
        if let Some(policy) = self.policy.as_deref().filter(|policy| !names::is_namespaced(policy)) {
            wrong.push(Violation::new("spec.policy", policy, "write it as NAMESPACE/NAME"));
        }
        for (at, change) in self.changes.iter().enumerate() {
            let field = format!("spec.changes[{at}]");
            let amounts = [
                ("requests", &change.requests),
                ("limits", &change.limits),
                ("requestsBefore", &change.requests_before),
                ("limitsBefore", &change.limits_before),
            ];
            for (name, amounts) in amounts {
                wrong.extend(amounts.violations(&format!("{field}.{name}")));
            }
            if change.requests.is_empty() && change.limits.is_empty() {
                wrong.push(Violation::missing(format!("{field}.requests"), "changes neither cpu nor memory"));
            }
            let (requests, limits) = (change.requests.values(), change.limits.values());
            for (at, resource) in ["cpu", "memory"].into_iter().enumerate() {
                if let (Some(request), Some(limit)) = (requests[at], limits[at])
                    && request > limit
                {
                    let field = format!("{field}.requests.{resource}");
                    wrong.push(Violation::missing(field, format!("is above limits.{resource}")));
                }
            }
            let is_same = |other: &Change| other.container == change.container;
            if self.changes[..at].iter().any(is_same) || (change.container.is_none() && self.changes.len() > 1) {
                let message = "names each container once; only the one change of a pod with one container names none";
                wrong.push(Violation::missing(format!("{field}.container"), message));
            }
        }
        wrong
    }
}
