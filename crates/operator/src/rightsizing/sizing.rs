//! Pods that are made later get what was applied to their workload: the answer to one AdmissionReview of a pod.

use std::sync::Arc;

use crds::OptimizationRecommendationStatus;
use crds::optimization_recommendation::Change;
use kube::api::DynamicObject;
use model::Quantity;
use serde_json::{Value, json};

use crate::context::Context;
use crate::objects::{namespace, status};

/// Pods of this namespace are never touched as they are made.
const SYSTEM: &str = "kube-system";

/// Namespaces whose pods are asked about as they are made: those of workloads that something is in force for. None in a
/// dry run.
pub fn namespaces(context: &Context) -> Vec<String> {
    if context.settings.rightsizing.dry_run {
        return Vec::new();
    }
    let is_in_force = |object: &&Arc<DynamicObject>| {
        object.data["status"]["applied"].as_array().is_some_and(|applied| !applied.is_empty())
    };
    let all = context.objects.recommendations.all();
    let mut namespaces: Vec<String> =
        all.iter().filter(is_in_force).map(|object| namespace(object).to_owned()).collect();
    namespaces.retain(|name| name != SYSTEM && *name != context.settings.namespace);
    namespaces.dedup();
    namespaces
}

/// What is in force for a workload; nothing where nothing is, or where its policy is disabled by now.
pub fn in_force(context: &Context, within: &str, kind: &str, name: &str) -> Vec<Change> {
    if context.settings.rightsizing.dry_run {
        return Vec::new();
    }
    let is_its = |object: &&Arc<DynamicObject>| {
        let target = &object.data["spec"]["targetWorkload"];
        namespace(object) == within && target["kind"] == kind && target["name"] == name
    };
    let all = context.objects.recommendations.all();
    let in_force = |object: &Arc<DynamicObject>| {
        let standing: OptimizationRecommendationStatus = status(object);
        (!standing.applied.is_empty() && !is_disabled(context, object)).then_some(standing.applied)
    };
    all.iter().filter(is_its).find_map(in_force).unwrap_or_default()
}

fn is_disabled(context: &Context, object: &DynamicObject) -> bool {
    let policy = object.data["spec"]["policy"].as_str().and_then(|policy| policy.split_once('/'));
    let policy = policy.and_then(|(within, name)| context.objects.policies.get_in(within, name));
    policy.is_some_and(|policy| policy.data["spec"]["mode"] == "Disabled")
}

/// The workload of a pod that is being made, by the pod's controller: kind and name. A ReplicaSet's name is that of its
/// Deployment and the hash of its template.
pub fn workload_of(pod: &Value) -> Option<(String, String)> {
    let owners = pod["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
    if kind != "ReplicaSet" {
        return Some((kind.to_owned(), name.to_owned()));
    }
    let hash = pod["metadata"]["labels"]["pod-template-hash"].as_str()?;
    let deployment = name.strip_suffix(hash)?.strip_suffix('-')?;
    Some(("Deployment".to_owned(), deployment.to_owned()))
}

/// The JSON Patch that gives a pod what is in force for its workload; empty where it has that. A pod that could not be made
/// so is worth less than one of the wrong size, which is resized a minute later. So nothing is raised here, where a quota
/// would refuse the pod, nothing becomes invalid or of another class, and what the template did not ask for when that was
/// agreed to stays: somebody has changed it since.
pub fn changes(pod: &Value, applied: &[Change]) -> Vec<Value> {
    let mut patch = Vec::new();
    for list in ["containers", "initContainers"] {
        let containers = pod["spec"][list].as_array().map(Vec::as_slice).unwrap_or_default();
        for (at, container) in containers.iter().enumerate() {
            let is_meant = |change: &&Change| match change.container.as_deref() {
                Some(name) => container["name"] == name,
                None => list == "containers" && containers.len() == 1,
            };
            let Some(change) = applied.iter().find(is_meant) else { continue };
            if let Some(after) = resources(&container["resources"], change) {
                patch.push(json!({"op": "add", "path": format!("/spec/{list}/{at}/resources"), "value": after}));
            }
        }
    }
    patch
}

/// A container's resources with the change; none where they stay.
fn resources(before: &Value, change: &Change) -> Option<Value> {
    let mut after = before.clone();
    let parts =
        [("requests", &change.requests, &change.requests_before), ("limits", &change.limits, &change.limits_before)];
    for (part, new, old) in parts {
        for (resource, new, old) in [("cpu", &new.cpu, &old.cpu), ("memory", &new.memory, &old.memory)] {
            let Some(new) = new else { continue };
            let now = amount(before, part, resource);
            let is_as_agreed = now.is_some() && now == old.as_deref().and_then(value);
            if is_as_agreed && value(new) < now {
                after[part][resource] = new.as_str().into();
            }
        }
    }
    let equal = |resources: &Value, resource: &str| {
        let [request, limit] = ["requests", "limits"].map(|part| amount(resources, part, resource));
        request.is_some() && request == limit
    };
    let keeps_class = ["cpu", "memory"].iter().all(|resource| equal(before, resource) == equal(&after, resource));
    (after != *before && keeps_class && is_valid(&after)).then_some(after)
}

fn is_valid(resources: &Value) -> bool {
    ["cpu", "memory"].iter().all(|resource| {
        match (amount(resources, "requests", resource), amount(resources, "limits", resource)) {
            (Some(request), Some(limit)) => request <= limit,
            _ => true,
        }
    })
}

fn amount(resources: &Value, part: &str, resource: &str) -> Option<i64> {
    match &resources[part][resource] {
        Value::String(text) => value(text),
        Value::Number(number) => value(&number.to_string()),
        _ => None,
    }
}

fn value(text: &str) -> Option<i64> {
    Quantity::parse(text).ok().map(Quantity::milli_value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crds::Amounts;

    fn pod(resources: Value) -> Value {
        json!({
            "metadata": {
                "labels": {"pod-template-hash": "5d4f"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web-api-5d4f", "controller": true}],
            },
            "spec": {"containers": [{"name": "main", "resources": resources}]},
        })
    }

    /// From one core to this.
    fn change(cpu: &str) -> Change {
        let of = |cpu: &str| Amounts { cpu: Some(cpu.to_owned()), memory: None };
        Change { container: Some("main".to_owned()), requests: of(cpu), requests_before: of("1"), ..Change::default() }
    }

    #[test]
    fn a_pods_workload_is_known_by_its_controller() {
        assert_eq!(workload_of(&pod(json!({}))), Some(("Deployment".to_owned(), "web-api".to_owned())));
        let of_set =
            json!({"metadata": {"ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": true}]}});
        assert_eq!(workload_of(&of_set), Some(("StatefulSet".to_owned(), "db".to_owned())));
        for strange in [json!(null), json!({"metadata": {"ownerReferences": [{"kind": 3}]}}), json!([])] {
            assert_eq!(workload_of(&strange), None);
        }
    }

    #[test]
    fn what_is_in_force_is_put_in_and_the_rest_stays() {
        let patch = changes(&pod(json!({"requests": {"cpu": "1000m", "memory": "1Gi"}})), &[change("250m")]);
        let value = json!({"requests": {"cpu": "250m", "memory": "1Gi"}});
        assert_eq!(patch, [json!({"op": "add", "path": "/spec/containers/0/resources", "value": value})]);
        assert_eq!(changes(&pod(value), &[change("250m")]), Vec::<Value>::new());
    }

    #[test]
    fn nothing_is_raised_or_made_invalid_and_who_changed_the_template_is_heeded() {
        for (resources, cpu) in [
            (json!({"requests": {"cpu": "1"}}), "2"),
            (json!({"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}), "500m"),
            (json!({"requests": {"cpu": "1500m"}}), "500m"),
            (json!({"limits": {"cpu": "500m"}}), "250m"),
            (json!({"requests": 7}), "250m"),
            (json!("no resources"), "250m"),
        ] {
            assert_eq!(changes(&pod(resources.clone()), &[change(cpu)]), Vec::<Value>::new(), "{resources}");
        }
        assert_eq!(changes(&json!("no pod"), &[change("2")]), Vec::<Value>::new());
    }
}
