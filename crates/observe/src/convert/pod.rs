//! A pod: its own part, and the spec that it shares with its siblings.

use model::pod::ContainerRequests;
use model::{HostPort, Name, Owner, Phase, Pod, PodSpec};

use super::Unreadable;
use super::in_tree::pod_volume;
use super::labels::{labels, names};
use super::placement::{affinity, toleration, topology_spread};
use super::requests::pod_requests;
use super::time::time;
use crate::intern::Interner;
use crate::wire;
use crate::wire::meta::{Conditions, ObjectMeta};
use crate::wire::values::GANG_ANNOTATIONS;

pub(crate) fn pod(pod: &wire::pod::Pod, interner: &Interner) -> Result<Pod, Unreadable> {
    let (meta, status) = (&pod.metadata, &pod.status);
    let requests = pod_requests(pod, interner)?;
    let statuses = status.container_statuses.iter().chain(&status.init_container_statuses);
    let optional = |text: &str| (!text.is_empty()).then(|| interner.name(text));
    Ok(Pod {
        namespace: interner.name(&meta.namespace),
        name: Name::from(meta.name.as_str()),
        uid: Name::from(meta.uid.as_str()),
        labels: labels(&meta.labels, interner),
        annotations: labels(&meta.annotations.0, interner),
        created: time(meta.creation_timestamp.as_deref(), "metadata.creationTimestamp")?,
        terminating: meta.deletion_timestamp.is_some(),
        node: optional(&pod.spec.node_name),
        nominated_node: optional(&status.nominated_node_name),
        phase: phase(&status.phase)?,
        ready: status.conditions.is_true("Ready"),
        resize_problem: interner.name(resize_problem(&status.conditions)),
        controller: controller_of(meta, interner),
        workload: None,
        restarts: statuses.fold(0, |sum: i64, status| sum.saturating_add(status.restart_count)),
        requests: requests.requests,
        held: requests.held,
        nonzero_requests: requests.nonzero_requests,
        nonzero_held: requests.nonzero_held,
        spec: interner.spec(pod_spec(pod, requests.containers, interner)?),
    })
}

/// The owner reference with `controller: true`.
pub(crate) fn controller_of(meta: &ObjectMeta, interner: &Interner) -> Option<Owner> {
    meta.owner_references.iter().find(|owner| owner.controller).map(|owner| Owner {
        api_version: interner.name(&owner.api_version),
        kind: interner.name(&owner.kind),
        name: interner.name(&owner.name),
        uid: interner.name(&owner.uid),
    })
}

/// What keeps a resize from being done, as the kubelet says it: `Deferred` and `Infeasible` are reasons of a pending one.
fn resize_problem(conditions: &Conditions) -> &str {
    let reason =
        |condition: &str| conditions.get(condition).filter(|found| found.status == "True").map(|found| &*found.reason);
    let failed = reason("PodResizeInProgress").filter(|reason| *reason == "Error");
    reason("PodResizePending").or(failed).unwrap_or_default()
}

fn phase(text: &str) -> Result<Phase, Unreadable> {
    Ok(match text {
        // Kubernetes' own default for a pod that has just been made.
        "" | "Pending" => Phase::Pending,
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        "Unknown" => Phase::Unknown,
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(Unreadable::new("status.phase", format!("\"{shown}\" is no phase of a pod")));
        }
    })
}

fn pod_spec(
    pod: &wire::pod::Pod,
    containers: Vec<ContainerRequests>,
    interner: &Interner,
) -> Result<PodSpec, Unreadable> {
    const DEFAULT_GRACE_SECONDS: i64 = 30;
    let spec = &pod.spec;
    let scheduler = if spec.scheduler_name.is_empty() { "default-scheduler" } else { &spec.scheduler_name };
    let mut made = PodSpec {
        scheduler_name: interner.name(scheduler),
        node_selector: labels(&spec.node_selector, interner),
        tolerations: spec.tolerations.iter().map(|one| toleration(one, interner)).collect(),
        topology_spread: spec
            .topology_spread_constraints
            .iter()
            .enumerate()
            .map(|(at, one)| topology_spread(one, interner, &format!("spec.topologySpreadConstraints[{at}]")))
            .collect::<Result<_, _>>()?,
        host_ports: host_ports(spec, interner),
        volumes: spec.volumes.0.iter().map(|volume| pod_volume(volume, &pod.metadata.namespace, interner)).collect(),
        scheduling_gates: spec.scheduling_gates.iter().map(|gate| interner.name(&gate.name)).collect(),
        has_resource_claims: !spec.resource_claims.is_empty(),
        gang: gang(pod, interner),
        required_features: required_features(spec, interner),
        priority: spec.priority.unwrap_or_default(),
        priority_class: interner.name(&spec.priority_class_name),
        termination_grace_seconds: spec.termination_grace_period_seconds.unwrap_or(DEFAULT_GRACE_SECONDS),
        host_network: spec.host_network,
        containers,
        ..PodSpec::default()
    };
    if let Some(wire_affinity) = &spec.affinity {
        affinity(wire_affinity, interner, &mut made)?;
    }
    Ok(made)
}

/// Ports of the node that containers and sidecars take; with the host's network, every port that they name.
fn host_ports(spec: &wire::pod::PodSpec, interner: &Interner) -> Vec<HostPort> {
    let sidecars = spec.init_containers.iter().filter(|container| container.is_sidecar());
    let mut ports = Vec::new();
    for port in sidecars.chain(&spec.containers).flat_map(|container| &container.ports) {
        let number = match port.host_port {
            0 if spec.host_network => port.container_port,
            host_port => host_port,
        };
        if number <= 0 {
            continue;
        }
        ports.push(HostPort {
            ip: interner.name(if port.host_ip.is_empty() { "0.0.0.0" } else { &port.host_ip }),
            protocol: interner.name(if port.protocol.is_empty() { "TCP" } else { &port.protocol }),
            port: number,
        });
    }
    ports
}

/// The group that a pod is scheduled with, by Kubernetes' own field or a batch scheduler's mark.
fn gang(pod: &wire::pod::Pod, interner: &Interner) -> Option<Name> {
    const LABELS: [&str; 5] = [
        "scheduling.x-k8s.io/pod-group",
        "pod-group.scheduling.sigs.k8s.io",
        "kueue.x-k8s.io/pod-group-name",
        "gang.scheduling.koordinator.sh/name",
        "kai.scheduler/subgroup-name",
    ];
    let spec = &pod.spec;
    if let Some(group) = &spec.scheduling_group {
        return Some(interner.name(&group.pod_group_name));
    }
    if let Some(workload) = &spec.workload_ref {
        return Some(interner.name(&format!("{}/{}", workload.name, workload.pod_group)));
    }
    let labels = LABELS.iter().find_map(|key| pod.metadata.labels.get(key));
    let annotations = || GANG_ANNOTATIONS.iter().find_map(|key| pod.metadata.annotations.0.get(key));
    labels.or_else(annotations).filter(|group| !group.is_empty()).map(|group| interner.name(group))
}

/// What a node must declare to get this pod, by `k8s.io/component-helpers/nodedeclaredfeatures`.
fn required_features(spec: &wire::pod::PodSpec, interner: &Interner) -> Vec<Name> {
    let mut features = Vec::new();
    let mut rules = spec.containers.iter().chain(&spec.init_containers).flat_map(|one| &one.restart_policy_rules);
    if rules.any(|rule| rule.action == "RestartAllContainers") {
        features.push("RestartAllContainersOnContainerExits".to_owned());
    }
    if spec.host_network && spec.host_users == Some(false) {
        features.push("UserNamespacesHostNetworkSupport".to_owned());
    }
    names(&features, interner)
}
