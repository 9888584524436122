//! The same objects as Kubernetes writes them.

use model::placement::{NodeSelectorTerm, PodAffinityTerm, Toleration, TopologySpreadConstraint};
use model::storage::{PersistentVolume, PersistentVolumeClaim, VolumeSource};
use model::{HostPort, LabelSelector, Labels, Name, Node, Pod, Requirement, Resources, Snapshot, Taint, Volume};
use serde_json::{Value, json};

/// The cluster as a List.
pub fn dump(snapshot: &Snapshot) -> Value {
    let mut items: Vec<Value> = Vec::new();
    items.extend(snapshot.namespaces.iter().map(|(name, labels)| {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": &**name, "labels": map(labels)}})
    }));
    items.extend(snapshot.nodes.iter().map(node_json));
    items.extend(snapshot.pods.iter().map(pod_json));
    items.extend(snapshot.volumes.values().map(volume_json));
    items.extend(snapshot.claims.values().map(claim_json));
    items.extend(snapshot.storage_classes.values().map(|class| {
        let term = |term: &Vec<(Name, Vec<Name>)>| {
            let expressions: Vec<Value> =
                term.iter().map(|(key, values)| json!({"key": &**key, "values": names(values)})).collect();
            json!({"matchLabelExpressions": expressions})
        };
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": &*class.name},
            "provisioner": &*class.provisioner,
            "volumeBindingMode": if class.waits_for_consumer { "WaitForFirstConsumer" } else { "Immediate" },
            "allowedTopologies": class.allowed_topologies.iter().map(term).collect::<Vec<_>>(),
        })
    }));
    items.extend(snapshot.csi_drivers.values().map(|driver| {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": &*driver.name},
            "spec": {"storageCapacity": driver.storage_capacity},
        })
    }));
    items.extend(snapshot.csi_nodes.values().map(|node| {
        let drivers: Vec<Value> = node
            .drivers
            .iter()
            .map(|(name, limit)| match limit {
                Some(limit) => json!({"name": &**name, "nodeID": "x", "allocatable": {"count": limit}}),
                None => json!({"name": &**name, "nodeID": "x"}),
            })
            .collect();
        let migrated = node.migrated_plugins.iter().map(|name| &**name).collect::<Vec<_>>().join(",");
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
            "metadata": {"name": &*node.node, "annotations": {"storage.alpha.kubernetes.io/migrated-plugins": migrated}},
            "spec": {"drivers": drivers},
        })
    }));
    items.extend(snapshot.csi_capacities.iter().map(|capacity| {
        let mut object = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIStorageCapacity",
            "metadata": {"namespace": &*capacity.namespace, "name": &*capacity.name},
            "storageClassName": &*capacity.storage_class,
        });
        if let Some(topology) = &capacity.topology {
            object["nodeTopology"] = selector_json(topology);
        }
        if let Some(bytes) = capacity.capacity {
            object["capacity"] = json!(bytes.to_string());
        }
        if let Some(bytes) = capacity.maximum_volume_size {
            object["maximumVolumeSize"] = json!(bytes.to_string());
        }
        object
    }));
    items.extend(snapshot.volume_attachments.iter().map(|attachment| {
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": &*attachment.name},
            "spec": {
                "attacher": &*attachment.attacher, "nodeName": &*attachment.node,
                "source": {"persistentVolumeName": attachment.volume.as_deref()},
            },
        })
    }));
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn map(labels: &Labels) -> Value {
    labels.iter().map(|(key, value)| (key.to_string(), json!(&**value))).collect::<serde_json::Map<_, _>>().into()
}

fn names(names: &[Name]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

fn requirement_json(requirement: &Requirement) -> Value {
    let operator = format!("{:?}", requirement.operator);
    match requirement.values.is_empty() {
        true => json!({"key": &*requirement.key, "operator": operator}),
        false => json!({"key": &*requirement.key, "operator": operator, "values": names(&requirement.values)}),
    }
}

fn selector_json(selector: &LabelSelector) -> Value {
    json!({"matchExpressions": selector.requirements.iter().map(requirement_json).collect::<Vec<_>>()})
}

fn node_term_json(term: &NodeSelectorTerm) -> Value {
    json!({
        "matchExpressions": term.match_expressions.iter().map(requirement_json).collect::<Vec<_>>(),
        "matchFields": term.match_fields.iter().map(requirement_json).collect::<Vec<_>>(),
    })
}

fn resources_json(resources: &Resources) -> serde_json::Map<String, Value> {
    let mut amounts = serde_json::Map::new();
    amounts.insert("cpu".to_owned(), json!(format!("{}m", resources.cpu)));
    amounts.insert("memory".to_owned(), json!(resources.memory.to_string()));
    amounts.insert("ephemeral-storage".to_owned(), json!(resources.ephemeral_storage.to_string()));
    for (name, amount) in &resources.scalar {
        amounts.insert(name.to_string(), json!(amount.to_string()));
    }
    amounts
}

fn node_json(node: &Node) -> Value {
    let mut allocatable = resources_json(&node.allocatable);
    allocatable.insert("pods".to_owned(), json!(node.allocatable.pods.to_string()));
    let taint =
        |taint: &Taint| json!({"key": &*taint.key, "value": &*taint.value, "effect": format!("{:?}", taint.effect)});
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": &*node.name, "labels": map(&node.labels)},
        "spec": {"unschedulable": node.unschedulable, "taints": node.taints.iter().map(taint).collect::<Vec<_>>()},
        "status": {"allocatable": allocatable},
    })
}

fn affinity_term_json(term: &PodAffinityTerm) -> Value {
    let mut object = json!({"topologyKey": &*term.topology_key, "namespaces": names(&term.namespaces)});
    if let Some(selector) = &term.selector {
        object["labelSelector"] = selector_json(selector);
    }
    if let Some(selector) = &term.namespace_selector {
        object["namespaceSelector"] = selector_json(selector);
    }
    object
}

fn pod_json(pod: &Pod) -> Value {
    let spec = &pod.spec;
    let terms = |terms: &[PodAffinityTerm]| json!({"requiredDuringSchedulingIgnoredDuringExecution": terms.iter().map(affinity_term_json).collect::<Vec<_>>()});
    let mut affinity = json!({
        "podAffinity": terms(&spec.pod_affinity), "podAntiAffinity": terms(&spec.pod_anti_affinity),
    });
    if let Some(terms) = &spec.node_affinity {
        affinity["nodeAffinity"] = json!({"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": terms.iter().map(node_term_json).collect::<Vec<_>>(),
        }});
    }
    let spread = |constraint: &TopologySpreadConstraint| {
        let mut object = json!({
            "maxSkew": constraint.max_skew, "topologyKey": &*constraint.topology_key,
            "whenUnsatisfiable": format!("{:?}", constraint.when_unsatisfiable),
            "nodeAffinityPolicy": format!("{:?}", constraint.node_affinity_policy),
            "nodeTaintsPolicy": format!("{:?}", constraint.node_taints_policy),
            "matchLabelKeys": names(&constraint.match_label_keys),
        });
        if let Some(selector) = &constraint.selector {
            object["labelSelector"] = selector_json(selector);
        }
        if let Some(domains) = constraint.min_domains {
            object["minDomains"] = json!(domains);
        }
        object
    };
    let toleration = |toleration: &Toleration| {
        let mut object = json!({
            "key": &*toleration.key, "operator": format!("{:?}", toleration.operator), "value": &*toleration.value,
        });
        if let Some(effect) = toleration.effect {
            object["effect"] = json!(format!("{effect:?}"));
        }
        object
    };
    let port = |port: &HostPort| json!({"hostPort": port.port, "containerPort": port.port, "protocol": &*port.protocol, "hostIP": &*port.ip});
    let volumes: Vec<Value> = spec.volumes.iter().enumerate().map(|(at, volume)| pod_volume_json(at, volume)).collect();
    let mut metadata = json!({
        "namespace": &*pod.namespace, "name": &*pod.name, "uid": &*pod.uid, "labels": map(&pod.labels),
    });
    if pod.terminating {
        metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    let mut object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {
            "containers": [{
                "name": "main", "image": "x", "resources": {"requests": resources_json(&pod.requests)},
                "ports": spec.host_ports.iter().map(port).collect::<Vec<_>>(),
            }],
            "nodeSelector": map(&spec.node_selector),
            "affinity": affinity,
            "topologySpreadConstraints": spec.topology_spread.iter().map(spread).collect::<Vec<_>>(),
            "tolerations": spec.tolerations.iter().map(toleration).collect::<Vec<_>>(),
            "volumes": volumes,
        },
        "status": {"phase": format!("{:?}", pod.phase)},
    });
    if let Some(node) = &pod.node {
        object["spec"]["nodeName"] = json!(&**node);
    }
    object
}

fn pod_volume_json(at: usize, volume: &Volume) -> Value {
    let mut object = json!({"name": format!("v{at}")});
    match volume {
        Volume::Claim { claim } => object["persistentVolumeClaim"] = json!({"claimName": &**claim}),
        Volume::Ephemeral { volume } => {
            object["name"] = json!(&**volume);
            object["ephemeral"] = json!({"volumeClaimTemplate": {"spec": {}}});
        }
        Volume::GcePersistentDisk { name, read_only } => {
            object["gcePersistentDisk"] = json!({"pdName": &**name, "readOnly": read_only});
        }
        Volume::AwsElasticBlockStore { id } => object["awsElasticBlockStore"] = json!({"volumeID": &**id}),
        Volume::Iscsi { iqn, read_only } => {
            object["iscsi"] = json!({"iqn": &**iqn, "readOnly": read_only, "targetPortal": "x", "lun": 0});
        }
        Volume::Rbd { monitors, pool, image, read_only } => {
            object["rbd"] =
                json!({"monitors": names(monitors), "pool": &**pool, "image": &**image, "readOnly": read_only});
        }
        _ => unreachable!("the generator makes no other"),
    }
    object
}

fn volume_json(volume: &PersistentVolume) -> Value {
    let modes: Vec<String> = volume.access_modes.iter().map(|mode| format!("{mode:?}")).collect();
    let mut metadata = json!({"name": &*volume.name, "labels": map(&volume.labels)});
    if volume.terminating {
        metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    let mut spec = json!({
        "capacity": {"storage": volume.capacity.to_string()}, "accessModes": modes,
        "storageClassName": &*volume.storage_class, "volumeMode": if volume.is_block { "Block" } else { "Filesystem" },
    });
    match &volume.source {
        VolumeSource::Csi { driver, handle } => spec["csi"] = json!({"driver": &**driver, "volumeHandle": &**handle}),
        VolumeSource::InTree { handle, .. } => spec["awsElasticBlockStore"] = json!({"volumeID": &**handle}),
        _ => spec["local"] = json!({"path": "/x"}),
    }
    if let Some(terms) = &volume.node_affinity {
        let terms: Vec<Value> = terms.iter().map(node_term_json).collect();
        spec["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": terms}});
    }
    if let Some((namespace, name, uid)) = &volume.claim {
        spec["claimRef"] = json!({"namespace": &**namespace, "name": &**name, "uid": &**uid});
    }
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec,
        "status": {"phase": &*volume.phase},
    })
}

fn claim_json(claim: &PersistentVolumeClaim) -> Value {
    let modes: Vec<String> = claim.access_modes.iter().map(|mode| format!("{mode:?}")).collect();
    let mut annotations = serde_json::Map::new();
    if claim.bind_completed {
        annotations.insert("pv.kubernetes.io/bind-completed".to_owned(), json!("yes"));
    }
    if let Some(node) = &claim.selected_node {
        annotations.insert("volume.kubernetes.io/selected-node".to_owned(), json!(&**node));
    }
    let mut metadata = json!({
        "namespace": &*claim.namespace, "name": &*claim.name, "uid": &*claim.uid, "annotations": annotations,
    });
    if claim.terminating {
        metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    if let Some(uid) = &claim.controller_uid {
        metadata["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": &**uid, "controller": true}]);
    }
    let mut spec = json!({"accessModes": modes, "resources": {"requests": {"storage": claim.request.to_string()}}});
    if let Some(class) = &claim.storage_class {
        spec["storageClassName"] = json!(&**class);
    }
    if !claim.volume.is_empty() {
        spec["volumeName"] = json!(&*claim.volume);
    }
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec,
        "status": {"phase": &*claim.phase},
    })
}
