//! What needs a feature that nodes declare.

use serde_json::{Value, json};

use super::Cluster;
use crate::object::{push, set};

pub(super) fn needed(cluster: &mut Cluster, pod: &mut Value) {
    let random = &mut cluster.random;
    if random.chance(45) {
        set(pod, &["spec", "hostNetwork"], json!(true));
        set(pod, &["spec", "hostUsers"], json!(false));
        return;
    }
    let rule = json!({"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}});
    let mut container = json!({
        "name": "watched", "image": "registry.example.com/watched:1", "restartPolicy": "Never", "restartPolicyRules": [rule],
    });
    // Only this action needs the feature.
    if random.chance(15) {
        container["restartPolicyRules"][0]["action"] = json!("Restart");
    }
    let list = if random.chance(70) { "containers" } else { "initContainers" };
    push(pod, &["spec", list], container);
}
