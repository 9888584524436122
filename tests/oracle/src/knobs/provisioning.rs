//! Claims and the volumes that they are, or could be, bound to.

use serde_json::{Value, json};

use super::edit::{change, each, entries, put, remove, retain};
use super::{Row, Tells::AllPods};

const CLAIM: &str = "PersistentVolumeClaim";
const VOLUME: &str = "PersistentVolume";
const CAPACITY: &str = "CSIStorageCapacity";

pub(super) const KNOBS: &[Row] = &[
    ("VolumeBinding", "node affinity of bound volumes", AllPods, |items| {
        each(items, VOLUME, |volume| {
            if volume["status"]["phase"] == "Bound" {
                remove(volume, "/spec/nodeAffinity");
            }
        });
    }),
    ("VolumeBinding", "node affinity of free volumes", AllPods, |items| {
        free(items, |volume| remove(volume, "/spec/nodeAffinity"))
    }),
    ("VolumeBinding", "node label of the migrated driver's topology", AllPods, |items| {
        each(items, "Node", |node| {
            remove(node, "/metadata/labels/topology.ebs.csi.aws.com~1zone");
            remove(node, "/metadata/labels/topology.gke.io~1zone");
        });
    }),
    ("VolumeBinding", "annotation bind-completed", AllPods, |items| {
        each(items, CLAIM, |claim| {
            if claim["spec"].get("volumeName").is_some() {
                put(claim, "/metadata/annotations", json!({"pv.kubernetes.io/bind-completed": "yes"}));
            }
        });
    }),
    ("VolumeBinding", "annotation selected-node", AllPods, |items| {
        each(items, CLAIM, |claim| remove(claim, "/metadata/annotations/volume.kubernetes.io~1selected-node"));
    }),
    ("VolumeBinding", "annotation storage-class", AllPods, |items| {
        each(items, CLAIM, |claim| remove(claim, "/metadata/annotations/volume.beta.kubernetes.io~1storage-class"));
    }),
    ("VolumeBinding", "unbound immediate claims", AllPods, |items| {
        each(items, "StorageClass", |class| put(class, "/volumeBindingMode", json!("WaitForFirstConsumer")));
    }),
    ("VolumeBinding", "WaitForFirstConsumer", AllPods, |items| {
        each(items, "StorageClass", |class| put(class, "/volumeBindingMode", json!("Immediate")));
    }),
    ("VolumeBinding", "unbound claims", AllPods, |items| {
        let waiting: Vec<Value> = items
            .iter()
            .filter(|item| item["kind"] == CLAIM && item["spec"].get("volumeName").is_none())
            .map(|claim| claim["metadata"]["name"].clone())
            .collect();
        each(items, "Pod", |pod| {
            retain(pod, "/spec/volumes", |volume| {
                volume.pointer("/persistentVolumeClaim/claimName").is_none_or(|name| !waiting.contains(name))
            });
        });
    }),
    ("VolumeBinding", "capacity of free volumes", AllPods, |items| {
        free(items, |volume| put(volume, "/spec/capacity/storage", json!("1000Gi")));
    }),
    ("VolumeBinding", "request of claims", AllPods, |items| {
        each(items, CLAIM, |claim| put(claim, "/spec/resources/requests/storage", json!("1Mi")));
    }),
    ("VolumeBinding", "class of free volumes", AllPods, |items| {
        free(items, |volume| put(volume, "/spec/storageClassName", json!("manual")));
    }),
    ("VolumeBinding", "accessModes of claims", AllPods, |items| {
        each(items, CLAIM, |claim| {
            if claim["spec"].get("volumeName").is_none() {
                put(claim, "/spec/accessModes", json!(["ReadOnlyMany"]));
            }
        });
    }),
    ("VolumeBinding", "selector of claims", AllPods, |items| {
        each(items, CLAIM, |claim| remove(claim, "/spec/selector"))
    }),
    ("VolumeBinding", "volumeMode", AllPods, |items| {
        each(items, CLAIM, |claim| remove(claim, "/spec/volumeMode"));
        each(items, VOLUME, |volume| remove(volume, "/spec/volumeMode"));
    }),
    ("VolumeBinding", "volumeAttributesClassName", AllPods, |items| {
        each(items, CLAIM, |claim| remove(claim, "/spec/volumeAttributesClassName"));
        each(items, VOLUME, |volume| remove(volume, "/spec/volumeAttributesClassName"));
    }),
    ("VolumeBinding", "claimRef of free volumes", AllPods, |items| {
        free(items, |volume| remove(volume, "/spec/claimRef"))
    }),
    ("VolumeBinding", "volume kept for the claim", AllPods, |items| {
        free(items, |volume| {
            if volume.pointer("/spec/claimRef/name").is_some_and(|name| name != "somebody") {
                put(volume, "/spec/claimRef/name", json!("somebody"));
            }
        });
    }),
    ("VolumeBinding", "phase of free volumes", AllPods, |items| {
        free(items, |volume| put(volume, "/status/phase", json!("Available")));
    }),
    ("VolumeBinding", "deletionTimestamp of volumes", AllPods, |items| {
        free(items, |volume| remove(volume, "/metadata/deletionTimestamp"));
    }),
    ("VolumeBinding", "no-provisioner", AllPods, |items| {
        each(items, "StorageClass", |class| {
            if class["provisioner"] == "kubernetes.io/no-provisioner" {
                put(class, "/provisioner", json!("nobody.csi.example.com"));
            }
        });
    }),
    ("VolumeBinding", "allowedTopologies", AllPods, |items| {
        each(items, "StorageClass", |class| remove(class, "/allowedTopologies"));
    }),
    ("VolumeBinding", "allowedTopologies after the first", AllPods, |items| {
        each(items, "StorageClass", |class| {
            change(class, "/allowedTopologies", |terms| super::node_choice::cut(terms, 1))
        });
    }),
    ("VolumeBinding", "allowedTopologies' further expressions", AllPods, |items| {
        each(items, "StorageClass", |class| {
            entries(class, "/allowedTopologies", |term| {
                change(term, "/matchLabelExpressions", |list| super::node_choice::cut(list, 1));
            });
        });
    }),
    ("VolumeBinding", "CSIDriver storageCapacity", AllPods, |items| {
        each(items, "CSIDriver", |driver| put(driver, "/spec/storageCapacity", json!(false)));
    }),
    ("VolumeBinding", "CSIDriver without storageCapacity", AllPods, |items| {
        each(items, "CSIDriver", |driver| put(driver, "/spec/storageCapacity", json!(true)));
    }),
    ("VolumeBinding", "CSIStorageCapacity", AllPods, |items| items.retain(|item| item["kind"] != CAPACITY)),
    ("VolumeBinding", "CSIStorageCapacity capacity", AllPods, |items| {
        each(items, CAPACITY, |capacity| put(capacity, "/capacity", json!("1000Gi")));
    }),
    ("VolumeBinding", "CSIStorageCapacity maximumVolumeSize", AllPods, |items| {
        each(items, CAPACITY, |capacity| remove(capacity, "/maximumVolumeSize"));
    }),
    ("VolumeBinding", "CSIStorageCapacity nodeTopology", AllPods, |items| {
        each(items, CAPACITY, |capacity| put(capacity, "/nodeTopology", json!({})));
    }),
    ("VolumeBinding", "CSIStorageCapacity without nodeTopology as everywhere", AllPods, |items| {
        each(items, CAPACITY, |capacity| {
            if capacity.get("nodeTopology").is_none() {
                put(capacity, "/nodeTopology", json!({}));
            }
        });
    }),
    ("VolumeBinding", "CSIStorageCapacity storageClassName", AllPods, |items| {
        each(items, CAPACITY, |capacity| put(capacity, "/storageClassName", json!("pool")));
    }),
    ("VolumeBinding", "missing claims", AllPods, |items| {
        each(items, "Pod", |pod| {
            retain(pod, "/spec/volumes", |volume| {
                volume.pointer("/persistentVolumeClaim/claimName").is_none_or(|name| name != "forgotten")
            });
        });
    }),
    ("VolumeBinding", "missing volumes", AllPods, |items| {
        let there: Vec<Value> = items
            .iter()
            .filter(|item| item["kind"] == VOLUME)
            .map(|volume| volume["metadata"]["name"].clone())
            .collect();
        let mut added = Vec::new();
        each(items, CLAIM, |claim| {
            let name = claim["spec"]["volumeName"].clone();
            if !name.is_null() && !there.contains(&name) && claim["status"]["phase"] == "Bound" {
                added.push(json!({
                    "apiVersion": "v1", "kind": VOLUME, "metadata": {"name": name}, "status": {"phase": "Bound"},
                    "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "nfs": {"server": "10.0.0.9", "path": "/"}},
                }));
            }
        });
        items.extend(added);
    }),
    ("VolumeBinding", "claim phase Lost", AllPods, |items| {
        let mut added = Vec::new();
        each(items, CLAIM, |claim| {
            if claim["status"]["phase"] == "Lost" {
                put(claim, "/status/phase", json!("Bound"));
                added.push(json!({
                    "apiVersion": "v1", "kind": VOLUME, "metadata": {"name": claim["spec"]["volumeName"]}, "status": {"phase": "Bound"},
                    "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "nfs": {"server": "10.0.0.9", "path": "/"}},
                }));
            }
        });
        items.extend(added);
    }),
    ("VolumeBinding", "deletionTimestamp of claims", AllPods, |items| {
        each(items, CLAIM, |claim| remove(claim, "/metadata/deletionTimestamp"));
    }),
    ("VolumeBinding", "ephemeral volumes", AllPods, |items| {
        each(items, "Pod", |pod| retain(pod, "/spec/volumes", |volume| volume.get("ephemeral").is_none()));
    }),
    ("VolumeBinding", "owner of an ephemeral volume's claim", AllPods, |items| {
        let owners: Vec<(Value, Value)> = items
            .iter()
            .filter(|item| item["kind"] == "Pod")
            .map(|pod| {
                let name = pod["metadata"]["name"].as_str().unwrap_or_default();
                (json!(format!("{name}-scratch")), pod["metadata"]["uid"].clone())
            })
            .collect();
        each(items, CLAIM, |claim| {
            if let Some((_, uid)) = owners.iter().find(|(claim_name, _)| claim["metadata"]["name"] == *claim_name) {
                let owner = json!([{"apiVersion": "v1", "kind": "Pod", "name": "any", "uid": uid, "controller": true}]);
                put(claim, "/metadata/ownerReferences", owner);
            }
        });
    }),
];

/// The volumes that no claim has yet.
fn free(items: &mut [Value], mut edit: impl FnMut(&mut Value)) {
    each(items, VOLUME, |volume| {
        if volume["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("free-")) {
            edit(volume);
        }
    });
}
