//! The daemons to expect on a node that the plan adds.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::placement::NodeSelectorTerm;
use model::{Name, Node, Phase, Pod, Snapshot};

use crate::filters::node::{required_node_affinity_matches, untolerated_taint};

/// One pod of every DaemonSet, as a model for others.
pub(super) fn models(snapshot: &Snapshot) -> Vec<&Pod> {
    let mut models: BTreeMap<(&Name, &Name), &Pod> = BTreeMap::new();
    for pod in snapshot.pods.iter().filter(|pod| pod.is_daemon() && !pod.is_finished()) {
        if let Some(controller) = &pod.controller {
            models.entry((&pod.namespace, &controller.name)).or_insert(pod);
        }
    }
    models.into_values().collect()
}

/// The pods that the DaemonSets would run on the node.
pub(super) fn expected(models: &[&Pod], node: &Node) -> Vec<Pod> {
    models.iter().filter_map(|model| daemon_on(model, node)).collect()
}

fn daemon_on(model: &Pod, node: &Node) -> Option<Pod> {
    let mut pod = model.clone();
    let spec = Arc::make_mut(&mut pod.spec);
    // The controller ties each of its pods to a node by name; the next one is tied to the new node.
    for term in spec.node_affinity.iter_mut().flatten() {
        untie(term);
    }
    if spec.node_affinity.iter().flatten().any(|term| *term == NodeSelectorTerm::default()) {
        spec.node_affinity = None;
    }
    if !required_node_affinity_matches(spec, node) || untolerated_taint(&spec.tolerations, &node.taints).is_some() {
        return None;
    }
    pod.name = format!("{}-{}", model.controller.as_ref()?.name, node.name).into();
    pod.uid = "".into();
    pod.node = Some(node.name.clone());
    pod.held = pod.requests.clone();
    pod.phase = Phase::Running;
    pod.terminating = false;
    Some(pod)
}

fn untie(term: &mut NodeSelectorTerm) {
    term.match_fields.retain(|requirement| &*requirement.key != "metadata.name");
}
