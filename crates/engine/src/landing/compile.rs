//! Sorts pods into kinds, and works out which groups and terms count which.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::placement::{InclusionPolicy, NodeSelectorTerm, PodAffinityTerm, Weighted, WhenUnsatisfiable};
use model::{LabelSelector, Labels, Name, Pod, PodSpec, Snapshot};
use rustc_hash::{FxHashMap, FxHashSet};

use super::kind::{Kind, Kinds, SpreadGroup, SpreadUse, Topology};
use crate::cluster::{
    Cluster, Interner, NodeSet, NodeSets, effective_selector, term_selects_existing, term_selects_incoming,
    tolerates_cordon, topology,
};

const HOSTNAME: &str = "kubernetes.io/hostname";
/// The scheduler's own soft constraints, for pods that have none, with their maxSkew (`podtopologyspread/plugin.go`).
const DEFAULT_SPREAD: [(&str, i32); 2] = [(HOSTNAME, 3), ("topology.kubernetes.io/zone", 5)];
/// The scheduler's hardPodAffinityWeight: what a required affinity of a pod that is there counts for.
const REQUIRED_AFFINITY: i64 = 1;

/// `cordoned` nodes are no part of what a constraint counts that honours taints.
pub(super) fn compile(cluster: &Cluster<'_>, cordoned: &NodeSet) -> Kinds {
    let mut kinds = Compiling::new(cluster.snapshot, cordoned);
    let mut kind_of = Vec::with_capacity(cluster.pods.len());
    for (pod, compiled) in cluster.snapshot.pods.iter().zip(&cluster.pods) {
        kind_of.push(kinds.kind_of(pod, compiled.class));
    }
    kinds.count_kinds();
    let Compiling { kinds, preferred_nodes, spread, terms, topologies, .. } = kinds;
    Kinds { kind_of, kinds, preferred_nodes, spread, terms, topologies }
}

/// Whose pods a spread group counts.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Counted {
    /// Those that the selector selects in the namespace; none where it is empty or absent.
    Selected(Name, LabelSelector),
    /// Those of a controller. Its selector selects just these, and a service's selects no fewer of them.
    Of(u32),
}

#[derive(PartialEq, Eq, Hash)]
struct GroupKey {
    counted: Counted,
    topology: u32,
    by_node: bool,
    nodes: u32,
    leaves_when_cordoned: bool,
}

/// What tells two kinds apart, beside the filters: labels that some selector asks for, and the controller.
#[derive(PartialEq, Eq, Hash)]
struct KindKey {
    class: u32,
    labels: Labels,
    controller: Option<u32>,
}

struct Compiling<'a> {
    snapshot: &'a Snapshot,
    cordoned: &'a NodeSet,
    sets: NodeSets<'a>,
    selected_keys: FxHashSet<Name>,
    labels_kept: FxHashMap<Labels, Labels>,
    controller_numbers: Interner<(Name, Name, Name)>,
    kind_numbers: Interner<KindKey>,
    /// By kind: its namespace, labels and controller.
    described: Vec<(Name, Labels, Option<u32>)>,
    kinds: Vec<Kind>,
    preferred_numbers: Interner<Vec<Weighted<NodeSelectorTerm>>>,
    preferred_nodes: Vec<Vec<i64>>,
    topology_numbers: Interner<Name>,
    topologies: Vec<Topology>,
    group_numbers: Interner<GroupKey>,
    counted: Vec<Counted>,
    spread: Vec<SpreadGroup>,
    term_numbers: Interner<(Name, PodAffinityTerm)>,
    term_keys: Vec<(Name, PodAffinityTerm)>,
    terms: Vec<u32>,
}

impl<'a> Compiling<'a> {
    fn new(snapshot: &'a Snapshot, cordoned: &'a NodeSet) -> Compiling<'a> {
        Compiling {
            snapshot,
            cordoned,
            sets: NodeSets::new(&snapshot.nodes),
            selected_keys: selected_keys(snapshot),
            labels_kept: FxHashMap::default(),
            controller_numbers: Interner::new(),
            kind_numbers: Interner::new(),
            described: Vec::new(),
            kinds: Vec::new(),
            preferred_numbers: Interner::new(),
            preferred_nodes: Vec::new(),
            topology_numbers: Interner::new(),
            topologies: Vec::new(),
            group_numbers: Interner::new(),
            counted: Vec::new(),
            spread: Vec::new(),
            term_numbers: Interner::new(),
            term_keys: Vec::new(),
            terms: Vec::new(),
        }
    }

    fn kind_of(&mut self, pod: &Pod, class: u32) -> u32 {
        let labels = self.kept(&pod.labels);
        let controller = spreading_controller(pod).map(|key| self.controller_numbers.intern(key).0);
        let key = KindKey { class, labels: labels.clone(), controller };
        let (number, is_new) = self.kind_numbers.intern(key);
        if is_new {
            let kind = self.compile(pod, &labels, controller);
            self.kinds.push(kind);
            self.described.push((pod.namespace.clone(), labels, controller));
        }
        number
    }

    /// The labels that some selector asks for.
    fn kept(&mut self, labels: &Labels) -> Labels {
        if let Some(kept) = self.labels_kept.get(labels) {
            return kept.clone();
        }
        let asked_for = labels.iter().filter(|(key, _)| self.selected_keys.contains(*key));
        let kept = Labels::new(asked_for.map(|(key, value)| (key.clone(), value.clone())).collect());
        self.labels_kept.insert(labels.clone(), kept.clone());
        kept
    }

    fn compile(&mut self, pod: &Pod, labels: &Labels, controller: Option<u32>) -> Kind {
        let (namespace, spec) = (&pod.namespace, &*pod.spec);
        let mut prefers = Vec::new();
        for (terms, sign) in [(&spec.preferred_pod_affinity, 1), (&spec.preferred_pod_anti_affinity, -1)] {
            for preferred in terms {
                prefers.push((self.term(namespace, &preferred.term), sign * i64::from(preferred.weight)));
            }
        }
        let mut holds = prefers.clone();
        for term in &spec.pod_affinity {
            holds.push((self.term(namespace, term), REQUIRED_AFFINITY));
        }
        let spread = match controller {
            _ if !spec.topology_spread.is_empty() => self.own_spread(namespace, labels, spec),
            Some(controller) => self.default_spread(controller, spec),
            None => Vec::new(),
        };
        Kind {
            preferred_nodes: self.preferred_nodes(&spec.preferred_node_affinity),
            spread,
            needs_all_keys: !spec.topology_spread.is_empty(),
            services_may_spread: spec.topology_spread.is_empty() && controller.is_none(),
            prefers,
            holds,
            ..Kind::default()
        }
    }

    fn preferred_nodes(&mut self, preferred: &[Weighted<NodeSelectorTerm>]) -> Option<u32> {
        if preferred.is_empty() {
            return None;
        }
        let (number, is_new) = self.preferred_numbers.intern(preferred.to_vec());
        if is_new {
            let weights = self.snapshot.nodes.iter().map(|node| {
                let met = preferred.iter().filter(|one| one.term.matches(&node.name, &node.labels));
                met.map(|one| i64::from(one.weight)).sum()
            });
            self.preferred_nodes.push(weights.collect());
        }
        Some(number)
    }

    fn own_spread(&mut self, namespace: &Name, labels: &Labels, spec: &PodSpec) -> Vec<SpreadUse> {
        let is_soft = |when: WhenUnsatisfiable| when == WhenUnsatisfiable::ScheduleAnyway;
        let soft: Vec<_> = spec.topology_spread.iter().filter(|one| is_soft(one.when_unsatisfiable)).collect();
        // A node counts for none of the constraints unless it has the keys of all of them.
        let mut keys: Vec<Name> = soft.iter().map(|constraint| constraint.topology_key.clone()).collect();
        keys.sort();
        keys.dedup();
        let mut uses = Vec::new();
        for constraint in soft {
            let mut parts = vec![self.sets.has_keys(keys.clone())];
            if constraint.node_affinity_policy == InclusionPolicy::Honor {
                parts.extend(self.sets.affinity(spec));
            }
            let honors_taints = constraint.node_taints_policy == InclusionPolicy::Honor;
            if honors_taints {
                parts.push(self.sets.taints_tolerated(&spec.tolerations));
            }
            let selector = effective_selector(constraint, labels).unwrap_or_default();
            let counted = Counted::Selected(namespace.clone(), selector);
            let leaves_when_cordoned = honors_taints && !tolerates_cordon(&spec.tolerations);
            let group = self.group(counted, &constraint.topology_key, parts, leaves_when_cordoned);
            uses.push(SpreadUse { group, max_skew: constraint.max_skew });
        }
        uses
    }

    fn default_spread(&mut self, controller: u32, spec: &PodSpec) -> Vec<SpreadUse> {
        let uses = DEFAULT_SPREAD.map(|(key, max_skew)| {
            let parts = self.sets.affinity(spec);
            SpreadUse { group: self.group(Counted::Of(controller), &key.into(), parts, false), max_skew }
        });
        uses.into()
    }

    fn group(&mut self, counted: Counted, key: &Name, parts: Vec<u32>, leaves_when_cordoned: bool) -> u32 {
        let by_node = &**key == HOSTNAME;
        let topology = self.topology(key);
        // Counted node by node, no node is left out.
        let nodes = self.sets.all_of(if by_node { Vec::new() } else { parts });
        let leaves_when_cordoned = leaves_when_cordoned && !by_node;
        let key = GroupKey { counted: counted.clone(), topology, by_node, nodes, leaves_when_cordoned };
        let (number, is_new) = self.group_numbers.intern(key);
        if is_new {
            let mut nodes = self.sets.sets[nodes as usize].clone();
            if leaves_when_cordoned && !self.cordoned.is_empty() {
                let mut left = (*nodes).clone();
                left.retain(|node| !self.cordoned.contains(node));
                nodes = Arc::new(left);
            }
            self.spread.push(SpreadGroup { topology, by_node, nodes });
            self.counted.push(counted);
        }
        number
    }

    fn term(&mut self, namespace: &Name, term: &PodAffinityTerm) -> u32 {
        let topology = self.topology(&term.topology_key);
        let (number, is_new) = self.term_numbers.intern((namespace.clone(), term.clone()));
        if is_new {
            self.terms.push(topology);
            self.term_keys.push((namespace.clone(), term.clone()));
        }
        number
    }

    fn topology(&mut self, key: &Name) -> u32 {
        let (number, is_new) = self.topology_numbers.intern(key.clone());
        if is_new {
            let found = topology(key, &self.snapshot.nodes);
            let empty = found.values.iter().position(|value| value.is_empty()).map_or(found.domains, |at| at as u32);
            self.topologies.push(Topology { domain_of: found.domain_of, empty });
        }
        number
    }

    /// Tells every kind which groups and terms count it.
    fn count_kinds(&mut self) {
        let mut by_namespace: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        let mut by_controller: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        for (kind, (namespace, _, controller)) in self.described.iter().enumerate() {
            by_namespace.entry(namespace.clone()).or_default().push(kind);
            if let Some(controller) = controller {
                by_controller.entry(*controller).or_default().push(kind);
            }
        }
        for (group, counted) in self.counted.iter().enumerate() {
            match counted {
                Counted::Of(controller) => {
                    for kind in by_controller.get(controller).into_iter().flatten() {
                        self.kinds[*kind].counted_in_spread.push(group as u32);
                    }
                }
                Counted::Selected(_, selector) if selector.is_empty() => {}
                Counted::Selected(namespace, selector) => {
                    for kind in by_namespace.get(namespace).into_iter().flatten() {
                        if selector.matches(&self.described[*kind].1) {
                            self.kinds[*kind].counted_in_spread.push(group as u32);
                        }
                    }
                }
            }
        }
        for (number, (own, term)) in self.term_keys.iter().enumerate() {
            let every = by_namespace.values();
            let names = if term.namespaces.is_empty() { std::slice::from_ref(own) } else { &term.namespaces };
            let kinds: Vec<usize> = match &term.namespace_selector {
                Some(_) => every.flatten().copied().collect(),
                None => names.iter().filter_map(|name| by_namespace.get(name)).flatten().copied().collect(),
            };
            for kind in kinds {
                let (namespace, labels, _) = &self.described[kind];
                let kind = &mut self.kinds[kind];
                // A namespace may be named twice.
                let is_new = |list: &[u32]| list.last() != Some(&(number as u32));
                if is_new(&kind.counted_in_terms) && term_selects_existing(self.snapshot, term, own, namespace, labels)
                {
                    kind.counted_in_terms.push(number as u32);
                }
                if is_new(&kind.wanted_by) && term_selects_incoming(self.snapshot, term, own, namespace, labels) {
                    kind.wanted_by.push(number as u32);
                }
            }
        }
    }
}

/// The controller whose selector the scheduler's default spread counts by, where the pod has one of those kinds.
fn spreading_controller(pod: &Pod) -> Option<(Name, Name, Name)> {
    let owner = pod.controller.as_ref()?;
    let kinds = [("v1", "ReplicationController"), ("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet")];
    let is_one = kinds.contains(&(&*owner.api_version, &*owner.kind));
    is_one.then(|| (pod.namespace.clone(), owner.kind.clone(), owner.name.clone()))
}

fn selected_keys(snapshot: &Snapshot) -> FxHashSet<Name> {
    let mut keys = FxHashSet::default();
    let mut seen: FxHashSet<*const PodSpec> = FxHashSet::default();
    for pod in &snapshot.pods {
        if !seen.insert(Arc::as_ptr(&pod.spec)) {
            continue;
        }
        let spec = &*pod.spec;
        let preferred = spec.preferred_pod_affinity.iter().chain(&spec.preferred_pod_anti_affinity);
        let terms = spec.pod_affinity.iter().chain(preferred.map(|preferred| &preferred.term));
        let spread = spec.topology_spread.iter().filter_map(|constraint| constraint.selector.as_ref());
        for selector in terms.filter_map(|term| term.selector.as_ref()).chain(spread) {
            keys.extend(selector.requirements.iter().map(|requirement| requirement.key.clone()));
        }
        keys.extend(spec.topology_spread.iter().flat_map(|constraint| constraint.match_label_keys.iter().cloned()));
    }
    keys
}
