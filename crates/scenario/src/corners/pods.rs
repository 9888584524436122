//! Pods: each has up to three features, and where it is has nothing to do with them.

use serde_json::{Value, json};

use super::{
    Cluster, NAMESPACES, claims, disks, features, node_choice, ports, provisioning, relations, resize, resources,
    selectors, spread,
};
use crate::object::{CREATED, object, push, set};

/// Something about a pod that bears on where it may go.
type Feature = fn(&mut Cluster, &mut Value);

/// How often each feature is drawn, against each other.
const FEATURES: [(u32, Feature); 22] = [
    (8, node_choice::node_selector),
    (14, node_choice::required_affinity),
    (3, node_choice::preferred_affinity),
    (12, node_choice::tolerations),
    (9, ports::host_ports),
    (3, ports::host_network),
    (7, resources::sidecars_and_init),
    (4, resources::pod_level),
    (4, resources::overhead),
    (8, resources::scarce),
    (3, resources::limits_only),
    (7, resize::container),
    (4, resize::pod_level),
    (18, spread::constraints),
    (7, relations::affinity),
    (6, relations::self_affinity),
    (8, relations::anti_affinity),
    (2, relations::preferred),
    (12, disks::inline_disk),
    (14, claims::bound),
    (13, provisioning::unbound),
    (5, features::needed),
];

/// How many features one cluster is about, so that pods with the same one meet.
const FAVOURITES: usize = 3;

pub(super) fn add(cluster: &mut Cluster) {
    let favourites = cluster.random.some(&FEATURES, FAVOURITES);
    for number in 0..cluster.random.between(20, 40) {
        let mut pod = plain_pod(cluster, number);
        for _ in 0..*cluster.random.weighted(&[(20, 0), (40, 1), (30, 2), (10, 3)]) {
            let (_, feature) = if cluster.random.chance(40) {
                *cluster.random.pick(&favourites)
            } else {
                (0, *cluster.random.weighted(&FEATURES))
            };
            feature(cluster, &mut pod);
        }
        cluster.pods.push(pod);
    }
}

/// A pod that asks for a little, on some node or waiting for one.
fn plain_pod(cluster: &mut Cluster, number: i64) -> Value {
    let namespace = *cluster.random.pick(&NAMESPACES);
    let mut pod = object("v1", "Pod", namespace, &format!("pod-{number}"));
    pod["metadata"]["labels"] = selectors::pod_labels(&mut cluster.random);
    pod["spec"] = json!({
        "containers": [{"name": "main", "image": "registry.example.com/app:1", "resources": resources::ordinary(&mut cluster.random)}],
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
    });
    bind(cluster, &mut pod);
    if cluster.random.chance(9) {
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:30Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    }
    pod
}

fn bind(cluster: &mut Cluster, pod: &mut Value) {
    match cluster.random.below(100) {
        0..=24 => {
            pod["status"] = json!({"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": CREATED},
            ]});
            if cluster.random.chance(10) {
                let node = cluster.node_name();
                set(pod, &["status", "nominatedNodeName"], json!(node));
            }
            return;
        }
        25..=28 => set(pod, &["spec", "nodeName"], json!("node-that-left")),
        _ => {
            let node = cluster.node_name();
            set(pod, &["spec", "nodeName"], json!(node));
        }
    }
    let phase = match cluster.random.below(20) {
        0 => "Succeeded",
        1 => "Failed",
        2 => "Pending",
        _ => "Running",
    };
    pod["status"] = json!({"phase": phase, "startTime": CREATED});
    let ready = if phase == "Running" { "True" } else { "False" };
    push(pod, &["status", "conditions"], json!({"type": "PodScheduled", "status": "True"}));
    push(pod, &["status", "conditions"], json!({"type": "Ready", "status": ready}));
}
