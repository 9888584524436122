//! Volumes, claims, classes, and what the CSI drivers publish.

use super::meta::{LabelSelector, NodeSelector, ObjectMeta, Present};
use super::pod::ResourceRequirements;
use super::values::{QuantityText, ResourceList};
use super::wire;

wire! {
    struct PersistentVolume {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: PersistentVolumeSpec,
        status: Phase,
    }

    struct PersistentVolumeSpec {
        capacity: ResourceList,
        access_modes: Vec<String>,
        storage_class_name: String,
        volume_mode: String,
        volume_attributes_class_name: Option<String>,
        claim_ref: Option<ClaimReference>,
        node_affinity: Option<VolumeNodeAffinity>,
        csi: Option<CsiVolume>,
        local: Option<Present>,
        host_path: Option<Present>,
        gce_persistent_disk: Option<GceDisk>,
        aws_elastic_block_store: Option<EbsVolume>,
        azure_disk: Option<AzureDisk>,
        azure_file: Option<AzureFile>,
        cinder: Option<VolumeById>,
        portworx_volume: Option<VolumeById>,
        vsphere_volume: Option<PathVolume>,
    }

    struct ClaimReference {
        namespace: String,
        name: String,
        uid: String,
    }

    struct VolumeNodeAffinity {
        required: Option<NodeSelector>,
    }

    struct CsiVolume {
        driver: String,
        volume_handle: String,
    }

    struct GceDisk {
        pd_name: String,
        read_only: bool,
    }

    struct EbsVolume {
        #[serde(rename = "volumeID")]
        volume_id: String,
    }

    struct Iscsi {
        iqn: String,
        read_only: bool,
    }

    struct Rbd {
        monitors: Vec<String>,
        pool: String,
        image: String,
        read_only: bool,
    }

    struct AzureDisk {
        #[serde(rename = "diskURI")]
        disk_uri: String,
        kind: Option<String>,
    }

    struct AzureFile {
        secret_name: String,
        secret_namespace: Option<String>,
        share_name: String,
    }

    struct VolumeById {
        #[serde(rename = "volumeID")]
        volume_id: String,
    }

    struct PathVolume {
        volume_path: String,
    }

    struct Phase {
        phase: String,
    }

    struct PersistentVolumeClaim {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: PersistentVolumeClaimSpec,
        status: Phase,
    }

    struct PersistentVolumeClaimSpec {
        storage_class_name: Option<String>,
        volume_name: String,
        access_modes: Vec<String>,
        resources: ResourceRequirements,
        selector: Option<LabelSelector>,
        volume_mode: String,
        volume_attributes_class_name: Option<String>,
    }

    struct StorageClass {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        provisioner: String,
        volume_binding_mode: String,
        allowed_topologies: Vec<TopologyTerm>,
    }

    struct TopologyTerm {
        match_label_expressions: Vec<TopologyRequirement>,
    }

    struct TopologyRequirement {
        key: String,
        values: Vec<String>,
    }

    struct CsiNode {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: CsiNodeSpec,
    }

    struct CsiNodeSpec {
        drivers: Vec<CsiNodeDriver>,
    }

    struct CsiNodeDriver {
        name: String,
        allocatable: Option<VolumeCount>,
    }

    struct VolumeCount {
        count: Option<i64>,
    }

    struct CsiDriver {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: CsiDriverSpec,
    }

    struct CsiDriverSpec {
        storage_capacity: bool,
        prevent_pod_scheduling_if_missing: bool,
    }

    struct CsiStorageCapacity {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        storage_class_name: String,
        node_topology: Option<LabelSelector>,
        capacity: Option<QuantityText>,
        maximum_volume_size: Option<QuantityText>,
    }

    struct VolumeAttachment {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: VolumeAttachmentSpec,
    }

    struct VolumeAttachmentSpec {
        attacher: String,
        node_name: String,
        source: AttachmentSource,
    }

    struct AttachmentSource {
        persistent_volume_name: Option<String>,
    }
}
