//! The daemons that a bought node would run.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::node::UNSCHEDULABLE_TAINT;
use model::placement::any_term_matches;
use model::{Name, Node, Phase, Pod, Snapshot, TaintEffect};

/// One pod of each DaemonSet.
pub(crate) fn models(snapshot: &Snapshot) -> Vec<&Pod> {
    let mut models: BTreeMap<(&Name, &Name), &Pod> = BTreeMap::new();
    for pod in snapshot.pods.iter().filter(|pod| pod.is_daemon() && !pod.is_finished()) {
        if let Some(owner) = &pod.controller {
            models.entry((&pod.namespace, &owner.name)).or_insert(pod);
        }
    }
    models.into_values().collect()
}

/// The pods that the DaemonSets of these models would run on the node.
pub(crate) fn expected(models: &[&Pod], node: &Node) -> Vec<Pod> {
    models.iter().filter_map(|model| on_node(model, node)).collect()
}

fn on_node(model: &Pod, node: &Node) -> Option<Pod> {
    let mut spec = (*model.spec).clone();
    // Each pod of a DaemonSet is tied to its node by name; what is left of its affinity is the DaemonSet's own.
    if let Some(terms) = &mut spec.node_affinity {
        terms.iter_mut().for_each(|term| term.match_fields.retain(|field| &*field.key != "metadata.name"));
        if terms.iter().any(|term| term.match_fields.is_empty() && term.match_expressions.is_empty()) {
            spec.node_affinity = None;
        }
    }
    let selected = spec.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
        && spec.node_affinity.as_ref().is_none_or(|terms| any_term_matches(terms, &node.name, &node.labels));
    let keeps_away =
        |taint: &&model::Taint| taint.effect != TaintEffect::PreferNoSchedule && &*taint.key != UNSCHEDULABLE_TAINT;
    let tolerated = node.taints.iter().filter(keeps_away).all(|taint| {
        spec.tolerations.iter().any(|toleration| toleration.tolerates(&taint.key, &taint.value, taint.effect))
    });
    if !selected || !tolerated {
        return None;
    }
    let owner = &model.controller.as_ref()?.name;
    Some(Pod {
        name: format!("{owner}-{}", node.name).into(),
        uid: Name::default(),
        node: Some(node.name.clone()),
        held: model.requests.clone(),
        phase: Phase::Running,
        terminating: false,
        spec: Arc::new(spec),
        ..model.clone()
    })
}
