//! The answer to one AdmissionReview of `admission.k8s.io/v1`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crds::optimization_recommendation::Change;
use serde_json::{Value, json};

use crate::consolidation::proposal::CONFIG;
use crate::rightsizing::sizing;

/// What we say to a request.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// It may be.
    Allowed,
    /// It may be with these changes, in JSON Patch.
    Changed(Vec<Value>),
    /// It may not be, and why.
    Refused(String),
}

/// Is the object as it should be, and does its approval stand?
pub fn validate(request: &Value, own: Option<&str>) -> Answer {
    let (object, old) = (&request["object"], &request["oldObject"]);
    // What is on its way out, or was taken under other rules and stays as it is, must not be kept by what is wrong with it.
    let is_as_it_was = old["spec"].is_object() && old["spec"] == object["spec"];
    if !object["metadata"]["deletionTimestamp"].is_null() && is_as_it_was {
        return Answer::Allowed;
    }
    let wrong = crds::lint(object);
    if !wrong.is_empty() {
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        return Answer::Refused(wrong.join("; "));
    }
    let is_own = own.is_some() && request["userInfo"]["username"].as_str() == own;
    if object["kind"] == "OptimizationRecommendation" {
        let (target, within) = (&object["spec"]["targetWorkload"]["namespace"], &object["metadata"]["namespace"]);
        if target.is_string() && target != within {
            let message = "must be the namespace of the recommendation, which reaches no other";
            return Answer::Refused(format!("spec.targetWorkload.namespace: {target}: {message}"));
        }
        // We ourselves say what comes next, once this is applied.
        if old["spec"]["approved"] == true && old["spec"] != object["spec"] && !is_own {
            let message = "is frozen since the recommendation was approved: delete it to take that back";
            return Answer::Refused(format!("spec: {message}"));
        }
    }
    if object["kind"] == "MigrationPlan" && old["spec"]["approved"] == true {
        // On whose terms it is carried out was agreed to as well.
        let terms = |plan: &Value| plan["metadata"]["annotations"][CONFIG].clone();
        for (field, is_same) in [("spec", old["spec"] == object["spec"]), (CONFIG, terms(old) == terms(object))] {
            if !is_same {
                let message = format!("{field}: is frozen since the plan was approved: delete the plan to stop it");
                return Answer::Refused(message);
            }
        }
    }
    Answer::Allowed
}

/// Writes down who approves a plan, whatever the request says; `own` may say itself by which mode.
pub fn stamp(request: &Value, own: Option<&str>) -> Answer {
    let (object, old) = (&request["object"], &request["oldObject"]);
    let user = request["userInfo"]["username"].as_str().unwrap_or("unknown");
    let is_approved = |plan: &Value| plan["spec"]["approved"] == true;
    let written = &object["spec"]["approvedBy"];
    let is_own = own == Some(user) && written.is_string();
    let right = match (is_approved(old), is_approved(object)) {
        (false, true) if is_own => return Answer::Allowed,
        // We say what comes next once a recommendation is applied, and by which policy.
        (true, true) if is_own && old["spec"]["changes"] != object["spec"]["changes"] => return Answer::Allowed,
        (true, true) => old["spec"]["approvedBy"].clone(),
        (true, false) => Value::Null,
        (false, true) => user.into(),
        (false, false) => Value::Null,
    };
    if *written == right || !object["spec"].is_object() {
        return Answer::Allowed;
    }
    let path = "/spec/approvedBy";
    Answer::Changed(vec![match right {
        Value::Null => json!({"op": "remove", "path": path}),
        right => json!({"op": "add", "path": path, "value": right}),
    }])
}

/// A pod that is being made gets what is in force for its workload; `applied` tells what that is.
pub fn size(request: &Value, applied: impl Fn(&str, &str, &str) -> Vec<Change>) -> Answer {
    let pod = &request["object"];
    let namespace = request["namespace"].as_str().unwrap_or_default();
    let Some((kind, name)) = sizing::workload_of(pod) else { return Answer::Allowed };
    let changes = sizing::changes(pod, &applied(namespace, &kind, &name));
    if changes.is_empty() { Answer::Allowed } else { Answer::Changed(changes) }
}

/// The review that goes back.
pub fn response(review: &Value, answer: Answer) -> Value {
    let mut response = json!({"uid": review["request"]["uid"], "allowed": true});
    match answer {
        Answer::Allowed => {}
        Answer::Changed(changes) => {
            response["patchType"] = "JSONPatch".into();
            response["patch"] = STANDARD.encode(Value::from(changes).to_string()).into();
        }
        Answer::Refused(message) => {
            response["allowed"] = false.into();
            response["status"] = json!({"code": 422, "reason": "Invalid", "message": message});
        }
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(approved: bool, by: Option<&str>) -> Value {
        let mut plan = json!({
            "apiVersion": "optimizer.io/v1alpha1", "kind": "MigrationPlan", "metadata": {"name": "p"},
            "spec": {
                "snapshot": {"cluster": "c", "takenAt": "2026-11-21T10:00:00Z", "digest": "sha256:0"},
                "migrations": [], "approved": approved,
                "summary": {
                    "usdPerHourBefore": 1.0, "usdPerHourAfter": 1.0, "usdPerHourLowerBound": null, "gap": null,
                    "usdPerMonthSaved": 0.0, "nodesBefore": 1, "nodesAfter": 1, "migrations": 0, "waves": 0,
                    "minutesExpected": 0,
                },
            },
        });
        if let Some(by) = by {
            plan["spec"]["approvedBy"] = by.into();
        }
        plan
    }

    fn request(old: Value, new: Value, user: &str) -> Value {
        json!({"uid": "1", "object": new, "oldObject": old, "userInfo": {"username": user}})
    }

    fn stamped(old: Value, new: Value) -> Value {
        match stamp(&request(old, new, "jane"), Some("operator")) {
            Answer::Changed(changes) => changes[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_approves_is_who_asks_whatever_is_written() {
        let by_jane = json!({"op": "add", "path": "/spec/approvedBy", "value": "jane"});
        assert_eq!(stamped(plan(false, None), plan(true, None)), by_jane);
        assert_eq!(stamped(plan(false, None), plan(true, Some("somebody else"))), by_jane);
        assert_eq!(stamped(Value::Null, plan(true, Some("operator, as mode full-auto"))), by_jane);
        let removed = json!({"op": "remove", "path": "/spec/approvedBy"});
        assert_eq!(stamped(Value::Null, plan(false, Some("somebody"))), removed);
        let kept = json!({"op": "add", "path": "/spec/approvedBy", "value": "joe"});
        assert_eq!(stamped(plan(true, Some("joe")), plan(true, Some("jane"))), kept);
        let own = request(Value::Null, plan(true, Some("operator, as mode full-auto")), "operator");
        assert_eq!(stamp(&own, Some("operator")), Answer::Allowed);
        assert_eq!(stamp(&request(plan(true, Some("joe")), plan(true, Some("joe")), "x"), None), Answer::Allowed);
        // What comes next, once something was applied, is of another policy's making; or of nobody's, and waits.
        let mut next = plan(true, Some("operator, as policy a/b"));
        next["spec"]["changes"] = json!([{"container": "main"}]);
        let next = request(plan(true, Some("joe")), next, "operator");
        assert_eq!(stamp(&next, Some("operator")), Answer::Allowed);
        assert_eq!(stamped(plan(true, Some("joe")), plan(false, Some("joe"))), removed);
        let again = request(plan(true, Some("joe")), plan(true, Some("operator")), "operator");
        assert!(matches!(stamp(&again, Some("operator")), Answer::Changed(_)), "who agreed first has agreed");
    }

    #[test]
    fn an_approved_plan_is_frozen() {
        let changed = {
            let mut plan = plan(true, Some("joe"));
            plan["spec"]["nodes"] = json!({"remove": ["a"], "add": []});
            plan
        };
        let answer = validate(&request(plan(true, Some("joe")), changed, "jane"), Some("operator"));
        assert!(matches!(&answer, Answer::Refused(why) if why.contains("frozen")), "{answer:?}");
        let on_other_terms = {
            let mut plan = plan(true, Some("joe"));
            plan["metadata"]["annotations"] = json!({CONFIG: "reckless"});
            plan
        };
        let answer = validate(&request(plan(true, Some("joe")), on_other_terms, "jane"), Some("operator"));
        assert!(matches!(&answer, Answer::Refused(why) if why.contains("frozen")), "{answer:?}");
    }

    #[test]
    fn what_is_wrong_is_refused_by_field_value_and_what_is_valid() {
        let config = json!({
            "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationConfig", "metadata": {"name": "c"},
            "spec": {"safeWindows": [{"start": "22:00", "end": "05:00", "timeZone": "Mars/Olympus"}]},
        });
        let Answer::Refused(why) = validate(&request(Value::Null, config, "jane"), Some("operator")) else {
            panic!("it is refused")
        };
        assert!(why.starts_with("spec.safeWindows[0].timeZone: \"Mars/Olympus\": is no time zone"), "{why}");
    }

    #[test]
    fn no_request_is_too_strange() {
        for strange in [json!(null), json!({}), json!({"object": 1}), json!({"object": {"spec": []}, "oldObject": "x"})]
        {
            validate(&strange, None);
            size(&strange, |_, _, _| Vec::new());
            stamp(&strange, None);
            response(&strange, Answer::Refused(String::new()));
        }
    }
}
