//! A node with room for exactly so many bytes, and two pods that show how halves of bytes are counted.

use serde_json::{Value, json};

use super::{Cluster, selectors};
use crate::object::object;

pub(super) fn add(cluster: &mut Cluster) {
    if !cluster.random.chance(15) {
        return;
    }
    const HALF: i64 = 100_000_000;
    let mut node = object("v1", "Node", "", "node-exact");
    node["metadata"]["labels"] = json!({"kubernetes.io/hostname": "node-exact"});
    node["spec"] = json!({});
    let room = json!({"cpu": "999m", "memory": (2 * HALF + 1).to_string(), "pods": "10"});
    node["status"] =
        json!({"capacity": room, "allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]});
    cluster.nodes.push(node);

    // Two halves make one, so this fits.
    let halves = [half("a", HALF), half("b", HALF)];
    // One half counts as a whole, so this does not; nor does half a millicore too much.
    let too_much = [half("a", 2 * HALF + 1)];
    let cpu =
        [json!({"name": "a", "image": "registry.example.com/app:1", "resources": {"requests": {"cpu": "999500u"}}})];
    for (name, containers) in
        [("exact-halves", json!(halves)), ("exact-half-too-much", json!(too_much)), ("exact-cpu", json!(cpu))]
    {
        let mut pod = object("v1", "Pod", "alpha", name);
        pod["metadata"]["labels"] = selectors::pod_labels(&mut cluster.random);
        pod["spec"] =
            json!({"containers": containers, "restartPolicy": "Always", "schedulerName": "default-scheduler"});
        pod["status"] = json!({"phase": "Pending"});
        cluster.pods.push(pod);
    }
}

/// A container that asks for half a byte more than this.
fn half(name: &str, bytes: i64) -> Value {
    let memory = format!("{bytes}500m");
    json!({"name": name, "image": "registry.example.com/app:1", "resources": {"requests": {"memory": memory}}})
}
