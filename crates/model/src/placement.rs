//! Where a pod may run: the constraints of its spec, as Kubernetes defines them.

use crate::labels::{LabelSelector, Requirement};
use crate::node::TaintEffect;
use crate::{Labels, Name};

/// One term of a required node affinity: all its requirements must hold; a term without any matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeSelectorTerm {
    /// Conditions on labels.
    pub match_expressions: Vec<Requirement>,
    /// Conditions on `metadata.name`, In or NotIn.
    pub match_fields: Vec<Requirement>,
}

impl NodeSelectorTerm {
    /// Does a node of this name and these labels meet the term?
    pub fn matches(&self, node_name: &Name, labels: &Labels) -> bool {
        !(self.match_expressions.is_empty() && self.match_fields.is_empty())
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels.get(&requirement.key)))
            && self
                .match_fields
                .iter()
                .all(|requirement| &*requirement.key == "metadata.name" && requirement.matches(Some(node_name)))
    }
}

/// A required node affinity as pods and volumes have it: any one term is enough, no term matches nothing.
pub fn any_term_matches(terms: &[NodeSelectorTerm], node_name: &Name, labels: &Labels) -> bool {
    terms.iter().any(|term| term.matches(node_name, labels))
}

/// What a pod tolerates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Toleration {
    /// The taint's key; empty with Exists tolerates every key.
    pub key: Name,
    /// Equal or Exists; others (Gt, Lt) are kept as Unsupported and tolerate nothing at default feature gates.
    pub operator: TolerationOperator,
    /// The taint's value, for Equal.
    pub value: Name,
    /// Only taints of this effect; all of them where absent.
    pub effect: Option<TaintEffect>,
}

/// How a toleration compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TolerationOperator {
    /// Key and value are equal.
    Equal,
    /// The key is there.
    Exists,
    /// An operator behind a feature gate that is off by default: never tolerates.
    Unsupported,
}

impl Toleration {
    /// Does it tolerate a taint of this key, value and effect?
    pub fn tolerates(&self, key: &str, value: &str, effect: TaintEffect) -> bool {
        self.effect.is_none_or(|own| own == effect)
            && (self.key.is_empty() || &*self.key == key)
            && match self.operator {
                TolerationOperator::Exists => true,
                TolerationOperator::Equal => &*self.value == value,
                TolerationOperator::Unsupported => false,
            }
    }
}

/// One topology spread constraint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopologySpreadConstraint {
    /// The largest difference allowed between a domain and the emptiest one.
    pub max_skew: i32,
    /// The node label whose values are the domains.
    pub topology_key: Name,
    /// DoNotSchedule is a filter, ScheduleAnyway a preference.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// Which pods count; absent counts none.
    pub selector: Option<LabelSelector>,
    /// Fewer domains than this make the global minimum 0.
    pub min_domains: Option<i32>,
    /// Are nodes that the pod's node selector and affinity exclude left out? (default: Honor)
    pub node_affinity_policy: InclusionPolicy,
    /// Are nodes with taints that the pod does not tolerate left out? (default: Ignore)
    pub node_taints_policy: InclusionPolicy,
    /// Pod labels whose own values are added to the selector.
    pub match_label_keys: Vec<Name>,
}

/// What happens where a spread constraint cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WhenUnsatisfiable {
    /// The node is filtered out.
    DoNotSchedule,
    /// The node only scores lower.
    ScheduleAnyway,
}

/// Whether a spread constraint honours a node's other exclusions when it counts domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InclusionPolicy {
    /// Excluded nodes are no domains.
    Honor,
    /// All nodes count.
    Ignore,
}

/// One required term of pod affinity or anti-affinity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodAffinityTerm {
    /// Which pods; absent selects none.
    pub selector: Option<LabelSelector>,
    /// Namespaces by name; with neither these nor a namespace selector, the pod's own.
    pub namespaces: Vec<Name>,
    /// Namespaces by their labels; empty selects all, absent none.
    pub namespace_selector: Option<LabelSelector>,
    /// The node label whose value makes two nodes one place.
    pub topology_key: Name,
}

impl PodAffinityTerm {
    /// Does the term of a pod in `own_namespace` select a pod in `namespace` with these labels?
    /// `namespace_labels` are those of `namespace`.
    pub fn selects(&self, own_namespace: &str, namespace: &str, namespace_labels: &Labels, labels: &Labels) -> bool {
        let by_default = self.namespaces.is_empty() && self.namespace_selector.is_none();
        let namespace_selected = (by_default && own_namespace == namespace)
            || self.namespaces.iter().any(|name| &**name == namespace)
            || self.namespace_selector.as_ref().is_some_and(|selector| selector.matches(namespace_labels));
        namespace_selected && self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}

/// A preferred term with its weight: a preference, never a filter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weighted<T> {
    /// 1 to 100.
    pub weight: i32,
    /// The term.
    pub term: T,
}
