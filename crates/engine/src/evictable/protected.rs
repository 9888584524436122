//! What the policy protects: pods by their namespace and workload, nodes by name and label, and the pods on those.

use model::{FindingCode, Node, Pod, Protected, ProtectedNode, Snapshot};

use super::Blocker;

/// Why the policy keeps the pod; `None` where it does not protect it.
pub(super) fn pod_blocker(snapshot: &Snapshot, protected: &Protected, pod: &Pod) -> Option<Blocker> {
    if protected.namespaces.contains(&pod.namespace) {
        let reason = format!("the policy protects the namespace {}", pod.namespace);
        return Some(Blocker::new(FindingCode::ProtectedNamespace, reason));
    }
    if !protected.workloads.is_empty()
        && let Some(workload) = snapshot.workload_of(pod).map(|workload| &workload.reference)
        && protected.workloads.contains(&(workload.namespace.clone(), workload.name.clone()))
    {
        return Some(Blocker::new(FindingCode::ProtectedWorkload, format!("the policy protects {workload}")));
    }
    let node = pod.node.as_ref().and_then(|node| snapshot.node(node))?;
    node_blocker(protected, node)
}

/// Why the policy keeps the node; `None` where it does not protect it.
pub(super) fn node_blocker(protected: &Protected, node: &Node) -> Option<Blocker> {
    let is_it = |one: &&ProtectedNode| match one {
        ProtectedNode::Named(name) => *name == node.name,
        ProtectedNode::Labelled(key, value) => node.labels.get(key) == Some(value),
    };
    let by = match protected.nodes.iter().find(is_it)? {
        ProtectedNode::Named(name) => format!("the node {name}"),
        ProtectedNode::Labelled(key, value) => format!("nodes with the label {key}={value}"),
    };
    Some(Blocker::new(FindingCode::ProtectedNode, format!("the policy protects {by}")))
}
