//! The matrix: which nodes pass every filter for which pod, were it pending.

use crate::cluster::{Cluster, NodeSet};
use crate::state::{Holds, State};

/// The nodes that pass for one pod.
pub struct PodFit {
    /// The pod's index in the snapshot.
    pub pod: usize,
    /// The nodes that pass.
    pub nodes: NodeSet,
}

/// For every pod that is not finished, in the order of the snapshot: itself taken out, the nodes that pass.
/// Pods with resource claims get no node: what they ask for is not modelled.
pub fn fit<'a>(cluster: &'a Cluster<'a>) -> impl Iterator<Item = PodFit> + 'a {
    let mut fits = Fits { state: State::of_snapshot(cluster), alone: vec![None; cluster.classes.len()] };
    let pods = 0..cluster.snapshot.pods.len();
    pods.filter(|pod| !cluster.snapshot.pods[*pod].is_finished())
        .map(move |pod| PodFit { pod, nodes: fits.of_pod(pod) })
}

struct Fits<'c, 's> {
    state: State<'c, 's>,
    /// By class: the nodes that pass the filters which look at one node alone, every pod being where it is. Taking a
    /// pod out changes that for its own node only.
    alone: Vec<Option<NodeSet>>,
}

impl Fits<'_, '_> {
    fn of_pod(&mut self, pod: usize) -> NodeSet {
        let cluster = self.state.cluster;
        if cluster.snapshot.pods[pod].spec.has_resource_claims {
            return NodeSet::none(cluster.nodes());
        }
        let class = cluster.class_of(pod);
        let state = &mut self.state;
        let alone = self.alone[cluster.pods[pod].class as usize].get_or_insert_with(|| {
            let mut alone = NodeSet::none(cluster.nodes());
            for node in cluster.eligible(class).iter().filter(|node| state.fits_alone(class, *node)) {
                alone.insert(node);
            }
            alone
        });
        let home = cluster.pods[pod].node.map(|node| node as usize);
        if let Some(node) = home {
            state.take(pod, node, Holds::AsSeen);
        }
        let mut nodes = alone.clone();
        // A claim that only one pod may use is refused everywhere while its own user is there.
        if !class.single_pod_claims.is_empty() {
            nodes = NodeSet::of(cluster.nodes(), |node| state.fits_alone(class, node));
        } else if let Some(node) = home {
            if state.fits_alone(class, node) { nodes.insert(node) } else { nodes.remove(node) }
        }
        if class.looks_at_others() {
            nodes.retain(|node| state.others_allow(class, node));
        }
        if let Some(node) = home {
            state.put(pod, node, Holds::AsSeen);
        }
        nodes
    }
}
