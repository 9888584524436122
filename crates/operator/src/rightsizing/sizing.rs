//! Pods that are made later get what was applied to their workload: the answer to one AdmissionReview of a pod.

use crds::OptimizationRecommendationStatus;
use crds::optimization_recommendation::Change;
use model::WorkloadRef;
use serde_json::{Value, json};

use super::recommendation::name_of;
use crate::context::Context;
use crate::objects::{namespace, status};

/// Pods of this namespace are never touched as they are made.
const SYSTEM: &str = "kube-system";

/// Namespaces whose pods are asked about as they are made: those of workloads that something is in force for.
pub fn namespaces(context: &Context) -> Vec<String> {
    let is_in_force = |object: &&std::sync::Arc<kube::api::DynamicObject>| {
        object.data["status"]["applied"].as_array().is_some_and(|applied| !applied.is_empty())
    };
    let all = context.objects.recommendations.all();
    let mut namespaces: Vec<String> =
        all.iter().filter(is_in_force).map(|object| namespace(object).to_owned()).collect();
    namespaces.retain(|name| name != SYSTEM && *name != context.settings.namespace);
    namespaces.dedup();
    namespaces
}

/// What is in force for a workload; nothing where nothing is.
pub fn in_force(context: &Context, namespace: &str, kind: &str, name: &str) -> Vec<Change> {
    let workload = WorkloadRef { kind: kind.into(), namespace: namespace.into(), name: name.into() };
    let Some(found) = context.objects.recommendations.get_in(namespace, &name_of(&workload)) else { return Vec::new() };
    let target = &found.data["spec"]["targetWorkload"];
    let is_its = target["kind"] == kind && target["name"] == name;
    let standing: OptimizationRecommendationStatus = status(&found);
    if is_its { standing.applied } else { Vec::new() }
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

/// The JSON Patch that gives a pod what is in force for its workload; empty where it has that, or could not have it: a
/// request above a limit is refused, and no pod is worth less than one of the wrong size.
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
            let before = &container["resources"];
            let mut after = if before.is_object() { before.clone() } else { json!({}) };
            for (part, amounts) in [("requests", &change.requests), ("limits", &change.limits)] {
                for (resource, amount) in [("cpu", &amounts.cpu), ("memory", &amounts.memory)] {
                    if let Some(amount) = amount {
                        after[part][resource] = amount.as_str().into();
                    }
                }
            }
            if after != *before && is_valid(&after) {
                patch.push(json!({"op": "add", "path": format!("/spec/{list}/{at}/resources"), "value": after}));
            }
        }
    }
    patch
}

fn is_valid(resources: &Value) -> bool {
    ["cpu", "memory"].iter().all(|resource| {
        let amount = |part: &str| {
            let text = resources[part][*resource].as_str()?;
            model::Quantity::parse(text).ok().map(model::Quantity::milli_value)
        };
        match (amount("requests"), amount("limits")) {
            (Some(request), Some(limit)) => request <= limit,
            _ => true,
        }
    })
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

    fn change(cpu: &str) -> Change {
        let requests = Amounts { cpu: Some(cpu.to_owned()), memory: None };
        Change { container: Some("main".to_owned()), requests, ..Change::default() }
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
        let patch = changes(&pod(json!({"requests": {"cpu": "1", "memory": "1Gi"}})), &[change("250m")]);
        let value = json!({"requests": {"cpu": "250m", "memory": "1Gi"}});
        assert_eq!(patch, [json!({"op": "add", "path": "/spec/containers/0/resources", "value": value})]);
        assert_eq!(changes(&pod(value), &[change("250m")]), Vec::<Value>::new());
    }

    #[test]
    fn a_request_above_its_limit_is_not_asked_for() {
        let limited = pod(json!({"limits": {"cpu": "500m"}}));
        assert_eq!(changes(&limited, &[change("2")]), Vec::<Value>::new());
        assert_eq!(changes(&json!("no pod"), &[change("2")]), Vec::<Value>::new());
    }
}
