//! Nodes for KWOK to play.

use serde_json::{Value, json};

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// A node of AWS with this type and so much room, in the zone that its number falls to.
pub fn node(name: &str, number: usize, instance_type: &str, room: &Value) -> Value {
    let zone = ZONES[number % ZONES.len()];
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": instance_type,
            "topology.kubernetes.io/region": "us-east-1", "topology.kubernetes.io/zone": zone,
        }},
        "spec": {"providerID": format!("aws:///{zone}/i-{number:017x}")},
        "status": {"capacity": room, "allocatable": room},
    })
}
