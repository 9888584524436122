//! Nodes taken out of a snapshot, and what becomes of their pods.

use model::{DisruptionsSpent, Name, Node, Phase, Pod, Resources, Snapshot};

/// Takes nodes away with what speaks of them; pods are left as they are. Says which were kept, in their order.
pub(super) fn retain(snapshot: &mut Snapshot, stays: impl Fn(&Node) -> bool) -> Vec<bool> {
    let is_kept: Vec<bool> = snapshot.nodes.iter().map(stays).collect();
    let mut kept = is_kept.iter();
    snapshot.nodes.retain(|_| kept.next().copied().unwrap_or(true));
    let nodes = &snapshot.nodes;
    let is_there = |name: &Name| nodes.binary_search_by(|node| node.name.cmp(name)).is_ok();
    snapshot.csi_nodes.retain(|node, _| is_there(node));
    snapshot.volume_attachments.retain(|attachment| is_there(&attachment.node));
    is_kept
}

/// Loses nodes at once, as in a failure: what a controller would make anew is pending, all else is gone with its node,
/// and budgets have so many healthy pods less. Gives how many nodes were lost.
pub(super) fn lose(snapshot: &mut Snapshot, is_lost: impl Fn(&Node) -> bool) -> usize {
    let lost: Vec<Name> = snapshot.nodes.iter().filter(|node| is_lost(node)).map(|node| node.name.clone()).collect();
    let was_on_lost = |pod: &Pod| pod.node.as_ref().is_some_and(|node| lost.binary_search(node).is_ok());
    for budget in &mut snapshot.budgets {
        let counted = |pod: &&Pod| pod.ready && budget.covers(pod) && budget.spends(pod) == DisruptionsSpent::One;
        let fewer = snapshot.pods.iter().filter(|pod| was_on_lost(pod)).filter(counted).count() as i64;
        budget.current_healthy = budget.current_healthy.saturating_sub(fewer).max(0);
        budget.disruptions_allowed = budget.disruptions_allowed.saturating_sub(fewer).max(0);
    }
    let is_made_anew = |pod: &Pod| {
        pod.controller.is_some() && !pod.is_daemon() && !pod.is_static() && !pod.is_finished() && !pod.terminating
    };
    snapshot.pods.retain(|pod| !was_on_lost(pod) || is_made_anew(pod));
    snapshot.pods.iter_mut().filter(|pod| was_on_lost(pod)).for_each(wait);
    retain(snapshot, |node| lost.binary_search(&node.name).is_err());
    lost.len()
}

/// The pod as its controller makes it anew.
pub(super) fn wait(pod: &mut Pod) {
    pod.node = None;
    pod.nominated_node = None;
    pod.phase = Phase::Pending;
    pod.ready = false;
    pod.restarts = 0;
    pod.held = Resources::default();
}
