//! kube-scheduler 1.36's default filters at default feature gates, one file each, stated on the model's objects.
//!
//! Each filter answers for one pod, taken out of the cluster before, and one node: what refuses it, or nothing.

mod disks;
pub(crate) mod node;
mod pod_affinity;
mod ports;
mod resources;
mod spread;
mod volume_binding;
mod volume_limits;
mod volume_zone;

use model::{Node, Pod, Snapshot};

use crate::rule::{Rejection, Rule};
use crate::state::State;

pub(crate) use volume_binding::is_node_local;

/// For every pod that is not finished, the nodes that take it, were it pending, as indices into the snapshot.
pub fn fit_matrix(snapshot: &Snapshot) -> Vec<(usize, Vec<usize>)> {
    let mut state = State::new(snapshot);
    let unfinished = (0..snapshot.pods.len()).filter(|pod| !snapshot.pods[*pod].is_finished());
    unfinished.map(|pod| (pod, state.fitting_nodes(pod))).collect()
}

/// What refuses the pod on the node, in the scheduler's order. The pod is not on any node.
pub(crate) fn rejects(state: &mut State, pod: usize, node: usize) -> Option<Rejection> {
    if state.nodes[node].is_gone {
        return Some(Rejection::new(Rule::TargetNode, "the node is gone"));
    }
    let alone = refused_by_node(state, &state.pods[pod].pod, node);
    if alone.is_some() {
        return alone;
    }
    let neighbours = state.neighbours(pod);
    let node = &state.nodes[node].node;
    spread::rejects(&state.tallies, &neighbours, node)
        .or_else(|| pod_affinity::rejects(&state.tallies, &neighbours, node))
}

/// Do the filters let the pod on the node that no placement changes?
pub(crate) fn may_hold(snapshot: &Snapshot, pod: &Pod, at: &Node) -> bool {
    node::unschedulable(pod, at)
        .or_else(|| node::taints(pod, at))
        .or_else(|| node::affinity(pod, at))
        .or_else(|| node::declared_features(pod, at))
        .or_else(|| volume_binding::rejects(snapshot, pod, at))
        .or_else(|| volume_zone::rejects(snapshot, pod, at))
        .is_none()
}

/// What refuses the pod without looking at other nodes.
fn refused_by_node(state: &State, pod: &Pod, at: usize) -> Option<Rejection> {
    let node = &state.nodes[at].node;
    if pod.spec.has_resource_claims {
        return Some(Rejection::new(Rule::DynamicResources, "the pod has resource claims, which are not modelled"));
    }
    node::unschedulable(pod, node)
        .or_else(|| node::taints(pod, node))
        .or_else(|| node::affinity(pod, node))
        .or_else(|| node::declared_features(pod, node))
        .or_else(|| ports::rejects(state, pod, at))
        .or_else(|| resources::rejects(state, pod, at))
        .or_else(|| disks::rejects(state, pod, at))
        .or_else(|| volume_limits::rejects(state, pod, at))
        .or_else(|| volume_binding::rejects(state.snapshot, pod, node))
        .or_else(|| volume_zone::rejects(state.snapshot, pod, node))
}
