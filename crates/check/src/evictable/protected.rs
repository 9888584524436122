//! What the policy protects.

use model::{Node, Pod, Policy, ProtectedNode, Snapshot};

use super::Blocker;

/// Neither the pod's namespace nor its workload nor its node is protected.
pub(super) fn allows(snapshot: &Snapshot, policy: &Policy, pod: &Pod) -> Result<(), Blocker> {
    for namespace in &policy.protected.namespaces {
        if *namespace == pod.namespace {
            return Err(Blocker::NamespaceProtected(namespace.clone()));
        }
    }
    if let Some(workload) = snapshot.workload_of(pod) {
        for (namespace, name) in &policy.protected.workloads {
            if *namespace == workload.reference.namespace && *name == workload.reference.name {
                return Err(Blocker::WorkloadProtected(workload.reference.to_string()));
            }
        }
    }
    match pod.node.as_ref().and_then(|name| snapshot.node(name)) {
        Some(node) if is_protected(policy, node) => Err(Blocker::NodeProtected(node.name.clone())),
        _ => Ok(()),
    }
}

/// The node is protected, by its name or by a label.
pub(crate) fn is_protected(policy: &Policy, node: &Node) -> bool {
    policy.protected.nodes.iter().any(|protected| match protected {
        ProtectedNode::Named(name) => node.name == *name,
        ProtectedNode::Labelled(key, value) => node.labels.iter().any(|(has, is)| has == key && is == value),
    })
}
