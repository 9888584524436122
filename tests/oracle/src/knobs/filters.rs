//! Whole filters: all that one of the scheduler's plugins reads is taken away, so that it refuses nothing.

use serde_json::{Value, json};

use super::edit::{change, containers, each, entries, put, remove, retain};
use super::{Row, Tells::AllPods};

const FEATURES: &str = "/status/declaredFeatures";

pub(super) const KNOBS: &[Row] = &[
    ("NodeUnschedulable", "the whole filter", AllPods, |items| {
        each(items, "Node", |node| remove(node, "/spec/unschedulable"));
    }),
    ("TaintToleration", "the whole filter", AllPods, |items| each(items, "Node", |node| remove(node, "/spec/taints"))),
    ("NodeAffinity", "the whole filter", AllPods, |items| {
        each(items, "Pod", |pod| {
            remove(pod, "/spec/nodeSelector");
            remove(pod, "/spec/affinity/nodeAffinity");
        });
    }),
    ("NodePorts", "the whole filter", AllPods, |items| {
        each(items, "Pod", |pod| containers(pod, |container| remove(container, "/ports")));
    }),
    ("NodeResourcesFit", "the whole filter", AllPods, |items| {
        each(items, "Pod", |pod| {
            containers(pod, |container| remove(container, "/resources"));
            remove(pod, "/spec/resources");
            remove(pod, "/spec/overhead");
            change(pod, "/status", |status| *status = json!({"phase": status["phase"]}));
        });
        each(items, "Node", |node| put(node, "/status/allocatable/pods", json!("1000")));
    }),
    ("VolumeRestrictions", "the whole filter", AllPods, |items| {
        each(items, "PersistentVolumeClaim", |claim| {
            if claim["spec"]["accessModes"] == json!(["ReadWriteOncePod"]) {
                put(claim, "/spec/accessModes", json!(["ReadWriteOnce"]));
            }
        });
        let disks = ["gcePersistentDisk", "awsElasticBlockStore", "iscsi", "rbd"];
        each(items, "Pod", |pod| {
            retain(pod, "/spec/volumes", |volume| !disks.iter().any(|disk| volume.get(disk).is_some()));
        });
    }),
    ("NodeVolumeLimits", "the whole filter", AllPods, |items| {
        each(items, "CSINode", |node| entries(node, "/spec/drivers", |driver| remove(driver, "/allocatable")));
    }),
    ("VolumeBinding", "the whole filter", AllPods, bind_every_claim_everywhere),
    ("VolumeZone", "the whole filter", AllPods, |items| {
        each(items, "PersistentVolume", |volume| remove(volume, "/metadata/labels"));
    }),
    ("PodTopologySpread", "the whole filter", AllPods, |items| {
        each(items, "Pod", |pod| remove(pod, "/spec/topologySpreadConstraints"));
    }),
    ("InterPodAffinity", "the whole filter", AllPods, |items| {
        each(items, "Pod", |pod| {
            remove(pod, "/spec/affinity/podAffinity");
            remove(pod, "/spec/affinity/podAntiAffinity");
        });
    }),
    ("NodeDeclaredFeatures", "the whole filter", AllPods, |items| {
        let declared: Vec<Value> = items
            .iter()
            .filter_map(|item| item.pointer(FEATURES).and_then(Value::as_array))
            .flatten()
            .cloned()
            .collect();
        each(items, "Node", |node| put(node, FEATURES, Value::Array(declared.clone())));
    }),
];

/// Every claim that a pod names is there and bound, to a volume that any node may use.
fn bind_every_claim_everywhere(items: &mut Vec<Value>) {
    each(items, "PersistentVolume", |volume| remove(volume, "/spec/nodeAffinity"));
    let volumes: Vec<Value> =
        of_kind(items, "PersistentVolume").map(|volume| volume["metadata"]["name"].clone()).collect();
    let classes: Vec<Value> = of_kind(items, "StorageClass").cloned().collect();
    let mut made = Vec::new();
    each(items, "PersistentVolumeClaim", |claim| {
        put(claim, "/metadata/annotations", json!({"pv.kubernetes.io/bind-completed": "yes"}));
        if volumes.contains(&claim["spec"]["volumeName"]) {
            return;
        }
        let name = format!("for-{}", claim["metadata"]["name"].as_str().unwrap_or_default());
        let class = classes.iter().find(|class| class["metadata"]["name"] == claim["spec"]["storageClassName"]);
        let driver = class.map_or(json!("nobody.csi.example.com"), |class| class["provisioner"].clone());
        put(claim, "/spec/volumeName", json!(name));
        made.push(json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": claim["spec"]["accessModes"],
                "csi": {"driver": driver, "volumeHandle": name}}}));
    });
    items.extend(made);
}

fn of_kind<'a>(items: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    items.iter().filter(move |item| item["kind"] == kind)
}
