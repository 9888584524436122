//! Changes to single objects of a case.

use std::sync::Arc;

use model::placement::{InclusionPolicy, PodAffinityTerm, TopologySpreadConstraint, WhenUnsatisfiable};
use model::storage::{AccessMode, PersistentVolume, PersistentVolumeClaim};
use model::{LabelSelector, Name, Node, Pod, PodSpec, Requirement, SelectorOperator, Volume};

use super::Case;

pub(super) fn pod_mut(case: &mut Case, at: usize) -> &mut Pod {
    let step = &case.plan.migrations[at];
    let found = case.snapshot.pods.iter_mut().find(|pod| pod.namespace == step.namespace && pod.name == step.pod);
    found.expect("a legal plan moves pods that are there")
}

pub(super) fn spec_mut(case: &mut Case, at: usize) -> &mut PodSpec {
    Arc::make_mut(&mut pod_mut(case, at).spec)
}

pub(super) fn target_mut(case: &mut Case, at: usize) -> &mut Node {
    let to = case.plan.migrations[at].to_node.clone();
    case.snapshot.nodes.iter_mut().find(|node| node.name == to).expect("asked for only where it is there")
}

pub(super) fn tolerates_all(pod: &Pod) -> bool {
    pod.spec.tolerations.iter().any(|toleration| toleration.key.is_empty())
}

pub(super) fn selector(key: &str, operator: SelectorOperator) -> LabelSelector {
    LabelSelector { requirements: vec![Requirement { key: key.into(), operator, values: Vec::new() }] }
}

/// Selects in every namespace, by node.
pub(super) fn term(selector: LabelSelector) -> PodAffinityTerm {
    PodAffinityTerm {
        selector: Some(selector),
        namespaces: Vec::new(),
        namespace_selector: Some(LabelSelector::default()),
        topology_key: "kubernetes.io/hostname".into(),
    }
}

/// Of all pods of the namespace, at most one a domain where there are never domains enough.
pub(super) fn spread(key: &str, min_domains: Option<i32>) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.into(),
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        selector: Some(selector("no-such-label", SelectorOperator::DoesNotExist)),
        min_domains,
        node_affinity_policy: InclusionPolicy::Ignore,
        node_taints_policy: InclusionPolicy::Ignore,
        match_label_keys: Vec::new(),
    }
}

/// A bound claim named `mutation` for the pod of a step.
pub(super) fn add_claim(case: &mut Case, at: usize, mode: AccessMode) {
    let name: Name = "mutation".into();
    spec_mut(case, at).volumes.push(Volume::Claim { claim: name.clone() });
    let namespace = pod_mut(case, at).namespace.clone();
    let claim = PersistentVolumeClaim {
        namespace: namespace.clone(),
        name: name.clone(),
        volume: name.clone(),
        bind_completed: true,
        access_modes: vec![mode],
        phase: "Bound".into(),
        ..PersistentVolumeClaim::default()
    };
    case.snapshot.claims.insert((namespace, name.clone()), claim);
    let volume = PersistentVolume { name: name.clone(), access_modes: vec![mode], ..PersistentVolume::default() };
    case.snapshot.volumes.insert(name, volume);
}

/// Another pod uses the claim as well.
pub(super) fn share_claim(case: &mut Case, other: usize) {
    Arc::make_mut(&mut case.snapshot.pods[other].spec).volumes.push(Volume::Claim { claim: "mutation".into() });
}

pub(super) fn claim_of_nobody() -> Volume {
    Volume::Claim { claim: "of-nobody".into() }
}

/// Puts a node of the snapshot in a zone.
pub(super) fn set_zone(case: &mut Case, name: &Name, zone: &str) {
    for node in case.snapshot.nodes.iter_mut().filter(|node| node.name == *name) {
        let pairs = node.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
        let zone = ("topology.kubernetes.io/zone".into(), zone.into());
        node.labels = model::Labels::new(pairs.chain([zone]).collect());
    }
}
