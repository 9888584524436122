//! MigrationPlan: plans as people wrote them, which name workloads and nodes. In our words they are drafts.

use serde_json::{Value, json};

use super::taken::Taken;

/// A draft where it names no pods; ours as it is where it has them.
pub(super) fn spec(taken: &mut Taken, namespace: &str) -> Value {
    let mut spec = json!({"migrations": [], "approved": false});
    let mut steps = Vec::new();
    for at in 0..taken.length("/spec/migrations") {
        steps.push(step(taken, at, namespace));
    }
    taken.field("/spec/migrations");
    if taken.field("/spec/phase").is_some() {
        taken.note("spec.phase", "left out: how far a plan has come is its status, which the operator writes");
    }
    if taken.field("/spec/approved").is_some_and(|approved| approved == true) {
        taken.note("spec.approved", "left out: somebody has to approve it anew, as it is now");
    }
    if taken.field("/spec/approvedBy").is_some_and(|by| by != "") {
        taken.note("spec.approvedBy", "left out: the webhook stamps it with who approves");
    }
    for field in ["strategy", "snapshot", "nodes", "summary", "bound", "findings", "rollback"] {
        if let Some(value) = taken.field(&format!("/spec/{field}")) {
            spec[field] = value;
        }
    }
    let is_draft = spec["summary"].is_null() || steps.iter().any(|step| step["pod"].is_null());
    spec["migrations"] = Value::Array(steps);
    if is_draft {
        let message = "names no pods, no snapshot or no summary: it is a draft, which cannot be approved; plimsoll simulate \
                       makes whole plans";
        taken.note("spec.migrations", message);
    }
    spec
}

fn step(taken: &mut Taken, at: usize, namespace: &str) -> Value {
    let pointer = |field: &str| format!("/spec/migrations/{at}/{field}");
    let path = |field: &str| format!("spec.migrations[{at}].{field}");
    let mut step = json!({});
    let workload = taken.field(&pointer("workload")).unwrap_or(Value::Null);
    if let Some(name) = workload.as_str() {
        let message = format!("names neither kind nor namespace: taken as a Deployment of namespace {namespace} (-n)");
        taken.note(path("workload"), message);
        step["workload"] = json!({"kind": "Deployment", "namespace": namespace, "name": name});
    } else if !workload.is_null() {
        step["workload"] = workload;
    }
    match taken.field(&pointer("wave")) {
        Some(wave) => step["wave"] = wave,
        None => step["wave"] = json!(at + 1),
    }
    match taken.field(&pointer("risk")) {
        Some(risk) => step["risk"] = risk,
        None => {
            taken.note(path("risk"), "is not said: taken as high");
            step["risk"] = json!("high");
        }
    }
    for field in ["fromNode", "toNode", "reason", "pod", "method", "riskReasons"] {
        if let Some(value) = taken.field(&pointer(field)) {
            step[field] = value;
        }
    }
    if let Some(value) = taken.field(&pointer("estimatedLatencyImprovement")) {
        let message = format!("{value} is left out: a plan of ours says what it saves, not how it changes latency");
        taken.note(path("estimatedLatencyImprovement"), message);
    }
    // Whatever else it has is not known, and stays where lint finds it.
    if let Some(Value::Object(rest)) = taken.entry("/spec/migrations", at) {
        for (field, value) in rest {
            step[field.as_str()] = value;
        }
    }
    step
}
