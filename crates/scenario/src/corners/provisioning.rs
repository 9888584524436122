//! Claims that wait for their pod, claims that should have been bound at once, and volumes that live as long as the pod.

use serde_json::{Value, json};

use super::claims::{claim_object, mount};
use super::{Cluster, name_of, namespace_of, selectors};
use crate::object::{controlled_by, push, set};

pub(super) fn unbound(cluster: &mut Cluster, pod: &mut Value) {
    let name = format!("wait-{}", cluster.unique());
    let namespace = namespace_of(pod).to_owned();
    match cluster.random.below(28) {
        0..=4 => waiting(cluster, pod, &namespace, &name, "fast"),
        5..=6 => waiting(cluster, pod, &namespace, &name, "old"),
        7..=9 => waiting(cluster, pod, &namespace, &name, "zonal"),
        10..=13 => waiting(cluster, pod, &namespace, &name, "pool"),
        14..=21 => {
            waiting(cluster, pod, &namespace, &name, "manual");
            // Two that choose from the same volumes: the smaller one chooses first.
            if cluster.random.chance(30) {
                waiting(cluster, pod, &namespace, &format!("{name}-b"), "manual");
            }
        }
        22 => waiting(cluster, pod, &namespace, &name, "now"),
        23 => match cluster.random.below(3) {
            0 => waiting(cluster, pod, &namespace, &name, "unsaid"),
            1 => waiting(cluster, pod, &namespace, &name, "class-that-left"),
            _ => {
                let claim = claim_object(cluster, &namespace, &name, None);
                cluster.others.push(claim);
                mount(pod, &name);
            }
        },
        _ => ephemeral(cluster, pod),
    }
}

fn waiting(cluster: &mut Cluster, pod: &mut Value, namespace: &str, name: &str, class: &str) {
    let mut claim = claim_object(cluster, namespace, name, Some(class));
    // Where somebody said the class in the days of annotations; it goes before the field.
    if cluster.random.chance(6) {
        claim["spec"]["storageClassName"] = json!("now");
        set(&mut claim, &["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"], json!(class));
    }
    if class != "manual" && cluster.random.chance(15) {
        let node = cluster.node_name();
        set(&mut claim, &["metadata", "annotations", "volume.kubernetes.io/selected-node"], json!(node));
    }
    let random = &mut cluster.random;
    if class == "manual" {
        if random.chance(15) {
            claim["spec"]["volumeMode"] = json!("Block");
        }
        if random.chance(30) {
            claim["spec"]["accessModes"] = json!([random.pick(&["ReadOnlyMany", "ReadWriteMany"])]);
        }
        if random.chance(45) {
            claim["spec"]["selector"] = json!({"matchLabels": {"tier": random.pick(&selectors::TIERS)}});
        }
        if random.chance(20) {
            claim["spec"]["volumeAttributesClassName"] = json!("gold");
        }
        if random.chance(30) {
            reserve_volume(cluster, namespace, name);
        }
    }
    cluster.others.push(claim);
    mount(pod, name);
}

/// Somebody kept a free volume for this claim. It is large enough; its phase and labels are not asked then.
fn reserve_volume(cluster: &mut Cluster, namespace: &str, name: &str) {
    let number = cluster.unique();
    let free = cluster.others.iter_mut().find(|other| {
        other["kind"] == "PersistentVolume"
            && name_of(other).starts_with("free-")
            && other["spec"]["storageClassName"] == "manual"
            && other["spec"].get("claimRef").is_none()
    });
    if let Some(volume) = free {
        volume["spec"]["claimRef"] = json!({"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name});
        volume["spec"]["capacity"]["storage"] = json!(format!("{}Mi", 30 * 1024 + number));
    }
}

/// A claim made from the pod's own template, which must belong to the pod.
fn ephemeral(cluster: &mut Cluster, pod: &mut Value) {
    if pod["spec"]["volumes"].as_array().is_some_and(|volumes| volumes.iter().any(|volume| volume["name"] == "scratch"))
    {
        return;
    }
    let (namespace, pod_name) = (namespace_of(pod).to_owned(), name_of(pod).to_owned());
    let class = *cluster.random.pick(&["fast", "pool", "zonal"]);
    let mut claim = claim_object(cluster, &namespace, &format!("{pod_name}-scratch"), Some(class));
    let spec = claim["spec"].clone();
    push(pod, &["spec", "volumes"], json!({"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}));
    match cluster.random.below(16) {
        // Not made yet.
        0 => return,
        // Made by somebody for something else.
        1..=2 => {}
        3 => claim["metadata"]["ownerReferences"] = controlled_by("v1", "Pod", &namespace, "another-pod"),
        _ => claim["metadata"]["ownerReferences"] = controlled_by("v1", "Pod", &namespace, &pod_name),
    }
    cluster.others.push(claim);
}
