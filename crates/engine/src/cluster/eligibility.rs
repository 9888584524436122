//! Filters whose answer no placement changes: NodeUnschedulable, NodeName's matchFields, TaintToleration,
//! NodeAffinity, NodeDeclaredFeatures, and what volumes fix (see `volumes`).

use std::sync::Arc;

use model::node::UNSCHEDULABLE_TAINT;
use model::placement::{NodeSelectorTerm, Toleration, any_term_matches};
use model::{Labels, Name, Node, PodSpec, SelectorOperator, TaintEffect};
use rustc_hash::FxHashMap;

use super::{Interner, NodeSet};

/// Sets of nodes, each worked out once.
pub(crate) struct NodeSets<'a> {
    nodes: &'a [Node],
    pub sets: Vec<Arc<NodeSet>>,
    by_rule: FxHashMap<Rule, u32>,
    by_parts: FxHashMap<Vec<u32>, u32>,
    by_bits: Interner<Arc<NodeSet>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Rule {
    Selector(Labels),
    Affinity(Vec<NodeSelectorTerm>),
    /// Taints and the cordon.
    Tolerated(Vec<Toleration>),
    /// Taints alone, as nodeTaintsPolicy Honor counts.
    TaintsTolerated(Vec<Toleration>),
    Features(Vec<Name>),
    HasKeys(Vec<Name>),
}

impl<'a> NodeSets<'a> {
    pub(crate) fn new(nodes: &'a [Node]) -> NodeSets<'a> {
        NodeSets {
            nodes,
            sets: Vec::new(),
            by_rule: FxHashMap::default(),
            by_parts: FxHashMap::default(),
            by_bits: Interner::new(),
        }
    }

    /// Node selector and required affinity together, as `GetRequiredNodeAffinity` matches.
    pub(crate) fn affinity(&mut self, spec: &PodSpec) -> Vec<u32> {
        let mut parts = Vec::new();
        if !spec.node_selector.is_empty() {
            parts.push(self.rule(Rule::Selector(spec.node_selector.clone())));
        }
        if let Some(terms) = &spec.node_affinity {
            parts.push(self.rule(Rule::Affinity(terms.clone())));
        }
        parts
    }

    /// Everything in the spec that fixes a node's eligibility, volumes apart.
    pub(crate) fn fixed(&mut self, spec: &PodSpec) -> Vec<u32> {
        let mut parts = self.affinity(spec);
        parts.push(self.rule(Rule::Tolerated(spec.tolerations.clone())));
        if !spec.required_features.is_empty() {
            parts.push(self.rule(Rule::Features(spec.required_features.clone())));
        }
        parts
    }

    pub(crate) fn taints_tolerated(&mut self, tolerations: &[Toleration]) -> u32 {
        self.rule(Rule::TaintsTolerated(tolerations.to_vec()))
    }

    pub(crate) fn has_keys(&mut self, keys: Vec<Name>) -> u32 {
        self.rule(Rule::HasKeys(keys))
    }

    /// A set given as bits.
    pub(crate) fn add(&mut self, set: NodeSet) -> u32 {
        let set = Arc::new(set);
        let (number, is_new) = self.by_bits.intern(set.clone());
        // Numbers of `by_bits` are numbers of `sets`: every set passes through here.
        if is_new {
            self.sets.push(set);
        }
        number
    }

    /// The nodes that are in all of the sets; with none of them, all nodes.
    pub(crate) fn all_of(&mut self, mut parts: Vec<u32>) -> u32 {
        parts.sort_unstable();
        parts.dedup();
        if let Some(number) = self.by_parts.get(&parts) {
            return *number;
        }
        let mut set = NodeSet::of(self.nodes.len(), |_| true);
        for part in &parts {
            set.intersect(&self.sets[*part as usize]);
        }
        let number = self.add(set);
        self.by_parts.insert(parts, number);
        number
    }

    fn rule(&mut self, rule: Rule) -> u32 {
        if let Some(number) = self.by_rule.get(&rule) {
            return *number;
        }
        let nodes = self.nodes;
        let set = match rule.names() {
            // The pods of DaemonSets each name their node: there is no need to ask all others.
            Some(names) => {
                let mut set = NodeSet::none(nodes.len());
                for name in names {
                    if let Ok(at) = nodes.binary_search_by(|node| node.name.cmp(name))
                        && rule.holds(&nodes[at])
                    {
                        set.insert(at);
                    }
                }
                set
            }
            None => NodeSet::of(nodes.len(), |at| rule.holds(&nodes[at])),
        };
        let number = self.add(set);
        self.by_rule.insert(rule, number);
        number
    }
}

impl Rule {
    /// The only nodes for which the rule can hold, where it names them.
    fn names(&self) -> Option<Vec<&Name>> {
        let Rule::Affinity(terms) = self else { return None };
        let names_some =
            |term: &NodeSelectorTerm| term.match_fields.iter().any(|field| field.operator == SelectorOperator::In);
        if !terms.iter().all(names_some) {
            return None;
        }
        let fields = terms.iter().flat_map(|term| &term.match_fields);
        Some(fields.filter(|field| field.operator == SelectorOperator::In).flat_map(|field| &field.values).collect())
    }

    fn holds(&self, node: &Node) -> bool {
        match self {
            Rule::Selector(labels) => labels.iter().all(|(key, value)| node.labels.get(key) == Some(value)),
            Rule::Affinity(terms) => any_term_matches(terms, &node.name, &node.labels),
            Rule::Tolerated(tolerations) => {
                (!node.unschedulable || tolerates_cordon(tolerations)) && taints_tolerated(tolerations, node)
            }
            Rule::TaintsTolerated(tolerations) => taints_tolerated(tolerations, node),
            Rule::Features(features) => features.iter().all(|feature| node.declared_features.contains(feature)),
            Rule::HasKeys(keys) => keys.iter().all(|key| node.labels.get(key).is_some()),
        }
    }
}

/// Would a pod with these tolerations be placed on a cordoned node?
pub(crate) fn tolerates_cordon(tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| toleration.tolerates(UNSCHEDULABLE_TAINT, "", TaintEffect::NoSchedule))
}

fn taints_tolerated(tolerations: &[Toleration], node: &Node) -> bool {
    node.taints
        .iter()
        .filter(|taint| taint.effect != TaintEffect::PreferNoSchedule)
        .all(|taint| tolerations.iter().any(|toleration| toleration.tolerates(&taint.key, &taint.value, taint.effect)))
}
