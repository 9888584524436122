//! Pod, as far as its placement goes.

use serde::{Deserialize, Deserializer, Serialize};

use super::java::HeapOptions;
use super::meta::{Conditions, LabelSelector, Named, NodeSelector, NodeSelectorTerm, ObjectMeta, Present};
use super::storage::{AzureDisk, AzureFile, EbsVolume, GceDisk, Iscsi, PathVolume, Rbd, VolumeById};
use super::values::{ResourceList, StringMap};
use super::wire;

wire! {
    struct Pod {
        api_version: String,
        kind: String,
        metadata: ObjectMeta,
        spec: PodSpec,
        status: PodStatus,
    }

    struct PodSpec {
        node_name: String,
        scheduler_name: String,
        node_selector: StringMap,
        affinity: Option<Box<Affinity>>,
        tolerations: Vec<Toleration>,
        topology_spread_constraints: Vec<TopologySpreadConstraint>,
        init_containers: Vec<Container>,
        containers: Vec<Container>,
        volumes: Volumes,
        scheduling_gates: Vec<Named>,
        resource_claims: Vec<Named>,
        workload_ref: Option<WorkloadReference>,
        scheduling_group: Option<SchedulingGroup>,
        priority: Option<i32>,
        priority_class_name: String,
        termination_grace_period_seconds: Option<i64>,
        host_network: bool,
        host_users: Option<bool>,
        overhead: ResourceList,
        resources: Option<ResourceRequirements>,
    }

    struct Affinity {
        node_affinity: Option<NodeAffinity>,
        pod_affinity: Option<PodAffinity>,
        pod_anti_affinity: Option<PodAffinity>,
    }

    struct NodeAffinity {
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        required: Option<NodeSelector>,
        #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
        preferred: Vec<PreferredNode>,
    }

    struct PreferredNode {
        weight: i32,
        preference: NodeSelectorTerm,
    }

    struct PodAffinity {
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        required: Vec<PodAffinityTerm>,
        #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
        preferred: Vec<PreferredPods>,
    }

    struct PreferredPods {
        weight: i32,
        pod_affinity_term: PodAffinityTerm,
    }

    struct PodAffinityTerm {
        label_selector: Option<LabelSelector>,
        namespaces: Vec<String>,
        namespace_selector: Option<LabelSelector>,
        topology_key: String,
    }

    struct Toleration {
        key: String,
        operator: String,
        value: String,
        effect: String,
    }

    struct TopologySpreadConstraint {
        max_skew: i32,
        topology_key: String,
        when_unsatisfiable: String,
        label_selector: Option<LabelSelector>,
        min_domains: Option<i32>,
        node_affinity_policy: Option<String>,
        node_taints_policy: Option<String>,
        match_label_keys: Vec<String>,
    }

    struct Container {
        name: String,
        command: HeapOptions,
        args: HeapOptions,
        #[serde(serialize_with = "crate::wire::java::as_environment")]
        env: HeapOptions,
        resources: ResourceRequirements,
        ports: Vec<ContainerPort>,
        restart_policy: String,
        restart_policy_rules: Vec<RestartPolicyRule>,
    }

    struct ResourceRequirements {
        requests: ResourceList,
        limits: ResourceList,
    }

    struct ContainerPort {
        container_port: i32,
        host_port: i32,
        #[serde(rename = "hostIP")]
        host_ip: String,
        protocol: String,
    }

    struct RestartPolicyRule {
        action: String,
    }

    struct WorkloadReference {
        name: String,
        pod_group: String,
    }

    struct SchedulingGroup {
        pod_group_name: String,
    }

    struct PodStatus {
        phase: String,
        conditions: Conditions,
        nominated_node_name: String,
        start_time: Option<String>,
        init_container_statuses: Vec<ContainerStatus>,
        container_statuses: Vec<ContainerStatus>,
        resources: Option<ResourceRequirements>,
        allocated_resources: ResourceList,
    }

    struct ContainerStatus {
        name: String,
        restart_count: i64,
        resources: Option<ResourceRequirements>,
        allocated_resources: ResourceList,
    }

    struct Volume {
        name: String,
        persistent_volume_claim: Option<ClaimVolume>,
        ephemeral: Option<Present>,
        empty_dir: Option<EmptyDir>,
        host_path: Option<Present>,
        gce_persistent_disk: Option<GceDisk>,
        aws_elastic_block_store: Option<EbsVolume>,
        iscsi: Option<Iscsi>,
        rbd: Option<Rbd>,
        azure_disk: Option<AzureDisk>,
        azure_file: Option<AzureFile>,
        cinder: Option<VolumeById>,
        portworx_volume: Option<VolumeById>,
        vsphere_volume: Option<PathVolume>,
    }

    struct ClaimVolume {
        claim_name: String,
    }

    struct EmptyDir {
        medium: String,
    }
}

/// The volumes that bear on placement; the others, whose names are random for each pod, are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Volumes(pub Vec<Volume>);

impl<'de> Deserialize<'de> for Volumes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut volumes = Vec::<Volume>::deserialize(deserializer)?;
        volumes.retain(|volume| {
            let nameless = Volume { name: String::new(), ..volume.clone() };
            nameless != Volume::default()
        });
        Ok(Volumes(volumes))
    }
}

impl Container {
    /// An init container that goes on running beside the others.
    pub(crate) fn is_sidecar(&self) -> bool {
        self.restart_policy == "Always"
    }
}
