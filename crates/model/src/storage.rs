//! Volumes, claims and what the storage drivers say of nodes.

use crate::placement::NodeSelectorTerm;
use crate::{Labels, Name, Time};

/// A PersistentVolume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersistentVolume {
    /// metadata.name.
    pub name: Name,
    /// metadata.labels: zones and regions, and what claims select by.
    pub labels: Labels,
    /// spec.nodeAffinity.required: any term; absent allows every node.
    pub node_affinity: Option<Vec<NodeSelectorTerm>>,
    /// spec.storageClassName.
    pub storage_class: Name,
    /// Bytes.
    pub capacity: i64,
    /// Spec.accessModes.
    pub access_modes: Vec<AccessMode>,
    /// spec.volumeMode is Block.
    pub is_block: bool,
    /// status.phase.
    pub phase: Name,
    /// spec.claimRef: namespace, name and uid.
    pub claim: Option<(Name, Name, Name)>,
    /// What backs it.
    pub source: VolumeSource,
    /// metadata.deletionTimestamp is set.
    pub terminating: bool,
    /// spec.volumeAttributesClassName.
    pub attributes_class: Option<Name>,
    /// metadata.creationTimestamp.
    pub created: Option<Time>,
}

/// What backs a PersistentVolume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VolumeSource {
    /// A CSI driver's volume.
    Csi {
        /** The driver. */
        driver: Name,
        /** Its handle. */
        handle: Name,
    },
    /// An in-tree plugin that migrates to CSI: its plugin name and the CSI handle it becomes.
    InTree {
        /** Such as `kubernetes.io/aws-ebs`. */
        plugin: Name,
        /** The CSI volume handle. */
        handle: Name,
    },
    /// A disk or folder of one node.
    Local,
    /// hostPath.
    HostPath,
    /// Anything else: NFS, iSCSI …
    #[default]
    Other,
}

/// How many nodes or pods may use a volume, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessMode {
    /// One node.
    ReadWriteOnce,
    /// Many nodes, reading.
    ReadOnlyMany,
    /// Many nodes.
    ReadWriteMany,
    /// One pod.
    ReadWriteOncePod,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersistentVolumeClaim {
    /// metadata.namespace.
    pub namespace: Name,
    /// metadata.name.
    pub name: Name,
    /// metadata.uid.
    pub uid: Name,
    /// spec.storageClassName, or its older annotation; absent is not the same as empty.
    pub storage_class: Option<Name>,
    /// spec.volumeName, empty while unbound.
    pub volume: Name,
    /// The annotation pv.kubernetes.io/bind-completed is there.
    pub bind_completed: bool,
    /// The annotation volume.kubernetes.io/selected-node.
    pub selected_node: Option<Name>,
    /// spec.accessModes.
    pub access_modes: Vec<AccessMode>,
    /// spec.resources.requests.storage in bytes.
    pub request: i64,
    /// spec.selector.
    pub selector: Option<crate::LabelSelector>,
    /// spec.volumeMode is Block.
    pub is_block: bool,
    /// uid of the owner reference with `controller: true`, for generic ephemeral volumes.
    pub controller_uid: Option<Name>,
    /// spec.volumeAttributesClassName.
    pub attributes_class: Option<Name>,
    /// metadata.deletionTimestamp is set.
    pub terminating: bool,
    /// status.phase.
    pub phase: Name,
    /// metadata.creationTimestamp.
    pub created: Option<Time>,
}

/// A StorageClass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageClass {
    /// metadata.name.
    pub name: Name,
    /// provisioner.
    pub provisioner: Name,
    /// volumeBindingMode is WaitForFirstConsumer.
    pub waits_for_consumer: bool,
    /// allowedTopologies: any term; a term's requirements all hold. Empty allows every node.
    pub allowed_topologies: Vec<Vec<(Name, Vec<Name>)>>,
}

/// A CSINode: which drivers run on the node and how many volumes each can attach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsiNode {
    /// metadata.name, the node's.
    pub node: Name,
    /// Driver name and its spec.drivers[].allocatable.count.
    pub drivers: Vec<(Name, Option<i64>)>,
    /// The annotation storage.alpha.kubernetes.io/migrated-plugins, split.
    pub migrated_plugins: Vec<Name>,
}

/// A CSIDriver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsiDriver {
    /// metadata.name.
    pub name: Name,
    /// spec.storageCapacity: free space is published and must be asked for.
    pub storage_capacity: bool,
    /// spec.preventPodSchedulingIfMissing.
    pub prevent_scheduling_if_missing: bool,
}

/// A CSIStorageCapacity: free space of one class in one part of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsiStorageCapacity {
    /// metadata.namespace.
    pub namespace: Name,
    /// metadata.name.
    pub name: Name,
    /// storageClassName.
    pub storage_class: Name,
    /// nodeTopology; absent is no node.
    pub topology: Option<crate::LabelSelector>,
    /// capacity in bytes.
    pub capacity: Option<i64>,
    /// maximumVolumeSize in bytes.
    pub maximum_volume_size: Option<i64>,
}

/// A VolumeAttachment: a volume that is, or will be, attached to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeAttachment {
    /// metadata.name.
    pub name: Name,
    /// spec.nodeName.
    pub node: Name,
    /// spec.attacher.
    pub attacher: Name,
    /// spec.source.persistentVolumeName.
    pub volume: Option<Name>,
}
