//! Disks that may not be shared, limits of drivers, and where a bound volume can be reached.

use serde_json::{Value, json};

use super::edit::{change, each, entries, put, remove, retain};
use super::{Row, Tells::AllPods};

const VOLUMES: &str = "/spec/volumes";
const OLD_LABELS: [&str; 2] = [
    "/metadata/labels/failure-domain.beta.kubernetes.io~1zone",
    "/metadata/labels/failure-domain.beta.kubernetes.io~1region",
];

pub(super) const KNOBS: &[Row] = &[
    ("VolumeRestrictions", "ReadWriteOncePod", AllPods, |items| {
        each(items, "PersistentVolumeClaim", |claim| {
            if claim["spec"]["accessModes"] == json!(["ReadWriteOncePod"]) {
                put(claim, "/spec/accessModes", json!(["ReadWriteOnce"]));
            }
        });
    }),
    ("VolumeRestrictions", "GCE disk", AllPods, |items| without_disk(items, "gcePersistentDisk")),
    ("VolumeRestrictions", "GCE disk readOnly", AllPods, |items| {
        disks(items, "gcePersistentDisk", |disk| remove(disk, "/readOnly"))
    }),
    ("VolumeRestrictions", "GCE disk pdName", AllPods, |items| {
        disks(items, "gcePersistentDisk", |disk| put(disk, "/pdName", json!("pd-1")));
    }),
    ("VolumeRestrictions", "EBS volume", AllPods, |items| without_disk(items, "awsElasticBlockStore")),
    ("VolumeRestrictions", "EBS volumeID", AllPods, |items| {
        disks(items, "awsElasticBlockStore", |disk| put(disk, "/volumeID", json!("vol-0a1")));
    }),
    ("VolumeRestrictions", "iSCSI", AllPods, |items| without_disk(items, "iscsi")),
    ("VolumeRestrictions", "iSCSI readOnly", AllPods, |items| disks(items, "iscsi", |disk| remove(disk, "/readOnly"))),
    ("VolumeRestrictions", "iSCSI iqn", AllPods, |items| {
        disks(items, "iscsi", |disk| put(disk, "/iqn", json!("iqn.2001-04.com.example:a")))
    }),
    ("VolumeRestrictions", "RBD", AllPods, |items| without_disk(items, "rbd")),
    ("VolumeRestrictions", "RBD readOnly", AllPods, |items| disks(items, "rbd", |disk| remove(disk, "/readOnly"))),
    ("VolumeRestrictions", "RBD monitors", AllPods, |items| {
        disks(items, "rbd", |disk| put(disk, "/monitors", json!(["10.2.0.1:6789"])))
    }),
    ("VolumeRestrictions", "RBD monitors after the first", AllPods, |items| {
        disks(items, "rbd", |disk| change(disk, "/monitors", |monitors| super::node_choice::cut(monitors, 1)));
    }),
    ("VolumeRestrictions", "RBD pool", AllPods, |items| disks(items, "rbd", |disk| put(disk, "/pool", json!("rbd")))),
    ("VolumeRestrictions", "RBD pool default", AllPods, |items| {
        disks(items, "rbd", |disk| {
            if disk.get("pool").is_none() {
                put(disk, "/pool", json!("none"));
            }
        });
    }),
    ("VolumeRestrictions", "RBD image", AllPods, |items| {
        disks(items, "rbd", |disk| put(disk, "/image", json!("image-a")))
    }),
    ("NodeVolumeLimits", "CSINode allocatable.count", AllPods, |items| {
        each(items, "CSINode", |node| entries(node, "/spec/drivers", |driver| remove(driver, "/allocatable")));
    }),
    ("NodeVolumeLimits", "count 0 as no limit", AllPods, |items| {
        each(items, "CSINode", |node| {
            entries(node, "/spec/drivers", |driver| {
                if driver.pointer("/allocatable/count").is_some_and(|count| count == 0) {
                    remove(driver, "/allocatable");
                }
            });
        });
    }),
    ("NodeVolumeLimits", "no count as count 0", AllPods, |items| {
        each(items, "CSINode", |node| {
            entries(node, "/spec/drivers", |driver| {
                if driver.get("allocatable") == Some(&json!({})) {
                    put(driver, "/allocatable", json!({"count": 0}));
                }
            });
        });
    }),
    ("NodeVolumeLimits", "a shared claim counted once", AllPods, each_user_its_own_claim),
    ("NodeVolumeLimits", "VolumeAttachments", AllPods, |items| items.retain(|item| item["kind"] != "VolumeAttachment")),
    ("NodeVolumeLimits", "attached and in use counted once", AllPods, each_attachment_its_own_volume),
    ("NodeVolumeLimits", "unbound claims", AllPods, |items| {
        // Another driver: no node has a limit for it, and it publishes no capacity either.
        each(items, "StorageClass", |class| {
            if class["provisioner"] == "ebs.csi.aws.com" {
                put(class, "/provisioner", json!("nobody.csi.example.com"));
            }
        });
    }),
    ("NodeVolumeLimits", "migrated plugins", AllPods, |items| {
        each(items, "CSINode", |node| remove(node, "/metadata/annotations"))
    }),
    ("NodeVolumeLimits", "inline Azure and Cinder disks", AllPods, |items| {
        for disk in ["azureDisk", "cinder"] {
            without_disk(items, disk);
        }
    }),
    ("NodeVolumeLimits", "inline disks as migrated everywhere", AllPods, |items| {
        let plugins = json!("kubernetes.io/aws-ebs,kubernetes.io/gce-pd,kubernetes.io/azure-disk,kubernetes.io/cinder");
        each(items, "CSINode", |node| {
            put(node, "/metadata/annotations", json!({"storage.alpha.kubernetes.io/migrated-plugins": plugins}));
        });
    }),
    ("VolumeZone", "labels of a volume", AllPods, |items| {
        volumes_with_labels(items, |volume| remove(volume, "/metadata/labels"))
    }),
    ("VolumeZone", "zone labels", AllPods, |items| {
        volumes_with_labels(items, |volume| {
            remove(volume, "/metadata/labels/topology.kubernetes.io~1zone");
            remove(volume, OLD_LABELS[0]);
        });
    }),
    ("VolumeZone", "region labels", AllPods, |items| {
        volumes_with_labels(items, |volume| {
            remove(volume, "/metadata/labels/topology.kubernetes.io~1region");
            remove(volume, OLD_LABELS[1]);
        });
    }),
    ("VolumeZone", "beta labels of volumes", AllPods, |items| {
        volumes_with_labels(items, |volume| OLD_LABELS.iter().for_each(|label| remove(volume, label)));
    }),
    ("VolumeZone", "several zones in one label", AllPods, |items| {
        volumes_with_labels(items, |volume| {
            change(volume, "/metadata/labels", |labels| {
                for value in labels.as_object_mut().into_iter().flat_map(|labels| labels.values_mut()) {
                    let first = value.as_str().and_then(|text| text.split("__").next()).unwrap_or_default().to_owned();
                    *value = json!(first);
                }
            });
        });
    }),
    ("VolumeZone", "beta labels of nodes", AllPods, |items| {
        each(items, "Node", |node| OLD_LABELS.iter().for_each(|label| remove(node, label)));
    }),
];

fn without_disk(items: &mut [Value], source: &str) {
    each(items, "Pod", |pod| retain(pod, VOLUMES, |volume| volume.get(source).is_none()));
}

fn disks(items: &mut [Value], source: &str, mut edit: impl FnMut(&mut Value)) {
    each(items, "Pod", |pod| entries(pod, VOLUMES, |volume| change(volume, &format!("/{source}"), &mut edit)));
}

fn volumes_with_labels(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, "PersistentVolume", |volume| {
        if volume["spec"].get("local").is_none() {
            edit(volume);
        }
    });
}

fn find<'a>(items: &'a [Value], kind: &str, name: &Value) -> Option<&'a Value> {
    items.iter().find(|item| item["kind"] == kind && item["metadata"]["name"] == *name)
}

/// A copy of a volume under another name, and by another handle.
fn another_volume(volume: &Value, name: &str) -> Value {
    let mut copy = volume.clone();
    put(&mut copy, "/metadata/name", json!(name));
    put(&mut copy, "/spec/csi/volumeHandle", json!(name));
    copy
}

/// Where pods share a claim, each gets a claim and a volume that only differ in name.
fn each_user_its_own_claim(items: &mut Vec<Value>) {
    let world = items.clone();
    let mut added = Vec::new();
    let mut seen: Vec<(Value, Value)> = Vec::new();
    each(items, "Pod", |pod| {
        let (namespace, pod_name) = (pod["metadata"]["namespace"].clone(), pod["metadata"]["name"].clone());
        entries(pod, VOLUMES, |volume| {
            let Some(claim_name) = volume.pointer("/persistentVolumeClaim/claimName").cloned() else {
                return;
            };
            let key = (namespace.clone(), claim_name.clone());
            if !seen.contains(&key) {
                seen.push(key);
                return;
            }
            let claim = world.iter().find(|item| {
                item["kind"] == "PersistentVolumeClaim"
                    && item["metadata"]["namespace"] == namespace
                    && item["metadata"]["name"] == claim_name
            });
            let Some(claim) = claim else { return };
            // Only for what a limit counts and may be shared: bound to a CSI volume, or to be made by a driver.
            let bound = find(&world, "PersistentVolume", &claim["spec"]["volumeName"]);
            let is_counted = match bound {
                Some(bound) => bound["spec"].get("csi").is_some(),
                None => claim["spec"].get("volumeName").is_none() && claim["spec"]["storageClassName"] != "manual",
            };
            if !is_counted || claim["spec"]["accessModes"] == json!(["ReadWriteOncePod"]) {
                return;
            }
            let name =
                format!("{}-of-{}", claim_name.as_str().unwrap_or_default(), pod_name.as_str().unwrap_or_default());
            let mut copy = claim.clone();
            put(&mut copy, "/metadata/name", json!(name));
            if let Some(bound) = bound {
                put(&mut copy, "/spec/volumeName", json!(name));
                added.push(another_volume(bound, &name));
            }
            added.push(copy);
            put(volume, "/persistentVolumeClaim/claimName", json!(name));
        });
    });
    items.extend(added);
}

/// An attachment that is not known to be of the volume that a pod uses.
fn each_attachment_its_own_volume(items: &mut Vec<Value>) {
    let world = items.clone();
    let mut added = Vec::new();
    each(items, "VolumeAttachment", |attachment| {
        let of = attachment["spec"]["source"]["persistentVolumeName"].clone();
        if let Some(volume) = find(&world, "PersistentVolume", &of) {
            let name = format!("{}-attached", of.as_str().unwrap_or_default());
            added.push(another_volume(volume, &name));
            put(attachment, "/spec/source/persistentVolumeName", json!(name));
        }
    });
    items.extend(added);
}
