//! Labels and the selectors over them.

use std::sync::Arc;

use crate::Name;

/// Labels of one object, sorted by key, shared between objects of one template.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Name, Name)]>);

impl Labels {
    /// From pairs in any order; of two equal keys the last wins, as in JSON.
    pub fn new(mut pairs: Vec<(Name, Name)>) -> Labels {
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        Labels(pairs.into())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Name> {
        self.0.binary_search_by(|(have, _)| (**have).cmp(key)).ok().map(|at| &self.0[at].1)
    }

    /// All pairs in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Name)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A Kubernetes label selector: all requirements must hold, and none at all selects everything.
/// A selector that is absent selects nothing: hold it as `Option`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSelector {
    /// matchLabels and matchExpressions alike, sorted.
    pub requirements: Vec<Requirement>,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: Name,
    /// How its value is compared.
    pub operator: SelectorOperator,
    /// With what; empty for Exists and DoesNotExist, one number for Gt and Lt.
    pub values: Vec<Name>,
}

/// The operators of label and node selectors; Gt and Lt are for nodes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SelectorOperator {
    /// The value is among those given.
    In,
    /// The key is absent or its value not among those given.
    NotIn,
    /// The key is there.
    Exists,
    /// The key is absent.
    DoesNotExist,
    /// The value is a whole number above the one given.
    Gt,
    /// The value is a whole number below the one given.
    Lt,
}

impl LabelSelector {
    /// Do these labels meet every requirement?
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels.get(&requirement.key)))
    }

    /// Does it select everything?
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl Requirement {
    /// Does the value under this requirement's key meet it?
    pub fn matches(&self, value: Option<&Name>) -> bool {
        match self.operator {
            SelectorOperator::In => value.is_some_and(|value| self.values.contains(value)),
            SelectorOperator::NotIn => value.is_none_or(|value| !self.values.contains(value)),
            SelectorOperator::Exists => value.is_some(),
            SelectorOperator::DoesNotExist => value.is_none(),
            SelectorOperator::Gt => self.compare(value).is_some_and(|(have, bound)| have > bound),
            SelectorOperator::Lt => self.compare(value).is_some_and(|(have, bound)| have < bound),
        }
    }

    fn compare(&self, value: Option<&Name>) -> Option<(i64, i64)> {
        match self.values.as_slice() {
            [bound] => Some((value?.parse().ok()?, bound.parse().ok()?)),
            _ => None,
        }
    }
}
