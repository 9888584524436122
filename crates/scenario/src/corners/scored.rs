//! What scores look at, laid over a cluster that is there.

use serde_json::{Value, json};

use super::{Cluster, NAMESPACES, namespace_of, node_choice, relations};
use crate::object::{controlled_by, object, push, set};

/// By which pods without spread constraints of their own are spread.
const CONTROLLERS: [(&str, &str, &str); 4] = [
    ("apps/v1", "ReplicaSet", "front"),
    ("apps/v1", "ReplicaSet", "back"),
    ("apps/v1", "StatefulSet", "store"),
    ("v1", "ReplicationController", "old"),
];
const CONTROLLED_BY: &str = "controlled-by";

pub(super) fn add(cluster: &mut Cluster) {
    controllers(cluster);
    for at in 0..cluster.nodes.len() {
        if cluster.random.chance(30) {
            let key = *cluster.random.pick(&["dedicated", "spot", "slow"]);
            push(&mut cluster.nodes[at], &["spec", "taints"], json!({"key": key, "effect": "PreferNoSchedule"}));
        }
    }
    let mut pods = std::mem::take(&mut cluster.pods);
    for pod in &mut pods {
        if cluster.random.chance(50) {
            control(cluster, pod);
        }
        if cluster.random.chance(40) {
            soften(cluster, pod);
        }
        for _ in 0..*cluster.random.weighted(&[(60, 0), (25, 1), (15, 3)]) {
            node_choice::preferred_affinity(cluster, pod);
        }
        for _ in 0..*cluster.random.weighted(&[(50, 0), (30, 1), (20, 3)]) {
            relations::preferred(cluster, pod);
        }
    }
    cluster.pods = pods;
}

fn controllers(cluster: &mut Cluster) {
    for namespace in NAMESPACES {
        for (api_version, kind, name) in CONTROLLERS {
            let mut controller = object(api_version, kind, namespace, name);
            let labels = json!({CONTROLLED_BY: name});
            let selector = if api_version == "v1" { labels.clone() } else { json!({"matchLabels": labels}) };
            controller["spec"] = json!({"replicas": 3, "selector": selector});
            cluster.others.push(controller);
            // A service in front of all of them selects no fewer.
            let mut service = object("v1", "Service", namespace, name);
            service["spec"] = json!({"selector": labels});
            cluster.others.push(service);
        }
    }
}

fn control(cluster: &mut Cluster, pod: &mut Value) {
    let (api_version, kind, name) = *cluster.random.pick(&CONTROLLERS);
    pod["metadata"]["ownerReferences"] = controlled_by(api_version, kind, namespace_of(pod), name);
    set(pod, &["metadata", "labels", CONTROLLED_BY], json!(name));
    if cluster.random.chance(60)
        && let Some(spec) = pod["spec"].as_object_mut()
    {
        spec.remove("topologySpreadConstraints");
    }
}

/// Makes its spread constraints preferences, which know no least number of domains.
fn soften(cluster: &mut Cluster, pod: &mut Value) {
    for constraint in pod["spec"]["topologySpreadConstraints"].as_array_mut().into_iter().flatten() {
        constraint["whenUnsatisfiable"] = json!("ScheduleAnyway");
        constraint["maxSkew"] = json!(cluster.random.between(1, 4));
        if let Some(constraint) = constraint.as_object_mut() {
            constraint.remove("minDomains");
        }
    }
}
