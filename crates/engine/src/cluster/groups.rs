//! The groups of pods that spread constraints, affinities and anti-affinities count, each shared by all classes that
//! ask for the same count.

use std::collections::BTreeMap;

use model::labels::{Requirement, SelectorOperator};
use model::placement::{InclusionPolicy, PodAffinityTerm, TopologySpreadConstraint, WhenUnsatisfiable};
use model::{LabelSelector, Labels, Name, Node, PodSpec, Snapshot};

use super::eligibility::{NodeSets, tolerates_cordon};
use super::{AffinityGroup, AntiAffinityTerm, Class, Interner, NO_DOMAIN, SpreadGroup, SpreadUse, Topology};

/// Collects topologies and groups while classes are compiled.
pub(crate) struct Groups<'a> {
    snapshot: &'a Snapshot,
    topology_numbers: Interner<Name>,
    pub topologies: Vec<Topology>,
    spread_numbers: Interner<SpreadKey>,
    spread_keys: Vec<(Name, LabelSelector)>,
    pub spread: Vec<SpreadGroup>,
    affinity_numbers: Interner<(Name, Vec<PodAffinityTerm>)>,
    affinity_keys: Vec<(Name, Vec<PodAffinityTerm>)>,
    pub affinity: Vec<AffinityGroup>,
    anti_affinity_numbers: Interner<(Name, PodAffinityTerm)>,
    anti_affinity_keys: Vec<(Name, PodAffinityTerm)>,
    anti_affinity_is_required: Vec<bool>,
    pub anti_affinity: Vec<AntiAffinityTerm>,
}

#[derive(PartialEq, Eq, Hash)]
struct SpreadKey {
    namespace: Name,
    selector: LabelSelector,
    topology: u32,
    nodes: u32,
    leaves_when_cordoned: bool,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Groups<'a> {
        Groups {
            snapshot,
            topology_numbers: Interner::new(),
            topologies: Vec::new(),
            spread_numbers: Interner::new(),
            spread_keys: Vec::new(),
            spread: Vec::new(),
            affinity_numbers: Interner::new(),
            affinity_keys: Vec::new(),
            affinity: Vec::new(),
            anti_affinity_numbers: Interner::new(),
            anti_affinity_keys: Vec::new(),
            anti_affinity_is_required: Vec::new(),
            anti_affinity: Vec::new(),
        }
    }

    /// The spread constraints of a pod that are filters, or those that are preferences.
    pub(crate) fn spread_of(
        &mut self,
        namespace: &Name,
        labels: &Labels,
        spec: &PodSpec,
        sets: &mut NodeSets<'a>,
        when: WhenUnsatisfiable,
    ) -> Vec<SpreadUse> {
        let of_kind: Vec<&TopologySpreadConstraint> =
            spec.topology_spread.iter().filter(|constraint| constraint.when_unsatisfiable == when).collect();
        // A node counts for none of the constraints unless it has the keys of all of them.
        let mut keys: Vec<Name> = of_kind.iter().map(|constraint| constraint.topology_key.clone()).collect();
        keys.sort();
        keys.dedup();
        of_kind
            .iter()
            .map(|constraint| {
                let mut parts = vec![sets.has_keys(keys.clone())];
                if constraint.node_affinity_policy == InclusionPolicy::Honor {
                    parts.extend(sets.affinity(spec));
                }
                let honors_taints = constraint.node_taints_policy == InclusionPolicy::Honor;
                if honors_taints {
                    parts.push(sets.taints_tolerated(&spec.tolerations));
                }
                let selector = effective_selector(constraint, labels);
                let selects_itself = selector.as_ref().is_some_and(|selector| selector.matches(labels));
                let key = SpreadKey {
                    namespace: namespace.clone(),
                    // An absent selector selects nothing, and so does the count of an empty one: both count no pod.
                    selector: selector.unwrap_or_default(),
                    topology: self.topology(&constraint.topology_key),
                    nodes: sets.all_of(parts),
                    leaves_when_cordoned: honors_taints && !tolerates_cordon(&spec.tolerations),
                };
                let group = SpreadGroup {
                    topology: key.topology,
                    nodes: key.nodes,
                    leaves_when_cordoned: key.leaves_when_cordoned,
                    is_required: false,
                };
                let (namespace, selector) = (key.namespace.clone(), key.selector.clone());
                let (number, is_new) = self.spread_numbers.intern(key);
                if is_new {
                    self.spread.push(group);
                    self.spread_keys.push((namespace, selector));
                }
                self.spread[number as usize].is_required |= when == WhenUnsatisfiable::DoNotSchedule;
                SpreadUse {
                    group: number,
                    max_skew: i64::from(constraint.max_skew),
                    min_domains: i64::from(constraint.min_domains.unwrap_or(1)),
                    selects_itself,
                }
            })
            .collect()
    }

    /// The group of a pod's required affinity, and whether it selects the pod itself.
    pub(crate) fn affinity_of(&mut self, namespace: &Name, labels: &Labels, spec: &PodSpec) -> Option<(u32, bool)> {
        if spec.pod_affinity.is_empty() {
            return None;
        }
        let topologies = spec.pod_affinity.iter().map(|term| self.topology(&term.topology_key)).collect();
        let key = (namespace.clone(), spec.pod_affinity.clone());
        let selects_itself = spec
            .pod_affinity
            .iter()
            .all(|term| term_selects_existing(self.snapshot, term, namespace, namespace, labels));
        let (number, is_new) = self.affinity_numbers.intern(key.clone());
        if is_new {
            self.affinity.push(AffinityGroup { topologies });
            self.affinity_keys.push(key);
        }
        Some((number, selects_itself))
    }

    /// The numbers of a pod's required anti-affinity terms.
    pub(crate) fn anti_affinity_of(&mut self, namespace: &Name, spec: &PodSpec) -> Vec<u32> {
        spec.pod_anti_affinity
            .iter()
            .map(|term| {
                let number = self.preferred_term(namespace, term);
                self.anti_affinity_is_required[number as usize] = true;
                number
            })
            .collect()
    }

    /// The number of a term that keeps nobody away unless it is required of somebody else.
    pub(crate) fn preferred_term(&mut self, namespace: &Name, term: &PodAffinityTerm) -> u32 {
        let topology = self.topology(&term.topology_key);
        let (number, is_new) = self.anti_affinity_numbers.intern((namespace.clone(), term.clone()));
        if is_new {
            self.anti_affinity.push(AntiAffinityTerm { topology });
            self.anti_affinity_keys.push((namespace.clone(), term.clone()));
            self.anti_affinity_is_required.push(false);
        }
        number
    }

    /// Tells every class which groups count it. `labels` are those of the class.
    pub(crate) fn count_classes(&self, classes: &mut [Class], labels: &[Labels]) {
        let mut by_namespace: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (number, class) in classes.iter().enumerate() {
            by_namespace.entry(class.namespace.clone()).or_default().push(number);
        }
        for (group, (namespace, selector)) in self.spread_keys.iter().enumerate() {
            if selector.is_empty() {
                continue;
            }
            for &class in by_namespace.get(namespace).into_iter().flatten() {
                if selector.matches(&labels[class]) {
                    classes[class].counted_in_spread.push(group as u32);
                }
            }
        }
        for (group, (own, terms)) in self.affinity_keys.iter().enumerate() {
            for class in self.classes_in(&by_namespace, own, &terms[0]) {
                let namespace = classes[class].namespace.clone();
                let is_counted = terms
                    .iter()
                    .all(|term| term_selects_existing(self.snapshot, term, own, &namespace, &labels[class]));
                if is_counted {
                    classes[class].counted_in_affinity.push(group as u32);
                }
            }
        }
        for (number, (own, term)) in self.anti_affinity_keys.iter().enumerate() {
            for class in self.classes_in(&by_namespace, own, term) {
                let namespace = classes[class].namespace.clone();
                if term_selects_existing(self.snapshot, term, own, &namespace, &labels[class]) {
                    classes[class].counted_in_anti_affinity.push(number as u32);
                }
                let is_required = self.anti_affinity_is_required[number];
                if is_required && term_selects_incoming(self.snapshot, term, own, &namespace, &labels[class]) {
                    classes[class].repelled_by.push(number as u32);
                }
            }
        }
    }

    /// Classes in namespaces that the term could select.
    fn classes_in(&self, by_namespace: &BTreeMap<Name, Vec<usize>>, own: &Name, term: &PodAffinityTerm) -> Vec<usize> {
        if term.namespace_selector.is_some() {
            return by_namespace.values().flatten().copied().collect();
        }
        let names = if term.namespaces.is_empty() { std::slice::from_ref(own) } else { &term.namespaces };
        let mut classes: Vec<usize> =
            names.iter().filter_map(|name| by_namespace.get(name)).flatten().copied().collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    fn topology(&mut self, key: &Name) -> u32 {
        let (number, is_new) = self.topology_numbers.intern(key.clone());
        if is_new {
            self.topologies.push(topology(key, &self.snapshot.nodes));
        }
        number
    }
}

/// A pending pod's term against a pod that is there. The scheduler lists the namespaces that the selector matches, and
/// then asks the selector again about a namespace without labels (interpodaffinity, mergeAffinityTermNamespacesIfNotEmpty
/// changes a copy): one that an absent label meets, such as NotIn, selects every namespace.
pub(crate) fn term_selects_existing(
    snapshot: &Snapshot,
    term: &PodAffinityTerm,
    own: &Name,
    namespace: &Name,
    labels: &Labels,
) -> bool {
    let namespace_labels = snapshot.namespaces.get(namespace);
    term.selects(own, namespace, &Labels::default(), labels)
        || namespace_labels.is_some_and(|namespace_labels| term.selects(own, namespace, namespace_labels, labels))
}

/// The term of a pod that is there against a pending pod, whose namespace counts as without labels where it is missing.
pub(crate) fn term_selects_incoming(
    snapshot: &Snapshot,
    term: &PodAffinityTerm,
    own: &Name,
    namespace: &Name,
    labels: &Labels,
) -> bool {
    let none = Labels::default();
    term.selects(own, namespace, snapshot.namespaces.get(namespace).unwrap_or(&none), labels)
}

/// The constraint's selector with the values of matchLabelKeys added; absent stays absent.
pub(crate) fn effective_selector(constraint: &TopologySpreadConstraint, labels: &Labels) -> Option<LabelSelector> {
    let mut selector = constraint.selector.clone()?;
    for key in &constraint.match_label_keys {
        if let Some(value) = labels.get(key) {
            let operator = SelectorOperator::In;
            selector.requirements.push(Requirement { key: key.clone(), operator, values: vec![value.clone()] });
        }
    }
    Some(selector)
}

pub(crate) fn topology(key: &Name, nodes: &[Node]) -> Topology {
    let mut numbers = Interner::new();
    let mut values = Vec::new();
    let domain_of = nodes
        .iter()
        .map(|node| match node.labels.get(key) {
            None => NO_DOMAIN,
            Some(value) => {
                let (number, is_new) = numbers.intern(value.clone());
                if is_new {
                    values.push(value.clone());
                }
                number
            }
        })
        .collect();
    Topology { key: key.clone(), domain_of, domains: values.len() as u32, values }
}
