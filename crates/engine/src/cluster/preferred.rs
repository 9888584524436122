//! What pods would rather have: soft taints, preferred affinity, soft spread. Never a filter; the search prices it.

use model::placement::{NodeSelectorTerm, Toleration, Weighted, WhenUnsatisfiable};
use model::{Labels, Name, PodSpec, Snapshot, TaintEffect};

use super::eligibility::NodeSets;
use super::groups::Groups;
use super::{Interner, SpreadUse};
use crate::landing::untolerated;

/// What a soft taint and a soft spread constraint weigh: as much as the weightiest affinity, for they have no weight of
/// their own.
pub(crate) const FULL_WEIGHT: i64 = 100;

/// The preferences of a class.
#[derive(Clone, Debug)]
pub struct Preferred {
    /// An index in `Cluster::node_preferences`.
    pub nodes: Option<u32>,
    /// Some node meets all that is preferred of nodes.
    pub some_node_suits: bool,
    /// Soft spread constraints.
    pub spread: Vec<SpreadUse>,
    /// Preferred affinity to pods and against them: a term, its weight, and which of the two.
    pub pods: Vec<(u32, i64, Wants)>,
}

/// Which way a preference goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Affinity.
    Near,
    /// Anti-affinity.
    Away,
}

/// Collects what nodes are worth to pods while classes are compiled.
pub(super) struct NodePreferences<'a> {
    snapshot: &'a Snapshot,
    some_taint_is_soft: bool,
    numbers: Interner<(Vec<Weighted<NodeSelectorTerm>>, Vec<Toleration>)>,
    pub by_node: Vec<Vec<i64>>,
}

impl<'a> NodePreferences<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> NodePreferences<'a> {
        let mut taints = snapshot.nodes.iter().flat_map(|node| &node.taints);
        let some_taint_is_soft = taints.any(|taint| taint.effect == TaintEffect::PreferNoSchedule);
        NodePreferences { snapshot, some_taint_is_soft, numbers: Interner::new(), by_node: Vec::new() }
    }

    fn of(&mut self, spec: &PodSpec) -> Option<u32> {
        let tolerations = if self.some_taint_is_soft { spec.tolerations.clone() } else { Vec::new() };
        if spec.preferred_node_affinity.is_empty() && !self.some_taint_is_soft {
            return None;
        }
        let (number, is_new) = self.numbers.intern((spec.preferred_node_affinity.clone(), tolerations));
        if is_new {
            let weights = self.snapshot.nodes.iter().map(|node| {
                let unmet = spec.preferred_node_affinity.iter();
                let unmet = unmet.filter(|preferred| !preferred.term.matches(&node.name, &node.labels));
                unmet.map(|preferred| i64::from(preferred.weight)).sum::<i64>() + FULL_WEIGHT * untolerated(spec, node)
            });
            self.by_node.push(weights.collect());
        }
        Some(number)
    }
}

/// The preferences of a pod, where it has any.
pub(super) fn preferred<'a>(
    nodes: &mut NodePreferences<'_>,
    groups: &mut Groups<'a>,
    sets: &mut NodeSets<'a>,
    namespace: &Name,
    labels: &Labels,
    spec: &PodSpec,
) -> Option<Box<Preferred>> {
    let mut pods = Vec::new();
    for (terms, wants) in
        [(&spec.preferred_pod_affinity, Wants::Near), (&spec.preferred_pod_anti_affinity, Wants::Away)]
    {
        for preferred in terms {
            pods.push((groups.preferred_term(namespace, &preferred.term), i64::from(preferred.weight), wants));
        }
    }
    let spread = groups.spread_of(namespace, labels, spec, sets, WhenUnsatisfiable::ScheduleAnyway);
    let number = nodes.of(spec);
    let some_node_suits = number.is_none_or(|number| nodes.by_node[number as usize].contains(&0));
    let has_some = number.is_some() || !spread.is_empty() || !pods.is_empty();
    has_some.then(|| Box::new(Preferred { nodes: number, some_node_suits, spread, pods }))
}
