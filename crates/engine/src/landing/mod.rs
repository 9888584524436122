//! Where kube-scheduler puts a pod that several nodes would take: its default score plugins, at their default weights.
//! See README.md.

mod balanced_allocation;
mod compile;
mod counts;
mod inter_pod_affinity;
mod kind;
mod least_allocated;
mod node_affinity;
mod normalize;
mod pod_topology_spread;
mod taint_toleration;

use crate::cluster::{Cluster, NodeSet};
use crate::state::Holds;
use counts::Counts;
use kind::Kinds;
pub(crate) use taint_toleration::untolerated;

/// The best that a plugin gives, before its weight.
const MOST: i64 = 100;

/// One of kube-scheduler's score plugins.
pub struct Plugin {
    /// As kube-scheduler calls it.
    pub name: &'static str,
    /// What its scores are multiplied by.
    pub weight: i64,
    score: fn(&Scores<'_, '_>, pod: usize, nodes: &[usize]) -> Vec<i64>,
}

/// Those of the default profile that look at what a snapshot has.
pub const PLUGINS: [Plugin; 6] = [
    Plugin { name: "TaintToleration", weight: 3, score: taint_toleration::score },
    Plugin { name: "NodeAffinity", weight: 2, score: node_affinity::score },
    Plugin { name: "NodeResourcesFit", weight: 1, score: least_allocated::score },
    Plugin { name: "PodTopologySpread", weight: 2, score: pod_topology_spread::score },
    Plugin { name: "InterPodAffinity", weight: 2, score: inter_pod_affinity::score },
    Plugin { name: "NodeResourcesBalancedAllocation", weight: 1, score: balanced_allocation::score },
];

/// What the scores rest on, with every pod where it is. Pods are put in and taken out as in `State`.
pub struct Scores<'c, 's> {
    cluster: &'c Cluster<'s>,
    kinds: Kinds,
    counts: Counts,
}

impl<'c, 's> Scores<'c, 's> {
    /// Every live pod where the snapshot has it, and these nodes cordoned.
    pub fn of_snapshot(cluster: &'c Cluster<'s>, cordoned: &NodeSet) -> Scores<'c, 's> {
        let kinds = compile::compile(cluster, cordoned);
        let mut scores = Scores { cluster, counts: Counts::new(cluster, &kinds), kinds };
        for (pod, compiled) in cluster.pods.iter().enumerate() {
            if let Some(node) = compiled.node {
                scores.put(pod, node as usize, Holds::AsSeen);
            }
        }
        scores
    }

    /// Puts a pod on a node.
    pub fn put(&mut self, pod: usize, node: usize, holds: Holds) {
        self.counts.change(self.cluster, &self.kinds, pod, node, holds, 1);
    }

    /// Takes a pod from a node where it was put with the same holds.
    pub fn take(&mut self, pod: usize, node: usize, holds: Holds) {
        self.counts.change(self.cluster, &self.kinds, pod, node, holds, -1);
    }

    /// What each plugin gives each of the nodes that take the pod, times its weight. The pod must have been taken out.
    pub fn by_plugin(&self, pod: usize, nodes: &[usize]) -> [Vec<i64>; PLUGINS.len()] {
        PLUGINS.map(|plugin| (plugin.score)(self, pod, nodes).into_iter().map(|score| score * plugin.weight).collect())
    }

    /// The sum of that by node: kube-scheduler takes one with the most, any of them.
    pub fn totals(&self, pod: usize, nodes: &[usize]) -> Vec<i64> {
        let mut totals = vec![0; nodes.len()];
        for of_plugin in self.by_plugin(pod, nodes) {
            totals.iter_mut().zip(of_plugin).for_each(|(total, score)| *total += score);
        }
        totals
    }

    /// Services may spread the pod: it has no spread constraints of its own and no controller that does, and nobody read
    /// the services. The scores are wrong where one selects it.
    pub fn services_may_spread(&self, pod: usize) -> bool {
        self.kinds.of(pod).services_may_spread
    }
}
