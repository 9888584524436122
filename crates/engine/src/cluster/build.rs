//! Compiling a snapshot.

use std::collections::BTreeSet;

use model::placement::WhenUnsatisfiable::DoNotSchedule;
use model::{Labels, Name, Pod, PodSpec, Resources, Snapshot, Volume};
use rustc_hash::FxHashMap;

use super::eligibility::NodeSets;
use super::groups::Groups;
use super::preferred::{NodePreferences, preferred};
use super::{
    CPU, Class, Cluster, Compiled, CompiledPod, EPHEMERAL_STORAGE, FIRST_SCALAR, Interner, MEMORY, NodeAttachments,
    PODS, volumes,
};

/// No node has as much of anything: a pebibyte, or a trillion cores. What asks for more asks for this, and fits nowhere, so
/// that no sum overflows.
const BEYOND_MEASURE: i64 = 1 << 50;

pub(super) fn compile(snapshot: &Snapshot) -> Cluster<'_> {
    let scalar_names = scalar_names(snapshot);
    let resources = FIRST_SCALAR + scalar_names.len();
    let mut allocatable = Vec::with_capacity(snapshot.nodes.len() * resources);
    for node in &snapshot.nodes {
        let amounts = &node.allocatable;
        let scalars = scalar_names.iter().map(|name| amounts.scalar(name));
        let all = [amounts.cpu, amounts.memory, amounts.ephemeral_storage, amounts.pods].into_iter().chain(scalars);
        allocatable.extend(all.map(|amount| amount.min(BEYOND_MEASURE - 1)));
    }
    let node_numbers: FxHashMap<&str, u32> =
        snapshot.nodes.iter().enumerate().map(|(at, node)| (&*node.name, at as u32)).collect();

    let mut classes = Classes::new(snapshot, scalar_names.clone());
    let mut pods = Vec::with_capacity(snapshot.pods.len());
    let mut pods_on = vec![Vec::new(); snapshot.nodes.len()];
    for (number, pod) in snapshot.pods.iter().enumerate() {
        let node = pod.node.as_ref().filter(|_| !pod.is_finished()).and_then(|name| node_numbers.get(&**name).copied());
        if let Some(node) = node {
            pods_on[node as usize].push(number as u32);
        }
        let held_extra = held_extra(pod, &scalar_names);
        pods.push(CompiledPod { class: classes.class_of(pod), node, held_extra, terminating: pod.terminating });
    }
    let Classes { mut classes, labels, groups, sets, node_preferences, single_pod_claims, selected_keys, .. } = classes;
    groups.count_classes(&mut classes, &labels);
    let has_preferences = classes.iter().any(|class| class.preferred.is_some());
    let compiled = Compiled {
        resources,
        scalar_names,
        allocatable,
        pods,
        classes,
        pods_on,
        topologies: groups.topologies,
        spread_groups: groups.spread,
        affinity_groups: groups.affinity,
        anti_affinity_terms: groups.anti_affinity,
        node_preferences: node_preferences.by_node,
        has_preferences,
        node_sets: sets.sets,
        attachments: attachments(snapshot),
        single_pod_claims,
        selected_keys,
    };
    Cluster { snapshot, compiled }
}

fn scalar_names(snapshot: &Snapshot) -> Vec<Name> {
    let of_pods = snapshot.pods.iter().flat_map(|pod| pod.requests.scalar.iter().chain(&pod.held.scalar));
    let names: BTreeSet<&Name> = of_pods.map(|(name, _)| name).collect();
    names.into_iter().cloned().collect()
}

/// What the pod holds on its node beyond what it asks for; negative where a resize left it with less.
pub(crate) fn held_extra(pod: &Pod, scalar_names: &[Name]) -> Vec<(u16, i64)> {
    if pod.held == pod.requests {
        return Vec::new();
    }
    let mut difference = pod.held.clone();
    difference.subtract(&pod.requests);
    amounts(&difference, scalar_names)
}

/// By resource, without zeros.
pub(crate) fn amounts(resources: &Resources, scalar_names: &[Name]) -> Vec<(u16, i64)> {
    let mut amounts = vec![
        (CPU as u16, resources.cpu),
        (MEMORY as u16, resources.memory),
        (EPHEMERAL_STORAGE as u16, resources.ephemeral_storage),
    ];
    for (name, amount) in &resources.scalar {
        if let Ok(at) = scalar_names.binary_search(name) {
            amounts.push(((FIRST_SCALAR + at) as u16, *amount));
        }
    }
    amounts.iter_mut().for_each(|(_, amount)| *amount = (*amount).clamp(-BEYOND_MEASURE, BEYOND_MEASURE));
    amounts.retain(|(resource, amount)| *amount != 0 && *resource as usize != PODS);
    amounts
}

#[derive(PartialEq, Eq, Hash)]
struct ClassKey {
    spec: u32,
    namespace: Name,
    labels: Labels,
    requests: Vec<(u16, i64)>,
    /// Pods with generic ephemeral volumes are each their own class: their claims are named after them.
    alone: Option<Name>,
}

struct Classes<'a> {
    snapshot: &'a Snapshot,
    scalar_names: Vec<Name>,
    /// Label keys that some selector or matchLabelKeys names; no other can tell two pods apart.
    selected_keys: BTreeSet<Name>,
    specs: Interner<&'a PodSpec>,
    spec_by_address: FxHashMap<*const PodSpec, u32>,
    labels_by_address: FxHashMap<Labels, Labels>,
    numbers: Interner<ClassKey>,
    classes: Vec<Class>,
    labels: Vec<Labels>,
    groups: Groups<'a>,
    sets: NodeSets<'a>,
    node_preferences: NodePreferences<'a>,
    claim_numbers: Interner<(Name, Name)>,
    single_pod_claims: usize,
}

impl<'a> Classes<'a> {
    fn new(snapshot: &'a Snapshot, scalar_names: Vec<Name>) -> Classes<'a> {
        Classes {
            snapshot,
            scalar_names,
            selected_keys: selected_keys(snapshot),
            specs: Interner::new(),
            spec_by_address: FxHashMap::default(),
            labels_by_address: FxHashMap::default(),
            numbers: Interner::new(),
            classes: Vec::new(),
            labels: Vec::new(),
            groups: Groups::new(snapshot),
            sets: NodeSets::new(&snapshot.nodes),
            node_preferences: NodePreferences::new(snapshot),
            claim_numbers: Interner::new(),
            single_pod_claims: 0,
        }
    }

    fn class_of(&mut self, pod: &'a Pod) -> u32 {
        let address = std::sync::Arc::as_ptr(&pod.spec);
        let spec = match self.spec_by_address.get(&address) {
            Some(number) => *number,
            None => {
                let number = self.specs.intern(&pod.spec).0;
                self.spec_by_address.insert(address, number);
                number
            }
        };
        let labels = match self.labels_by_address.get(&pod.labels) {
            Some(kept) => kept.clone(),
            None => {
                let kept = selected(&pod.labels, &self.selected_keys);
                self.labels_by_address.insert(pod.labels.clone(), kept.clone());
                kept
            }
        };
        let is_alone = pod.spec.volumes.iter().any(|volume| matches!(volume, Volume::Ephemeral { .. }));
        let requests = amounts(&pod.requests, &self.scalar_names);
        let key = ClassKey {
            spec,
            namespace: pod.namespace.clone(),
            labels: labels.clone(),
            requests: requests.clone(),
            alone: is_alone.then(|| pod.name.clone()),
        };
        let (number, is_new) = self.numbers.intern(key);
        if is_new {
            let class = self.compile(pod, &labels, requests);
            self.classes.push(class);
            self.labels.push(labels);
        }
        number
    }

    fn compile(&mut self, pod: &'a Pod, labels: &Labels, requests: Vec<(u16, i64)>) -> Class {
        let spec = &*pod.spec;
        let mut parts = self.sets.fixed(spec);
        if let Some(nodes) = volumes::nodes_for_claims(self.snapshot, pod) {
            parts.push(self.sets.add(nodes));
        }
        let (attaches, attach_error) = volumes::attaches_of(self.snapshot, pod);
        let mut single_pod_claims = Vec::new();
        for claim in volumes::single_pod_claims_of(self.snapshot, pod) {
            let (number, is_new) = self.claim_numbers.intern(claim);
            self.single_pod_claims += usize::from(is_new);
            single_pod_claims.push(number);
        }
        single_pod_claims.sort_unstable();
        single_pod_claims.dedup();
        let sets = &mut self.sets;
        let preferred = preferred(&mut self.node_preferences, &mut self.groups, sets, &pod.namespace, labels, spec);
        Class {
            namespace: pod.namespace.clone(),
            requests,
            preferred,
            eligible: self.sets.all_of(parts),
            ports: spec.host_ports.clone(),
            spread: self.groups.spread_of(&pod.namespace, labels, spec, &mut self.sets, DoNotSchedule),
            counted_in_spread: Vec::new(),
            affinity: self.groups.affinity_of(&pod.namespace, labels, spec),
            counted_in_affinity: Vec::new(),
            anti_affinity: self.groups.anti_affinity_of(&pod.namespace, spec),
            counted_in_anti_affinity: Vec::new(),
            repelled_by: Vec::new(),
            attaches,
            attach_error,
            disks: volumes::disks_of(pod),
            uses_single_pod_claims: single_pod_claims.clone(),
            single_pod_claims,
        }
    }
}

/// The labels that some selector may look at.
fn selected(labels: &Labels, keys: &BTreeSet<Name>) -> Labels {
    let kept = labels.iter().filter(|(key, _)| keys.contains(*key));
    Labels::new(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn selected_keys(snapshot: &Snapshot) -> BTreeSet<Name> {
    let mut keys = BTreeSet::new();
    let mut seen: rustc_hash::FxHashSet<*const PodSpec> = rustc_hash::FxHashSet::default();
    for pod in &snapshot.pods {
        if !seen.insert(std::sync::Arc::as_ptr(&pod.spec)) {
            continue;
        }
        let spec = &*pod.spec;
        let preferred = spec.preferred_pod_affinity.iter().chain(&spec.preferred_pod_anti_affinity);
        let terms = spec.pod_affinity.iter().chain(&spec.pod_anti_affinity).chain(preferred.map(|one| &one.term));
        let affinity = terms.filter_map(|term| term.selector.as_ref());
        let spread = spec.topology_spread.iter().filter_map(|constraint| constraint.selector.as_ref());
        for selector in affinity.chain(spread) {
            keys.extend(selector.requirements.iter().map(|requirement| requirement.key.clone()));
        }
        keys.extend(spec.topology_spread.iter().flat_map(|constraint| constraint.match_label_keys.iter().cloned()));
    }
    keys
}

fn attachments(snapshot: &Snapshot) -> Vec<NodeAttachments> {
    let mut by_node: Vec<NodeAttachments> = snapshot
        .nodes
        .iter()
        .map(|node| match snapshot.csi_nodes.get(&node.name) {
            None => NodeAttachments::default(),
            Some(csi_node) => NodeAttachments {
                has_csi_node: true,
                limits: csi_node
                    .drivers
                    .iter()
                    .filter_map(|(driver, limit)| Some((driver.clone(), (*limit)?)))
                    .collect(),
                attached: Vec::new(),
            },
        })
        .collect();
    for attachment in &snapshot.volume_attachments {
        let Ok(node) = snapshot.nodes.binary_search_by(|node| node.name.cmp(&attachment.node)) else { continue };
        let volume = attachment.volume.as_ref().and_then(|name| snapshot.volumes.get(name));
        if let Some(model::storage::VolumeSource::Csi { handle, .. }) = volume.map(|volume| &volume.source)
            && !attachment.attacher.is_empty()
        {
            by_node[node].attached.push((attachment.attacher.clone(), handle.clone()));
        }
    }
    for node in &mut by_node {
        node.attached.sort();
        node.attached.dedup();
    }
    by_node
}
