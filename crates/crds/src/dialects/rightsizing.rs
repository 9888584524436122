//! OptimizationPolicy and OptimizationRecommendation: the dialect that names namespaces and approves by confidence.

use serde_json::{Map, Value, json};

use super::taken::Taken;

/// Namespaces by name, approval by confidence and risk, and a rollout by steps.
pub(super) fn policy(taken: &mut Taken) -> Value {
    let mut spec = Map::new();
    if let Some(namespaces) = taken.field("/spec/targetNamespaces") {
        spec.insert("selector".to_owned(), json!({"namespaces": {"allow": namespaces}}));
    }
    for field in ["autoApprove", "rolloutStrategy"] {
        if let Some(value) = taken.field(&format!("/spec/{field}")) {
            spec.insert(field.to_owned(), value);
        }
    }
    // What approves by itself is meant to go by itself.
    let mode = if spec.contains_key("autoApprove") { "Auto" } else { "Recommend" };
    taken.note("spec.mode", format!("is not named, and becomes {mode}"));
    taken.note("metadata.namespace", "a policy outside the operator's namespace reaches its own namespace alone");
    spec.insert("mode".to_owned(), mode.into());
    Value::Object(spec)
}

/// The dialect's amounts are of the pods' one container.
pub(super) fn recommendation(taken: &mut Taken) -> Value {
    let changes = taken.field("/spec/changes").unwrap_or_default();
    let approved = taken.field("/spec/approved").is_some_and(|approved| approved == true);
    let by = taken.field("/spec/approvedBy");
    if approved || by.is_some() {
        taken.note("spec.approvedBy", "left out: who approves it here is asked anew");
    }
    let mut spec = taken.whole("spec");
    if !spec.is_object() {
        return spec;
    }
    spec["changes"] = match changes {
        Value::Object(amounts) => {
            taken.note("spec.changes", "names no container: it is meant for pods with one");
            json!([{"requests": amounts}])
        }
        list => list,
    };
    spec
}
