//! Volumes, their claims and where they are attached.

use serde_json::{Value, json};

use super::nodes::Node;
use super::placement::Pod;
use super::tables::apps;
use super::time::{DAY, ago};
use super::words::{App, Trait};
use crate::object::{hash, object, set, uid};

const EBS: &str = "ebs.csi.aws.com";

/// The claim of a StatefulSet's replica.
pub(super) fn claim_name(app: &App, ordinal: usize) -> String {
    format!("data-{}-{ordinal}", app.name)
}

pub(super) fn objects(nodes: &[Node], pods: &[Pod]) -> Vec<Value> {
    let mut objects = classes();
    for pod in pods {
        let Some(node) = pod.node.map(|node| &nodes[node]) else { continue };
        if let (Some(gib), Some(zone)) = (pod.app.disk(), node.zone_name()) {
            let claim = claim(pod.app, pod.ordinal, gib, "gp3", Some(node));
            let volume = ebs_volume(pod.app.namespace, &claim_name(pod.app, pod.ordinal), gib, zone, "Bound");
            objects.push(attachment(node, &volume));
            objects.extend([claim, volume]);
        }
        if let Some(gib) = pod.app.local_disk() {
            objects.push(claim(pod.app, pod.ordinal, gib, "local-nvme", Some(node)));
            objects.push(local_volume(pod.app, pod.ordinal, gib, node));
        }
    }
    objects.extend(left_behind());
    objects
}

/// Claims of replicas that were scaled away, and a volume whose claim is gone: money for nothing.
fn left_behind() -> Vec<Value> {
    let mut objects = Vec::new();
    for app in apps() {
        let left = app.get(|one| if let Trait::LeftClaims(count) = one { Some(*count) } else { None }).unwrap_or(0);
        let Some(gib) = app.disk() else { continue };
        for ordinal in app.replicas..app.replicas + left {
            objects.push(claim(app, ordinal, gib, "gp3", None));
            let name = claim_name(app, ordinal);
            objects.push(ebs_volume(app.namespace, &name, gib, "eu-west-1b", "Bound"));
        }
    }
    objects.push(ebs_volume("data", "data-mongodb-0", 400, "eu-west-1c", "Released"));
    objects
}

fn classes() -> Vec<Value> {
    let class = |name: &str, provisioner: &str, parameters: Value, reclaim: &str| {
        let mut class = object("storage.k8s.io/v1", "StorageClass", "", name);
        class["provisioner"] = json!(provisioner);
        class["parameters"] = parameters;
        class["reclaimPolicy"] = json!(reclaim);
        class["volumeBindingMode"] = json!("WaitForFirstConsumer");
        class["allowVolumeExpansion"] = json!(true);
        class
    };
    let mut gp3 = class("gp3", EBS, json!({"type": "gp3", "encrypted": "true"}), "Delete");
    set(&mut gp3, &["metadata", "annotations"], json!({"storageclass.kubernetes.io/is-default-class": "true"}));
    let mut driver = object("storage.k8s.io/v1", "CSIDriver", "", EBS);
    driver["spec"] = json!({
        "attachRequired": true, "podInfoOnMount": false, "requiresRepublish": false, "seLinuxMount": false,
        "storageCapacity": false, "fsGroupPolicy": "ReadWriteOnceWithFSType", "volumeLifecycleModes": ["Persistent"],
    });
    vec![
        gp3,
        class("gp3-retain", EBS, json!({"type": "gp3"}), "Retain"),
        class("local-nvme", "kubernetes.io/no-provisioner", json!({}), "Delete"),
        driver,
    ]
}

fn volume_name(namespace: &str, claim: &str) -> String {
    format!("pvc-{}", uid("PersistentVolumeClaim", namespace, claim))
}

/// A claim that is bound; `used_from` is the node for which it was provisioned.
fn claim(app: &App, ordinal: usize, gib: i64, class: &str, used_from: Option<&Node>) -> Value {
    let name = claim_name(app, ordinal);
    let mut object = object("v1", "PersistentVolumeClaim", app.namespace, &name);
    let mut annotations = json!({
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
    });
    if class == "gp3" {
        annotations["volume.kubernetes.io/storage-provisioner"] = json!(EBS);
    }
    if let Some(node) = used_from {
        annotations["volume.kubernetes.io/selected-node"] = json!(node.name);
    }
    let age = 20 * DAY + (hash(&app.key(), "claim", "") % (150 * DAY as u64)) as i64;
    let storage = json!({"storage": format!("{gib}Gi")});
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(age)));
    set(&mut object, &["metadata", "annotations"], annotations);
    set(&mut object, &["metadata", "labels"], json!({"app": app.name}));
    set(&mut object, &["metadata", "finalizers"], json!(["kubernetes.io/pvc-protection"]));
    set(
        &mut object,
        &["spec"],
        json!({
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": storage}, "storageClassName": class,
            "volumeMode": "Filesystem",
            "volumeName": if class == "gp3" { volume_name(app.namespace, &name) } else { local_name(app, ordinal) },
        }),
    );
    set(&mut object, &["status"], json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": storage}));
    object
}

/// A PersistentVolume of this claim.
fn volume(name: &str, namespace: &str, claim: &str, gib: i64, phase: &str) -> Value {
    let mut object = object("v1", "PersistentVolume", "", name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(20 * DAY)));
    set(&mut object, &["metadata", "finalizers"], json!(["kubernetes.io/pv-protection"]));
    set(
        &mut object,
        &["spec"],
        json!({
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": format!("{gib}Gi")},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim,
                "uid": uid("PersistentVolumeClaim", namespace, claim),
            },
            "persistentVolumeReclaimPolicy": "Delete",
            "volumeMode": "Filesystem",
        }),
    );
    set(&mut object, &["status"], json!({"phase": phase}));
    object
}

fn on_nodes_with(label: &str, value: &str) -> Value {
    let expression = json!({"key": label, "operator": "In", "values": [value]});
    json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}})
}

fn ebs_volume(namespace: &str, claim: &str, gib: i64, zone: &str, phase: &str) -> Value {
    let name = volume_name(namespace, claim);
    let mut object = volume(&name, namespace, claim, gib, phase);
    set(&mut object, &["metadata", "annotations"], json!({"pv.kubernetes.io/provisioned-by": EBS}));
    set(
        &mut object,
        &["spec", "csi"],
        json!({
            "driver": EBS, "fsType": "ext4", "volumeHandle": format!("vol-0{:016x}", hash(&name, "volume", "")),
        }),
    );
    set(&mut object, &["spec", "nodeAffinity"], on_nodes_with("topology.kubernetes.io/zone", zone));
    set(&mut object, &["spec", "storageClassName"], json!("gp3"));
    if phase == "Released" {
        set(&mut object, &["spec", "persistentVolumeReclaimPolicy"], json!("Retain"));
        set(&mut object, &["spec", "storageClassName"], json!("gp3-retain"));
    }
    object
}

fn local_name(app: &App, ordinal: usize) -> String {
    format!("local-pv-{:08x}", hash(&app.key(), "local", &ordinal.to_string()) >> 32)
}

fn local_volume(app: &App, ordinal: usize, gib: i64, node: &Node) -> Value {
    let claim = claim_name(app, ordinal);
    let mut object = volume(&local_name(app, ordinal), app.namespace, &claim, gib, "Bound");
    set(&mut object, &["spec", "local"], json!({"path": "/mnt/fast-disks/nvme1n1"}));
    set(&mut object, &["spec", "nodeAffinity"], on_nodes_with("kubernetes.io/hostname", &node.name));
    set(&mut object, &["spec", "storageClassName"], json!("local-nvme"));
    object
}

fn attachment(node: &Node, volume: &Value) -> Value {
    let volume_name = volume["metadata"]["name"].as_str().unwrap_or_default();
    let name = format!("csi-{:016x}{:016x}", hash(volume_name, &node.name, ""), hash(&node.name, volume_name, ""));
    let mut object = object("storage.k8s.io/v1", "VolumeAttachment", "", &name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(node.age - 2)));
    set(
        &mut object,
        &["spec"],
        json!({
            "attacher": EBS, "nodeName": node.name, "source": {"persistentVolumeName": volume_name},
        }),
    );
    set(&mut object, &["status"], json!({"attached": true}));
    object
}
