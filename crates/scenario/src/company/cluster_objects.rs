//! What belongs to no workload: namespaces, priorities.

use serde_json::{Value, json};

use super::tables::NAMESPACES;
use super::time::{DAY, ago};
use crate::object::{object, set};

/// Priority classes and their values.
pub(super) const PRIORITIES: [(&str, i64); 3] = [
    ("system-cluster-critical", 2_000_000_000),
    ("system-node-critical", 2_000_001_000),
    ("business-critical", 100_000),
];

pub(super) fn objects() -> Vec<Value> {
    let mut objects: Vec<Value> = NAMESPACES.iter().map(|name| namespace(name)).collect();
    for (name, value) in PRIORITIES {
        let mut class = object("scheduling.k8s.io/v1", "PriorityClass", "", name);
        class["value"] = json!(value);
        class["preemptionPolicy"] = json!("PreemptLowerPriority");
        objects.push(class);
    }
    objects
}

fn namespace(name: &str) -> Value {
    let mut object = object("v1", "Namespace", "", name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(300 * DAY)));
    set(&mut object, &["metadata", "labels"], json!({"kubernetes.io/metadata.name": name, "team": name}));
    set(&mut object, &["spec", "finalizers"], json!(["kubernetes"]));
    set(&mut object, &["status", "phase"], json!("Active"));
    object
}
