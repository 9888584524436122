//! Which nodes may go. That each is emptied is seen on the way (`walk`).

use model::{Name, Node, Plan, Policy, Prices, Snapshot};
use rustc_hash::{FxHashMap, FxHashSet};

use super::identity::Step;
use crate::evictable::{forbids_removal, is_protected};
use crate::rule::{Fault, Rule};

pub(super) fn removed(snapshot: &Snapshot, prices: Option<&Prices>, policy: &Policy, plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen = FxHashSet::default();
    let at_name: FxHashMap<&Name, usize> =
        snapshot.nodes.iter().enumerate().map(|(at, node)| (&node.name, at)).collect();
    for name in &plan.nodes.remove {
        let mut fault = |rule: Rule, message: &str| faults.push(Fault::new(rule, message).on_node(name));
        if !seen.insert(name) {
            fault(Rule::RemovedNode, "the node is named twice");
            continue;
        }
        let Some(at) = at_name.get(name).copied() else {
            fault(Rule::RemovedNode, "no such node");
            continue;
        };
        let node = &snapshot.nodes[at];
        if let Some(why) = kept(policy, node) {
            fault(Rule::KeptNode, &why);
        }
        if prices.is_some_and(|prices| prices.of(at).is_none()) {
            fault(Rule::UnpricedNode, "the node has no price, so nothing says that removing it saves");
        }
    }
    faults
}

/// A node of unknown price stays as it is: it receives nothing either.
pub(super) fn received(snapshot: &Snapshot, prices: Option<&Prices>, steps: &[Step<'_>]) -> Vec<Fault> {
    let Some(prices) = prices else { return Vec::new() };
    let is_unpriced = |step: &&Step<'_>| step.to < snapshot.nodes.len() && prices.of(step.to).is_none();
    let fault = |step: &Step<'_>| {
        let message = "the target has no price, so what it would cost is unknown";
        Fault::new(Rule::UnpricedNode, message).at_step(step.at, step.migration).on_node(&step.migration.to_node)
    };
    steps.iter().filter(is_unpriced).map(fault).collect()
}

/// Why the node stays whatever runs on it.
pub(super) fn kept(policy: &Policy, node: &Node) -> Option<String> {
    if let Some(key) = forbids_removal(node) {
        return Some(format!("annotation {key} forbids its removal"));
    }
    let why = if is_protected(policy, node) {
        "the policy protects the node"
    } else if is_control_plane(node) {
        "the node belongs to the control plane"
    } else if node.unreadable {
        "something on the node could not be read"
    } else if node.terminating {
        "the node is being deleted already"
    } else if !node.ready {
        "the node is not ready, so its pods may not be what they seem"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Can the node be relied upon to take pods?
pub(super) fn receives(node: &Node) -> bool {
    node.ready && !node.terminating && !node.unreadable
}

fn is_control_plane(node: &model::Node) -> bool {
    const LABELS: [&str; 3] =
        ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", "node-role.kubernetes.io/etcd"];
    LABELS.iter().any(|label| node.labels.get(label).is_some())
}
