//! Nodes: labels that some of them lack, taints of every effect, and room of every kind.

use serde_json::{Value, json};

use super::Cluster;
use crate::object::{object, push, set};
use crate::random::Random;

pub(super) const ZONE: &str = "topology.kubernetes.io/zone";
pub(super) const REGION: &str = "topology.kubernetes.io/region";
pub(super) const OLD_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
pub(super) const OLD_REGION: &str = "failure-domain.beta.kubernetes.io/region";
pub(super) const HOSTNAME: &str = "kubernetes.io/hostname";
/// What the EBS driver calls a zone; in-tree volumes are translated to it.
pub(super) const EBS_ZONE: &str = "topology.ebs.csi.aws.com/zone";
/// What the GCE driver calls a zone.
pub(super) const GCE_ZONE: &str = "topology.gke.io/zone";

pub(super) const ZONES: [&str; 3] = ["eu-north1-a", "eu-north1-b", "eu-south1-a"];
pub(super) const RACKS: [&str; 3] = ["r1", "r2", "r3"];

const DEDICATED: [&str; 2] = ["gpu", "infra"];
const MAINTENANCE: [&str; 2] = ["", "soon"];

/// The region of a zone.
pub(super) fn region(zone: &str) -> &'static str {
    if zone.starts_with("eu-north") { "eu-north1" } else { "eu-south1" }
}

pub(super) fn add(cluster: &mut Cluster) {
    let count = if cluster.random.chance(60) { cluster.random.between(5, 9) } else { cluster.random.between(8, 15) };
    for number in 0..count {
        let node = node(&mut cluster.random, &format!("node-{number}"));
        cluster.nodes.push(node);
    }
}

fn node(random: &mut Random, name: &str) -> Value {
    let mut node = object("v1", "Node", "", name);
    node["metadata"]["labels"] = labels(random, name);
    node["spec"] = json!({});
    node["status"] = json!({
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
    });
    taints(random, &mut node);
    let allocatable = allocatable(random);
    node["status"]["capacity"] = allocatable.clone();
    node["status"]["allocatable"] = allocatable;
    let features = random.some(&["RestartAllContainersOnContainerExits", "UserNamespacesHostNetworkSupport"], 2);
    let declared: Vec<_> = features.into_iter().filter(|_| random.chance(60)).collect();
    if !declared.is_empty() {
        node["status"]["declaredFeatures"] = json!(declared);
    }
    node
}

fn labels(random: &mut Random, name: &str) -> Value {
    let mut labels = json!({});
    if random.chance(95) {
        labels[HOSTNAME] = json!(name);
    }
    let zone = *random.pick(&ZONES);
    // Most nodes have the present label, some its predecessor as well or alone, and a few none at all.
    match random.below(20) {
        0..=12 => labels[ZONE] = json!(zone),
        13..=14 => {
            labels[ZONE] = json!(zone);
            labels[OLD_ZONE] = json!(zone);
            labels[OLD_REGION] = json!(region(zone));
        }
        15..=16 => {
            labels[OLD_ZONE] = json!(zone);
            labels[OLD_REGION] = json!(region(zone));
        }
        17 => labels[REGION] = json!(region(zone)),
        _ => {}
    }
    if labels.get(ZONE).is_some() && random.chance(85) {
        labels[REGION] = json!(region(zone));
    }
    if labels.get(ZONE).is_some() && random.chance(80) {
        labels[EBS_ZONE] = json!(zone);
        labels[GCE_ZONE] = json!(zone);
    }
    if random.chance(80) {
        labels["disk"] = json!(random.pick(&["ssd", "hdd"]));
    }
    if random.chance(85) {
        labels["rack"] = json!(random.pick(&RACKS));
    }
    if random.chance(80) {
        labels["gen"] = json!(random.pick(&["1", "2", "3", "4", "5", "06", "x4"]));
    }
    labels
}

fn taints(random: &mut Random, node: &mut Value) {
    let mut taint = |key: &str, value: &str, effect: &str| {
        let mut taint = json!({"key": key, "effect": effect});
        if !value.is_empty() {
            taint["value"] = json!(value);
        }
        push(node, &["spec", "taints"], taint);
    };
    if random.chance(8) {
        taint("dedicated", one_of(random, &DEDICATED), "NoSchedule");
    }
    if random.chance(4) {
        taint("spot", "", "NoSchedule");
    }
    if random.chance(4) {
        taint("maintenance", one_of(random, &MAINTENANCE), "NoExecute");
    }
    if random.chance(15) {
        taint("dedicated", one_of(random, &DEDICATED), "PreferNoSchedule");
    }
    if random.chance(6) {
        // A cordon is the field; the taint follows a moment later.
        if random.chance(60) {
            taint("node.kubernetes.io/unschedulable", "", "NoSchedule");
        }
        set(node, &["spec", "unschedulable"], json!(true));
    }
}

fn one_of(random: &mut Random, values: &[&'static str]) -> &'static str {
    values[random.below(values.len())]
}

fn allocatable(random: &mut Random) -> Value {
    let pods = if random.chance(25) { random.between(2, 5) } else { random.between(6, 20) };
    let mut room = json!({
        "cpu": random.pick(&["1930m", "3", "3920m", "4", "6", "8"]),
        "memory": random.pick(&["4Gi", "5000Mi", "7634120Ki", "8Gi", "12e9", "16Gi"]),
        "pods": pods.to_string(),
    });
    if random.chance(85) {
        room["ephemeral-storage"] = json!(random.pick(&["10Gi", "20Gi", "47233297124"]));
    }
    if random.chance(50) {
        room["example.com/gpu"] = json!(random.pick(&["1", "2", "4"]));
    }
    if random.chance(50) {
        room["hugepages-2Mi"] = json!(random.pick(&["0", "64Mi", "128Mi", "256Mi"]));
    }
    room
}
