//! Why a node may not be removed, its pods apart.

use model::{FindingCode, Node, Policy, Prices, Snapshot};

use super::{Blocker, protected};

/// Labels of nodes that run the control plane.
const CONTROL_PLANE_LABELS: [&str; 3] =
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", "node-role.kubernetes.io/etcd"];

/// Annotations whose "true" keeps a node.
const KEEPING_ANNOTATIONS: [&str; 4] = [
    super::annotations::DO_NOT_DISRUPT,
    "karpenter.sh/do-not-consolidate",
    "cluster-autoscaler.kubernetes.io/scale-down-disabled",
    "cluster-autoscaler.kubernetes.io/safe-to-evict-disabled",
];

/// The annotations of the node that keep it.
pub(crate) fn keeping_annotations(node: &Node) -> impl Iterator<Item = &'static str> {
    KEEPING_ANNOTATIONS.into_iter().filter(|key| node.annotations.get(key).is_some_and(|on| &**on == "true"))
}

/// Why the node stays whatever runs on it; `None` where nothing of its own keeps it.
pub fn node_blocker(snapshot: &Snapshot, prices: &Prices, policy: &Policy, number: usize) -> Option<Blocker> {
    use FindingCode as Code;
    let node: &Node = &snapshot.nodes[number];
    if node.unreadable {
        return Some(Blocker::new(Code::NodeUnreadable, "something on it could not be read"));
    }
    if CONTROL_PLANE_LABELS.iter().any(|label| node.labels.get(label).is_some()) {
        return Some(Blocker::new(Code::ControlPlaneNode, "it belongs to the control plane"));
    }
    if let Some(key) = keeping_annotations(node).next() {
        let blocker = Blocker::new(Code::NodeAnnotationForbids, format!("its annotation {key}=true forbids it"));
        return Some(blocker.remedy(format!("remove the annotation {key}")));
    }
    if let Some(blocker) = protected::node_blocker(&policy.protected, node) {
        return Some(blocker);
    }
    if node.terminating {
        return Some(Blocker::new(Code::TerminatingPod, "it is being deleted already"));
    }
    if !node.ready {
        return Some(Blocker::new(Code::NodeNotReady, "it is not ready, so its pods may not be what they seem"));
    }
    match prices.nodes.get(number) {
        Some(Ok(price)) if price.usd_per_hour.nanos() == 0 => {
            Some(Blocker::new(Code::NothingSaved, "it costs nothing, so removing it saves nothing"))
        }
        Some(Ok(_)) => None,
        Some(Err(unpriced)) => {
            Some(Blocker::new(Code::NodeUnpriced, unpriced.reason.clone()).remedy(unpriced.remedy.clone()))
        }
        None => Some(Blocker::new(Code::NodeUnpriced, "it has no price")),
    }
}
