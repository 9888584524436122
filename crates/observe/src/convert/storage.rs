//! Volumes, claims, classes, and what the CSI drivers publish.

use model::Name;
use model::storage::{
    AccessMode, CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass,
    VolumeAttachment,
};

use super::Unreadable;
use super::in_tree::volume_source;
use super::labels::{labels, names, optional_selector};
use super::placement::node_selector_terms;
use super::pod::controller_of;
use super::quantities::quantity;
use super::time::time;
use crate::intern::Interner;
use crate::wire::storage;
use crate::wire::values::QuantityText;

pub(crate) fn volume(volume: &storage::PersistentVolume, interner: &Interner) -> Result<PersistentVolume, Unreadable> {
    let (meta, spec) = (&volume.metadata, &volume.spec);
    let required = spec.node_affinity.as_ref().and_then(|affinity| affinity.required.as_ref());
    Ok(PersistentVolume {
        name: interner.name(&meta.name),
        labels: labels(&meta.labels, interner),
        node_affinity: required
            .map(|selector| node_selector_terms(selector, interner, "spec.nodeAffinity.required"))
            .transpose()?,
        storage_class: class_of(meta.annotations.0.get(CLASS_ANNOTATION), Some(&spec.storage_class_name))
            .map(|class| interner.name(class))
            .unwrap_or_default(),
        capacity: bytes(spec.capacity.get("storage"), "spec.capacity.storage")?.unwrap_or_default(),
        access_modes: access_modes(&spec.access_modes)?,
        is_block: spec.volume_mode == "Block",
        phase: interner.name(&volume.status.phase),
        claim: spec
            .claim_ref
            .as_ref()
            .map(|claim| (interner.name(&claim.namespace), interner.name(&claim.name), interner.name(&claim.uid))),
        source: volume_source(volume, interner),
        terminating: meta.deletion_timestamp.is_some(),
        attributes_class: spec.volume_attributes_class_name.as_deref().map(|class| interner.name(class)),
        created: time(meta.creation_timestamp.as_deref(), "metadata.creationTimestamp")?,
    })
}

/// The annotation that named the class before the field did, and still goes before it.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

fn class_of<'a>(annotation: Option<&'a String>, field: Option<&'a String>) -> Option<&'a str> {
    annotation.or(field).map(String::as_str)
}

pub(crate) fn claim(
    claim: &storage::PersistentVolumeClaim,
    interner: &Interner,
) -> Result<PersistentVolumeClaim, Unreadable> {
    let (meta, spec) = (&claim.metadata, &claim.spec);
    let annotation = |key: &str| meta.annotations.0.get(key);
    Ok(PersistentVolumeClaim {
        namespace: interner.name(&meta.namespace),
        name: interner.name(&meta.name),
        uid: interner.name(&meta.uid),
        storage_class: class_of(annotation(CLASS_ANNOTATION), spec.storage_class_name.as_ref())
            .map(|class| interner.name(class)),
        volume: interner.name(&spec.volume_name),
        bind_completed: annotation("pv.kubernetes.io/bind-completed").is_some(),
        selected_node: annotation("volume.kubernetes.io/selected-node").map(|node| interner.name(node)),
        access_modes: access_modes(&spec.access_modes)?,
        request: bytes(spec.resources.requests.get("storage"), "spec.resources.requests.storage")?.unwrap_or_default(),
        selector: optional_selector(spec.selector.as_ref(), interner, "spec.selector")?,
        is_block: spec.volume_mode == "Block",
        controller_uid: controller_of(meta, interner).map(|owner| owner.uid),
        attributes_class: spec.volume_attributes_class_name.as_deref().map(|class| interner.name(class)),
        terminating: meta.deletion_timestamp.is_some(),
        phase: interner.name(&claim.status.phase),
        created: time(meta.creation_timestamp.as_deref(), "metadata.creationTimestamp")?,
    })
}

fn bytes(text: Option<&QuantityText>, field: &str) -> Result<Option<i64>, Unreadable> {
    text.map(|text| quantity(text, || field.to_owned()).map(|amount| amount.value())).transpose()
}

fn access_modes(modes: &[String]) -> Result<Vec<AccessMode>, Unreadable> {
    let known = modes.iter().map(|mode| match mode.as_str() {
        "ReadWriteOnce" => Ok(AccessMode::ReadWriteOnce),
        "ReadOnlyMany" => Ok(AccessMode::ReadOnlyMany),
        "ReadWriteMany" => Ok(AccessMode::ReadWriteMany),
        "ReadWriteOncePod" => Ok(AccessMode::ReadWriteOncePod),
        other => {
            let shown: String = other.chars().take(40).collect();
            Err(Unreadable::new("spec.accessModes", format!("\"{shown}\" is no access mode")))
        }
    });
    known.collect()
}

pub(crate) fn storage_class(class: &storage::StorageClass, interner: &Interner) -> StorageClass {
    let term = |term: &storage::TopologyTerm| -> Vec<(Name, Vec<Name>)> {
        let requirements = term.match_label_expressions.iter();
        requirements.map(|one| (interner.name(&one.key), names(&one.values, interner))).collect()
    };
    StorageClass {
        name: interner.name(&class.metadata.name),
        provisioner: interner.name(&class.provisioner),
        waits_for_consumer: class.volume_binding_mode == "WaitForFirstConsumer",
        allowed_topologies: class.allowed_topologies.iter().map(term).collect(),
    }
}

pub(crate) fn csi_node(node: &storage::CsiNode, interner: &Interner) -> CsiNode {
    let count = |driver: &storage::CsiNodeDriver| driver.allocatable.as_ref().and_then(|limit| limit.count);
    let migrated = node.metadata.annotations.0.get("storage.alpha.kubernetes.io/migrated-plugins");
    let plugins = migrated.iter().flat_map(|plugins| plugins.split(',')).filter(|plugin| !plugin.is_empty());
    CsiNode {
        node: interner.name(&node.metadata.name),
        drivers: node.spec.drivers.iter().map(|driver| (interner.name(&driver.name), count(driver))).collect(),
        migrated_plugins: plugins.map(|plugin| interner.name(plugin)).collect(),
    }
}

pub(crate) fn csi_driver(driver: &storage::CsiDriver, interner: &Interner) -> CsiDriver {
    CsiDriver {
        name: interner.name(&driver.metadata.name),
        storage_capacity: driver.spec.storage_capacity,
        prevent_scheduling_if_missing: driver.spec.prevent_pod_scheduling_if_missing,
    }
}

pub(crate) fn csi_capacity(
    capacity: &storage::CsiStorageCapacity,
    interner: &Interner,
) -> Result<CsiStorageCapacity, Unreadable> {
    Ok(CsiStorageCapacity {
        namespace: interner.name(&capacity.metadata.namespace),
        name: interner.name(&capacity.metadata.name),
        storage_class: interner.name(&capacity.storage_class_name),
        topology: optional_selector(capacity.node_topology.as_ref(), interner, "nodeTopology")?,
        capacity: bytes(capacity.capacity.as_ref(), "capacity")?,
        maximum_volume_size: bytes(capacity.maximum_volume_size.as_ref(), "maximumVolumeSize")?,
    })
}

pub(crate) fn attachment(attachment: &storage::VolumeAttachment, interner: &Interner) -> VolumeAttachment {
    let spec = &attachment.spec;
    VolumeAttachment {
        name: interner.name(&attachment.metadata.name),
        node: interner.name(&spec.node_name),
        attacher: interner.name(&spec.attacher),
        volume: spec.source.persistent_volume_name.as_deref().map(|volume| interner.name(volume)),
    }
}
