//! Claims that are bound, to volumes of every sort, and those that should be and are not.

use serde_json::{Value, json};

use super::nodes::{HOSTNAME, OLD_REGION, OLD_ZONE, REGION, ZONE, ZONES, region};
use super::storage::{EBS, GCE};
use super::{Cluster, name_of, namespace_of};
use crate::object::{object, push, set, uid};
use crate::random::Random;

/// A claim of the pod's own, or one that another pod has as well.
pub(super) fn bound(cluster: &mut Cluster, pod: &mut Value) {
    let namespace = namespace_of(pod).to_owned();
    let shared = if cluster.random.chance(55) { shared_claim(cluster, &namespace) } else { None };
    let claim = match shared {
        Some(claim) => claim,
        None if cluster.random.chance(4) => "forgotten".to_owned(),
        None => new_claim(cluster, pod, &namespace),
    };
    mount(pod, &claim);
}

/// Adds the claim to the pod's volumes.
pub(super) fn mount(pod: &mut Value, claim: &str) {
    let position = pod["spec"]["volumes"].as_array().map_or(0, Vec::len);
    let volume = json!({"name": format!("data-{position}"), "persistentVolumeClaim": {"claimName": claim}});
    push(pod, &["spec", "volumes"], volume);
}

/// A claim object that asks for a size of its own.
pub(super) fn claim_object(cluster: &mut Cluster, namespace: &str, name: &str, class: Option<&str>) -> Value {
    let number = cluster.unique();
    let gibibytes = cluster.random.pick(&[1, 4, 10]);
    let mut claim = object("v1", "PersistentVolumeClaim", namespace, name);
    claim["spec"] = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": format!("{}Mi", gibibytes * 1024 + number)}},
        "volumeMode": "Filesystem",
    });
    if let Some(class) = class {
        claim["spec"]["storageClassName"] = json!(class);
    }
    claim["status"] = json!({"phase": "Pending"});
    claim
}

fn shared_claim(cluster: &mut Cluster, namespace: &str) -> Option<String> {
    let claims: Vec<String> = cluster
        .others
        .iter()
        .filter(|other| other["kind"] == "PersistentVolumeClaim" && namespace_of(other) == namespace)
        .filter(|claim| claim["metadata"].get("ownerReferences").is_none())
        .map(|claim| name_of(claim).to_owned())
        .collect();
    if claims.is_empty() { None } else { Some(cluster.random.pick(&claims).clone()) }
}

fn new_claim(cluster: &mut Cluster, pod: &Value, namespace: &str) -> String {
    let number = cluster.unique();
    let (name, volume_name) = (format!("claim-{number}"), format!("volume-{number}"));
    let mut claim = claim_object(cluster, namespace, &name, Some("fast"));
    set(&mut claim, &["spec", "volumeName"], json!(volume_name));
    set(&mut claim, &["metadata", "annotations", "pv.kubernetes.io/bind-completed"], json!("yes"));
    claim["status"] = json!({"phase": "Bound"});
    let mut volume = volume(cluster, &volume_name);
    volume["spec"]["claimRef"] = json!({
        "kind": "PersistentVolumeClaim", "namespace": namespace, "name": name,
        "uid": uid("PersistentVolumeClaim", namespace, &name),
    });
    let random = &mut cluster.random;
    if random.chance(26) {
        for object in [&mut claim, &mut volume] {
            object["spec"]["accessModes"] = json!(["ReadWriteOncePod"]);
        }
    }
    let volume_is_there = match random.below(100) {
        0..=3 => false,
        4..=5 => {
            claim["status"] = json!({"phase": "Lost"});
            false
        }
        6..=8 => {
            claim["metadata"]["deletionTimestamp"] = json!("2026-11-21T09:00:00Z");
            true
        }
        9..=11 => {
            claim["metadata"].as_object_mut().map(|metadata| metadata.remove("annotations"));
            true
        }
        _ => true,
    };
    if volume_is_there {
        attachment(cluster, pod, &volume);
        cluster.others.push(volume);
    }
    cluster.others.push(claim);
    name
}

/// A volume with whatever keeps it in its place.
fn volume(cluster: &mut Cluster, name: &str) -> Value {
    let node = cluster.node_name();
    let random = &mut cluster.random;
    let mut volume = object("v1", "PersistentVolume", "", name);
    volume["spec"] = json!({
        "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
        "volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Delete",
    });
    volume["status"] = json!({"phase": "Bound"});
    let handle = format!("vol-{name}");
    match random.below(20) {
        // The driver's own topology key would do as well; what counts is that nodes have it.
        0..=9 => {
            volume["spec"]["csi"] = json!({"driver": random.weighted(&[(3, EBS), (1, GCE)]), "volumeHandle": handle});
            if random.chance(45) {
                stays_in(random, &mut volume, ZONE);
            } else if random.chance(40) {
                zone_labels(random, &mut volume);
            }
        }
        10..=11 => {
            volume["spec"]["local"] = json!({"path": "/mnt/data"});
            let term = json!({"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": [node]}]});
            set(&mut volume, &["spec", "nodeAffinity", "required", "nodeSelectorTerms"], json!([term]));
        }
        12..=13 => {
            volume["spec"]["nfs"] = json!({"server": "10.3.0.1", "path": "/export"});
            zone_labels(random, &mut volume);
        }
        14 => volume["spec"]["hostPath"] = json!({"path": "/var/data", "type": ""}),
        15..=17 => {
            volume["spec"]["awsElasticBlockStore"] = json!({"volumeID": if random.chance(50) { handle } else { format!("aws://eu-north1-a/{handle}") }, "fsType": "ext4"});
            in_tree_place(random, &mut volume);
        }
        _ => {
            volume["spec"]["gcePersistentDisk"] = json!({"pdName": handle, "fsType": "ext4"});
            in_tree_place(random, &mut volume);
            one_region(&mut volume);
        }
    }
    volume
}

/// In-tree volumes say their zone in labels, in their affinity, or in both; translation reads either.
fn in_tree_place(random: &mut Random, volume: &mut Value) {
    if random.chance(50) {
        zone_labels(random, volume);
    }
    if random.chance(45) {
        let key = *random.weighted(&[(3, ZONE), (1, OLD_ZONE)]);
        stays_in(random, volume, key);
    }
}

/// A GCE disk that is said to be in two regions cannot be translated, and cannot be.
fn one_region(volume: &mut Value) {
    let text = volume.to_string();
    if text.contains("eu-north1") && text.contains("eu-south1") {
        volume["metadata"].as_object_mut().map(|metadata| metadata.remove("labels"));
        volume["spec"].as_object_mut().map(|spec| spec.remove("nodeAffinity"));
    }
}

fn stays_in(random: &mut Random, volume: &mut Value, key: &str) {
    let count = 1 + random.below(2);
    let mut term = json!({"matchExpressions": [{"key": key, "operator": "In", "values": random.some(&ZONES, count)}]});
    if random.chance(15) {
        term["matchExpressions"] = json!([term["matchExpressions"][0], {"key": "disk", "operator": "Exists"}]);
    }
    set(volume, &["spec", "nodeAffinity", "required", "nodeSelectorTerms"], json!([term]));
}

/// One zone or several, under the present labels or the old ones.
fn zone_labels(random: &mut Random, volume: &mut Value) {
    let several = random.chance(40);
    let zones = if several { random.some(&ZONES, 2) } else { vec![*random.pick(&ZONES)] };
    let mut regions: Vec<&str> = zones.iter().map(|zone| region(zone)).collect();
    regions.dedup();
    let (zone_key, region_key) = if random.chance(35) { (OLD_ZONE, OLD_REGION) } else { (ZONE, REGION) };
    let mut labels = json!({});
    if random.chance(85) {
        labels[zone_key] = json!(zones.join("__"));
    }
    if labels.get(zone_key).is_none() || random.chance(40) {
        labels[region_key] = json!(regions.join("__"));
    }
    volume["metadata"]["labels"] = labels;
}

/// A volume that is attached somewhere, whether or not a pod there uses it still.
fn attachment(cluster: &mut Cluster, pod: &Value, volume: &Value) {
    let Some(driver) = volume["spec"]["csi"]["driver"].as_str() else {
        return;
    };
    if !cluster.random.chance(85) {
        return;
    }
    let name = name_of(volume);
    let mut attachment = object("storage.k8s.io/v1", "VolumeAttachment", "", &format!("csi-{name}"));
    let source = if cluster.random.chance(95) { name } else { "volume-that-left" };
    let node = match pod["spec"]["nodeName"].as_str() {
        Some(node) if cluster.random.chance(90) => node.to_owned(),
        _ => cluster.node_name(),
    };
    attachment["spec"] = json!({"attacher": driver, "nodeName": node, "source": {"persistentVolumeName": source}});
    attachment["status"] = json!({"attached": cluster.random.chance(80)});
    cluster.others.push(attachment);
}
