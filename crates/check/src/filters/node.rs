//! NodeUnschedulable, TaintToleration, NodeAffinity and NodeDeclaredFeatures: what the node itself says.

use model::node::UNSCHEDULABLE_TAINT;
use model::placement::{Toleration, any_term_matches};
use model::{Node, Pod, PodSpec, Taint, TaintEffect};

use crate::rule::{Rejection, Rule};

/// NodeUnschedulable: cordoned, and the pod does not tolerate that.
pub(crate) fn unschedulable(pod: &Pod, node: &Node) -> Option<Rejection> {
    (node.unschedulable && !tolerates_cordon(&pod.spec))
        .then(|| Rejection::new(Rule::NodeUnschedulable, "the node is cordoned"))
}

/// Does the pod tolerate the taint of a cordoned node?
pub(crate) fn tolerates_cordon(spec: &PodSpec) -> bool {
    spec.tolerations.iter().any(|toleration| toleration.tolerates(UNSCHEDULABLE_TAINT, "", TaintEffect::NoSchedule))
}

/// TaintToleration.
pub(crate) fn taints(pod: &Pod, node: &Node) -> Option<Rejection> {
    untolerated_taint(&pod.spec.tolerations, &node.taints).map(|taint| {
        Rejection::new(Rule::TaintToleration, format!("taint {}={} is not tolerated", taint.key, taint.value))
    })
}

/// The first taint that keeps pods out and that none of these tolerations tolerates.
pub(crate) fn untolerated_taint<'a>(tolerations: &[Toleration], taints: &'a [Taint]) -> Option<&'a Taint> {
    taints.iter().filter(|taint| taint.effect != TaintEffect::PreferNoSchedule).find(|taint| {
        !tolerations.iter().any(|toleration| toleration.tolerates(&taint.key, &taint.value, taint.effect))
    })
}

/// NodeAffinity.
pub(crate) fn affinity(pod: &Pod, node: &Node) -> Option<Rejection> {
    (!required_node_affinity_matches(&pod.spec, node))
        .then(|| Rejection::new(Rule::NodeAffinity, "node selector or required node affinity does not match"))
}

/// Node selector and required node affinity.
pub(crate) fn required_node_affinity_matches(spec: &PodSpec, node: &Node) -> bool {
    spec.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
        && spec.node_affinity.as_ref().is_none_or(|terms| any_term_matches(terms, &node.name, &node.labels))
}

/// NodeDeclaredFeatures.
pub(crate) fn declared_features(pod: &Pod, node: &Node) -> Option<Rejection> {
    let missing = pod.spec.required_features.iter().find(|feature| !node.declared_features.contains(feature))?;
    Some(Rejection::new(Rule::NodeDeclaredFeatures, format!("the node does not declare feature {missing}")))
}
