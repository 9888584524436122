//! Ports of the node.

use serde_json::{Value, json};

use super::Cluster;
use crate::object::set;

pub(super) fn host_ports(cluster: &mut Cluster, pod: &mut Value) {
    let random = &mut cluster.random;
    let mut ports = Vec::new();
    for number in 0..random.between(1, 2) {
        let mut port = json!({"containerPort": 8080 + number, "hostPort": random.pick(&[8080, 9000])});
        if random.chance(70) {
            port["protocol"] = json!(random.pick(&["TCP", "TCP", "UDP", "SCTP"]));
        }
        if random.chance(75) {
            port["hostIP"] = json!(random.pick(&["127.0.0.1", "10.0.0.1", "10.0.0.2", "0.0.0.0"]));
        }
        ports.push(port);
    }
    pod["spec"]["containers"][0]["ports"] = json!(ports);
}

/// On the host's network every port is the node's, written out or not.
pub(super) fn host_network(cluster: &mut Cluster, pod: &mut Value) {
    let mut port = json!({"containerPort": 8080, "protocol": "TCP"});
    if cluster.random.chance(50) {
        port["hostPort"] = json!(8080);
    }
    pod["spec"]["containers"][0]["ports"] = json!([port]);
    set(pod, &["spec", "hostNetwork"], json!(true));
}
