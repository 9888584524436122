//! How a pod chooses nodes: selectors, affinity, tolerations.

use serde_json::{Value, json};

use super::Cluster;
use super::nodes::{HOSTNAME, RACKS, ZONE, ZONES};
use crate::object::{push, set};
use crate::random::Random;

pub(super) fn node_selector(cluster: &mut Cluster, pod: &mut Value) {
    let random = &mut cluster.random;
    let selector = match random.below(4) {
        0 => json!({"disk": "ssd"}),
        1 => json!({ZONE: random.pick(&ZONES)}),
        2 => json!({"rack": random.pick(&RACKS)}),
        _ => json!({"disk": random.pick(&["ssd", "hdd"])}),
    };
    set(pod, &["spec", "nodeSelector"], selector);
}

pub(super) fn required_affinity(cluster: &mut Cluster, pod: &mut Value) {
    let count = cluster.random.between(1, 3);
    let mut terms: Vec<Value> = (0..count).map(|_| term(cluster)).collect();
    // A term that says nothing matches nothing, alone or beside others.
    if cluster.random.chance(6) {
        terms.push(json!({}));
    }
    if cluster.random.chance(2) {
        terms = vec![json!({})];
    }
    set(
        pod,
        &["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"],
        json!(terms),
    );
}

pub(super) fn preferred_affinity(cluster: &mut Cluster, pod: &mut Value) {
    let preference = json!({"matchExpressions": [expression(&mut cluster.random)]});
    push(
        pod,
        &["spec", "affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution"],
        json!({"weight": cluster.random.between(1, 100), "preference": preference}),
    );
}

fn term(cluster: &mut Cluster) -> Value {
    let mut term = json!({});
    if cluster.random.chance(85) {
        let count = if cluster.random.chance(30) { 2 } else { 1 };
        let expressions: Vec<Value> = (0..count).map(|_| expression(&mut cluster.random)).collect();
        term["matchExpressions"] = json!(expressions);
    }
    if term.get("matchExpressions").is_none() || cluster.random.chance(12) {
        let operator = if cluster.random.chance(50) { "In" } else { "NotIn" };
        let node = cluster.node_name();
        term["matchFields"] = json!([{"key": "metadata.name", "operator": operator, "values": [node]}]);
    }
    term
}

/// One expression over node labels; about two thirds of the nodes meet it.
pub(super) fn expression(random: &mut Random) -> Value {
    match random.below(8) {
        0 => {
            let count = 1 + random.below(2);
            json!({"key": ZONE, "operator": "In", "values": random.some(&ZONES, count)})
        }
        1 => json!({"key": "rack", "operator": "NotIn", "values": [random.pick(&RACKS)]}),
        2 => json!({"key": random.pick(&["disk", "rack", "gen", HOSTNAME]), "operator": "Exists"}),
        3 => json!({"key": random.pick(&["disk", "rack", "gen", "absent"]), "operator": "DoesNotExist"}),
        4 => json!({"key": "gen", "operator": "Gt", "values": [random.between(0, 3).to_string()]}),
        5 => json!({"key": "gen", "operator": "Lt", "values": [random.between(3, 7).to_string()]}),
        6 => json!({"key": "disk", "operator": "In", "values": [random.pick(&["ssd", "hdd"]), "nvme"]}),
        _ => json!({"key": ZONE, "operator": "NotIn", "values": [random.pick(&ZONES)]}),
    }
}

pub(super) fn tolerations(cluster: &mut Cluster, pod: &mut Value) {
    let random = &mut cluster.random;
    for _ in 0..random.between(1, 3) {
        let toleration = match random.below(9) {
            0 => {
                json!({"key": "dedicated", "operator": "Equal", "value": random.pick(&["gpu", "infra"]), "effect": "NoSchedule"})
            }
            // Equal is the default, and an absent effect is every effect.
            1 => json!({"key": "dedicated", "value": random.pick(&["gpu", "infra"])}),
            2 => {
                json!({"key": "dedicated", "operator": "Exists", "effect": random.pick(&["NoSchedule", "PreferNoSchedule"])})
            }
            3 => json!({"key": "spot", "operator": "Exists"}),
            4 => json!({"key": "spot", "operator": "Equal", "effect": "NoSchedule"}),
            5 => json!({"key": "maintenance", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            6 => json!({"key": "maintenance", "value": "soon", "effect": random.pick(&["NoExecute", "NoSchedule"])}),
            7 => json!({"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}),
            _ => match random.below(3) {
                0 => json!({"operator": "Exists"}),
                1 => json!({"operator": "Exists", "effect": "NoSchedule"}),
                _ => json!({"operator": "Exists", "effect": "NoExecute"}),
            },
        };
        push(pod, &["spec", "tolerations"], toleration);
    }
}
