//! What a constraint costs, as it is written, and back.

use model::{ConstraintCost, ConstraintKind, Name, ObjectRef, Patch, PatchKind, SavingBasis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::convert::one_of;
use super::error::PlanError;
use super::money::usd_per_hour;
use crate::read::shown;

/// A constraint without which a plan would cost less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Constraint {
    /// Its type, stable for machines.
    pub what: String,
    /// The object that has it.
    pub object: ObjectReference,
    /// What the plan without it costs less.
    pub usd_per_hour: f64,
    /// How many nodes fewer it keeps.
    pub nodes: i64,
    /// How that was found: `planned-anew`, `planned-on`, or `bound` where only the lower bound says so.
    pub basis: String,
    /// The change that lifts it, in words.
    pub change: String,
    /// `merge` or `json`, for `kubectl patch --type`, or `apply` for `kubectl apply`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch_type: Option<String>,
    /// The same for kubectl, in JSON; absent where the object cannot be patched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
}

/// An object by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectReference {
    /// Such as `PodDisruptionBudget`; `Limit` for a limit of the plan itself.
    pub kind: Name,
    /// Absent for what has none.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub namespace: Name,
    /// metadata.name; of a limit its flag.
    pub name: Name,
}

impl From<&ConstraintCost> for Constraint {
    fn from(cost: &ConstraintCost) -> Constraint {
        let ObjectRef { kind, namespace, name } = cost.object.clone();
        Constraint {
            what: cost.kind.as_str(),
            object: ObjectReference { kind, namespace, name },
            usd_per_hour: cost.usd_per_hour.dollars(),
            nodes: cost.nodes,
            basis: basis_name(cost.basis).to_owned(),
            change: cost.change.clone(),
            patch_type: cost.patch.as_ref().map(|patch| patch_name(patch.kind).to_owned()),
            patch: cost.patch.as_ref().map(|patch| patch.text.clone()),
        }
    }
}

impl Constraint {
    /// What is meant, or which part of `field` cannot be meant.
    pub(super) fn cost(self, field: &str) -> Result<ConstraintCost, PlanError> {
        let part = |name: &str| format!("{field}.{name}");
        let kind = ConstraintKind::parse(&self.what)
            .ok_or_else(|| PlanError::field(part("what"), format!("{:?} is not known", shown(&self.what))))?;
        let cost = usd_per_hour(self.usd_per_hour, || part("usdPerHour"))?;
        if cost.nanos() == 0 {
            return Err(PlanError::field(part("usdPerHour"), "what costs nothing is no constraint"));
        }
        let ObjectReference { kind: of_kind, namespace, name } = self.object;
        if of_kind.is_empty() || name.is_empty() {
            return Err(PlanError::field(part("object"), "kind and name may not be empty"));
        }
        let bases = [SavingBasis::PlannedAnew, SavingBasis::PlannedOn, SavingBasis::Bound];
        Ok(ConstraintCost {
            kind,
            object: ObjectRef { kind: of_kind, namespace, name },
            usd_per_hour: cost,
            nodes: self.nodes,
            basis: one_of(bases, basis_name, &self.basis, || part("basis"))?,
            change: self.change,
            patch: patch(self.patch_type.as_deref(), self.patch, field)?,
        })
    }
}

fn patch(kind: Option<&str>, text: Option<String>, field: &str) -> Result<Option<Patch>, PlanError> {
    let part = |name: &str| format!("{field}.{name}");
    let (kind, text) = match (kind, text) {
        (None, None) => return Ok(None),
        (Some(kind), Some(text)) => (kind, text),
        (None, Some(_)) => return Err(PlanError::field(part("patchType"), "is missing where there is a patch")),
        (Some(_), None) => return Err(PlanError::field(part("patch"), "is missing where there is a patchType")),
    };
    let kinds = [PatchKind::Merge, PatchKind::Json, PatchKind::Apply];
    let kind = one_of(kinds, patch_name, kind, || part("patchType"))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| PlanError::field(part("patch"), format!("is no JSON: {error}")))?;
    let is_step =
        |step: &Value| step.get("op").is_some_and(Value::is_string) && step.get("path").is_some_and(Value::is_string);
    let wrong = match (kind, &value) {
        (PatchKind::Merge, Value::Object(_)) => None,
        (PatchKind::Merge, _) => Some("a merge patch is an object"),
        (PatchKind::Json, Value::Array(steps)) if steps.iter().all(is_step) => None,
        (PatchKind::Json, _) => Some("a JSON patch is a list of steps with op and path"),
        (PatchKind::Apply, object) if object.get("kind").is_some() && object.get("apiVersion").is_some() => None,
        (PatchKind::Apply, _) => Some("what is applied is an object with apiVersion and kind"),
    };
    match wrong {
        None => Ok(Some(Patch { kind, text })),
        Some(wrong) => Err(PlanError::field(part("patch"), wrong)),
    }
}

fn basis_name(basis: SavingBasis) -> &'static str {
    match basis {
        SavingBasis::PlannedAnew => "planned-anew",
        SavingBasis::PlannedOn => "planned-on",
        SavingBasis::Bound => "bound",
    }
}

fn patch_name(kind: PatchKind) -> &'static str {
    match kind {
        PatchKind::Merge => "merge",
        PatchKind::Json => "json",
        PatchKind::Apply => "apply",
    }
}
