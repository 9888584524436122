//! Affinity, tolerations and topology spread, with the API's defaults.

use model::placement::{
    InclusionPolicy, NodeSelectorTerm, PodAffinityTerm, Toleration, TolerationOperator, TopologySpreadConstraint,
    Weighted, WhenUnsatisfiable,
};
use model::{PodSpec, TaintEffect};

use super::Unreadable;
use super::labels::{names, optional_selector, requirement};
use crate::intern::Interner;
use crate::wire::{meta, pod};

pub(crate) fn node_selector_terms(
    selector: &meta::NodeSelector,
    interner: &Interner,
    field: &str,
) -> Result<Vec<NodeSelectorTerm>, Unreadable> {
    let terms = selector.node_selector_terms.iter().enumerate();
    terms.map(|(at, term)| node_selector_term(term, interner, &format!("{field}.nodeSelectorTerms[{at}]"))).collect()
}

fn node_selector_term(
    term: &meta::NodeSelectorTerm,
    interner: &Interner,
    field: &str,
) -> Result<NodeSelectorTerm, Unreadable> {
    let list = |expressions: &[meta::SelectorRequirement], name: &str| -> Result<Vec<_>, Unreadable> {
        let expressions = expressions.iter().enumerate();
        expressions.map(|(at, one)| requirement(one, interner, || format!("{field}.{name}[{at}]"))).collect()
    };
    Ok(NodeSelectorTerm {
        match_expressions: list(&term.match_expressions, "matchExpressions")?,
        match_fields: list(&term.match_fields, "matchFields")?,
    })
}

/// Fills in node affinity, pod affinity and pod anti-affinity.
pub(crate) fn affinity(affinity: &pod::Affinity, interner: &Interner, spec: &mut PodSpec) -> Result<(), Unreadable> {
    if let Some(node) = &affinity.node_affinity {
        const FIELD: &str = "spec.affinity.nodeAffinity";
        let required = node.required.as_ref();
        spec.node_affinity = required.map(|selector| node_selector_terms(selector, interner, FIELD)).transpose()?;
        for preferred in &node.preferred {
            let term = node_selector_term(&preferred.preference, interner, FIELD)?;
            spec.preferred_node_affinity.push(Weighted { weight: preferred.weight, term });
        }
    }
    if let Some(pods) = &affinity.pod_affinity {
        const FIELD: &str = "spec.affinity.podAffinity";
        spec.pod_affinity = required_terms(pods, interner, FIELD)?;
        spec.preferred_pod_affinity = preferred_terms(pods, interner, FIELD)?;
    }
    if let Some(pods) = &affinity.pod_anti_affinity {
        const FIELD: &str = "spec.affinity.podAntiAffinity";
        spec.pod_anti_affinity = required_terms(pods, interner, FIELD)?;
        spec.preferred_pod_anti_affinity = preferred_terms(pods, interner, FIELD)?;
    }
    Ok(())
}

fn required_terms(
    affinity: &pod::PodAffinity,
    interner: &Interner,
    field: &str,
) -> Result<Vec<PodAffinityTerm>, Unreadable> {
    affinity.required.iter().map(|term| pod_affinity_term(term, interner, field)).collect()
}

fn preferred_terms(
    affinity: &pod::PodAffinity,
    interner: &Interner,
    field: &str,
) -> Result<Vec<Weighted<PodAffinityTerm>>, Unreadable> {
    let preferred = affinity.preferred.iter();
    preferred
        .map(|one| {
            Ok(Weighted { weight: one.weight, term: pod_affinity_term(&one.pod_affinity_term, interner, field)? })
        })
        .collect()
}

fn pod_affinity_term(
    term: &pod::PodAffinityTerm,
    interner: &Interner,
    field: &str,
) -> Result<PodAffinityTerm, Unreadable> {
    Ok(PodAffinityTerm {
        selector: optional_selector(term.label_selector.as_ref(), interner, &format!("{field} labelSelector"))?,
        namespaces: names(&term.namespaces, interner),
        namespace_selector: optional_selector(
            term.namespace_selector.as_ref(),
            interner,
            &format!("{field} namespaceSelector"),
        )?,
        topology_key: interner.name(&term.topology_key),
    })
}

pub(crate) fn toleration(toleration: &pod::Toleration, interner: &Interner) -> Toleration {
    let effect = taint_effect(&toleration.effect);
    let operator = match toleration.operator.as_str() {
        // An effect that nobody knows matches no taint.
        _ if effect.is_none() && !toleration.effect.is_empty() => TolerationOperator::Unsupported,
        "" | "Equal" => TolerationOperator::Equal,
        "Exists" => TolerationOperator::Exists,
        _ => TolerationOperator::Unsupported,
    };
    Toleration { key: interner.name(&toleration.key), operator, value: interner.name(&toleration.value), effect }
}

pub(crate) fn taint_effect(text: &str) -> Option<TaintEffect> {
    match text {
        "NoSchedule" => Some(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Some(TaintEffect::PreferNoSchedule),
        "NoExecute" => Some(TaintEffect::NoExecute),
        _ => None,
    }
}

pub(crate) fn topology_spread(
    constraint: &pod::TopologySpreadConstraint,
    interner: &Interner,
    field: &str,
) -> Result<TopologySpreadConstraint, Unreadable> {
    let unknown = |name: &str, text: &str| {
        let shown: String = text.chars().take(40).collect();
        Unreadable::new(format!("{field}.{name}"), format!("\"{shown}\" is not known"))
    };
    let policy = |text: Option<&str>, default: InclusionPolicy, name: &str| match text {
        None => Ok(default),
        Some("Honor") => Ok(InclusionPolicy::Honor),
        Some("Ignore") => Ok(InclusionPolicy::Ignore),
        Some(other) => Err(unknown(name, other)),
    };
    Ok(TopologySpreadConstraint {
        max_skew: constraint.max_skew,
        topology_key: interner.name(&constraint.topology_key),
        when_unsatisfiable: match constraint.when_unsatisfiable.as_str() {
            "DoNotSchedule" => WhenUnsatisfiable::DoNotSchedule,
            "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
            other => return Err(unknown("whenUnsatisfiable", other)),
        },
        selector: optional_selector(constraint.label_selector.as_ref(), interner, &format!("{field}.labelSelector"))?,
        min_domains: constraint.min_domains,
        node_affinity_policy: policy(
            constraint.node_affinity_policy.as_deref(),
            InclusionPolicy::Honor,
            "nodeAffinityPolicy",
        )?,
        node_taints_policy: policy(
            constraint.node_taints_policy.as_deref(),
            InclusionPolicy::Ignore,
            "nodeTaintsPolicy",
        )?,
        match_label_keys: names(&constraint.match_label_keys, interner),
    })
}
