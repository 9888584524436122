//! Node, and Karpenter's NodePool; what metrics.k8s.io says of pods.

use model::snapshot::{NodePool, Usage};
use model::{Node, Taint};

use super::Unreadable;
use super::labels::{labels, names, requirement};
use super::placement::taint_effect;
use super::quantities::amounts;
use super::time::time;
use crate::intern::Interner;
use crate::wire;

pub(crate) fn node(node: &wire::node::Node, interner: &Interner) -> Result<Node, Unreadable> {
    let (meta, spec, status) = (&node.metadata, &node.spec, &node.status);
    let mut declared_features = names(&status.declared_features, interner);
    declared_features.sort();
    declared_features.dedup();
    Ok(Node {
        name: interner.name(&meta.name),
        uid: interner.name(&meta.uid),
        labels: labels(&meta.labels, interner),
        annotations: labels(&meta.annotations.0, interner),
        created: time(meta.creation_timestamp.as_deref(), "metadata.creationTimestamp")?,
        unschedulable: spec.unschedulable,
        taints: taints(&spec.taints, interner),
        allocatable: amounts(&status.allocatable, || "status.allocatable".to_owned())?.to_resources(interner),
        capacity: amounts(&status.capacity, || "status.capacity".to_owned())?.to_resources(interner),
        ready: status.conditions.is_true("Ready"),
        terminating: meta.deletion_timestamp.is_some(),
        declared_features,
        provider_id: interner.name(&spec.provider_id),
        unreadable: false,
    })
}

/// An effect that nobody knows keeps no pod away.
fn taints(taints: &[wire::node::Taint], interner: &Interner) -> Vec<Taint> {
    let known = taints.iter().filter_map(|taint| {
        let effect = taint_effect(&taint.effect)?;
        Some(Taint { key: interner.name(&taint.key), value: interner.name(&taint.value), effect })
    });
    known.collect()
}

pub(crate) fn node_pool(pool: &wire::node::NodePool, interner: &Interner) -> Result<NodePool, Unreadable> {
    let limits = amounts(&pool.spec.limits, || "spec.limits".to_owned())?;
    let nothing = wire::node::NodeClaimTemplate::default();
    let template = pool.spec.template.as_ref().unwrap_or(&nothing);
    let requirements = template.spec.requirements.iter().enumerate().map(|(at, expression)| {
        let wire::node::NodeRequirement { key, operator, values, .. } = expression.clone();
        let expression = wire::meta::SelectorRequirement { key, operator, values };
        requirement(&expression, interner, || format!("spec.template.spec.requirements[{at}]"))
    });
    Ok(NodePool {
        name: interner.name(&pool.metadata.name),
        disruption: pool.spec.disruption.as_ref().map(disruption).unwrap_or_default(),
        limits: [limits.get("cpu").map(|cpu| cpu.milli_value()), limits.get("memory").map(|memory| memory.value())],
        closed: interner.name(closed(pool)),
        labels: labels(&template.metadata.labels, interner),
        taints: taints(&template.spec.taints, interner),
        requirements: requirements.collect::<Result<_, _>>()?,
    })
}

/// What keeps the pool from making a node that could be foreseen.
fn closed(pool: &wire::node::NodePool) -> &'static str {
    let Some(template) = &pool.spec.template else { return "it has no template" };
    let known_effects = template.spec.taints.iter().all(|taint| taint_effect(&taint.effect).is_some());
    match () {
        () if pool.metadata.deletion_timestamp.is_some() => "it is being deleted",
        () if pool.status.conditions.0.iter().any(|one| one.r#type == "Ready" && one.status == "False") => {
            "it is not ready"
        }
        () if pool.spec.replicas.is_some() => "its number of nodes is fixed",
        () if template.spec.requirements.iter().any(|requirement| requirement.min_values.is_some()) => {
            "it wants a least number of values, which is not modelled"
        }
        () if !known_effects => "a taint of it has an effect that is not known",
        () if pool.spec.limits.0.iter().any(|(name, _)| !matches!(name.as_str(), "cpu" | "memory")) => {
            "it has a limit of something other than CPU and memory, which is not modelled"
        }
        () => "",
    }
}

/// For people: `WhenEmptyOrUnderutilized after 1m, budgets 10%, 0 (Drifted) at "0 9 * * *" for 8h`.
fn disruption(disruption: &wire::node::Disruption) -> String {
    let mut text = disruption.consolidation_policy.clone();
    if !disruption.consolidate_after.is_empty() {
        text.push_str(&format!(" after {}", disruption.consolidate_after));
    }
    for (at, budget) in disruption.budgets.iter().enumerate() {
        text.push_str(if at == 0 { ", budgets " } else { ", " });
        text.push_str(&budget.nodes);
        if !budget.reasons.is_empty() {
            text.push_str(&format!(" ({})", budget.reasons.join(", ")));
        }
        if !budget.schedule.is_empty() {
            text.push_str(&format!(" at \"{}\" for {}", budget.schedule, budget.duration));
        }
    }
    text
}

pub(crate) fn usage(metrics: &wire::node::PodMetrics) -> Result<Usage, Unreadable> {
    let mut usage = Usage::default();
    for (at, container) in metrics.containers.iter().enumerate() {
        let used = amounts(&container.usage, || format!("containers[{at}].usage"))?;
        usage.cpu = usage.cpu.saturating_add(used.get("cpu").unwrap_or_default().milli_value());
        usage.memory = usage.memory.saturating_add(used.get("memory").unwrap_or_default().value());
    }
    Ok(usage)
}
