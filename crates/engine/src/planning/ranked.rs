//! Best-fit with something before room: of the nodes that take a pod the one of the lowest rank, and of one rank the one
//! with the least room.

use model::Name;
use rustc_hash::FxHashMap;

use super::best_fit::ByRoom;
use super::drain::{Chooser, drain};
use super::placement::Placement;
use super::strategy::{Attempt, Strategy};
use crate::state::Asks;

/// Pods where their preferences hold: affinity to and against pods and nodes, soft taints and soft spread.
pub struct Affinity;

impl Strategy for Affinity {
    fn name(&self) -> &'static str {
        "affinity"
    }

    fn describe(&self) -> &'static str {
        "largest pods first, each to the node where most of its preferences hold, then to the fullest"
    }

    fn improve<'a>(&self, mut placement: Placement<'a>, attempt: &Attempt) -> Placement<'a> {
        drain(&mut placement, attempt, &|_| 0, None, &|placement| Ranked::new(placement, PreferencesBroken));
        placement
    }
}

/// Pods near those that they may talk to. Traffic is not known, but most of it stays within a namespace, and what crosses
/// zones is paid for: a pod goes to the zone, and there to the node, that has most pods of its namespace.
pub struct NetworkAware;

impl Strategy for NetworkAware {
    fn name(&self) -> &'static str {
        "network-aware"
    }

    fn describe(&self) -> &'static str {
        "largest pods first, each to the zone and node with most pods of its namespace, then to the fullest"
    }

    fn improve<'a>(&self, mut placement: Placement<'a>, attempt: &Attempt) -> Placement<'a> {
        drain(&mut placement, attempt, &|_| 0, None, &|placement| Ranked::new(placement, Neighbours::new(placement)));
        placement
    }
}

/// What speaks against a node for pods that have been lifted.
trait Rank {
    /// Nodes of lower rank come first.
    fn rank(&self, placement: &Placement<'_>, pods: &[u32], node: usize) -> i64;

    /// What is on the node has changed.
    fn changed(&mut self, _: &Placement<'_>, _: usize) {}
}

/// The weights of their preferences that would not hold there.
struct PreferencesBroken;

impl Rank for PreferencesBroken {
    fn rank(&self, placement: &Placement<'_>, pods: &[u32], node: usize) -> i64 {
        let cluster = placement.problem.cluster;
        let broken = |pod: &u32| placement.state.broken(cluster.class_of(*pod as usize), node, Asks::Newcomer);
        pods.iter().map(broken).sum()
    }
}

/// How many pods of each namespace there are, by node and by zone.
struct Neighbours {
    /// By pod: its namespace's number.
    namespaces: Vec<u32>,
    on_node: Vec<FxHashMap<u32, i64>>,
    in_zone: FxHashMap<(Option<u32>, u32), i64>,
}

/// Pods of one zone count more than any of one node.
const OF_ZONE: i64 = 1 << 32;

impl Neighbours {
    fn new(placement: &Placement<'_>) -> Neighbours {
        let pods = &placement.problem.cluster.snapshot.pods;
        let mut numbers: FxHashMap<&Name, u32> = FxHashMap::default();
        let mut number = |namespace| {
            let next = numbers.len() as u32;
            *numbers.entry(namespace).or_insert(next)
        };
        let namespaces = pods.iter().map(|pod| number(&pod.namespace)).collect();
        let nodes = placement.problem.cluster.nodes();
        let mut counted =
            Neighbours { namespaces, on_node: vec![FxHashMap::default(); nodes], in_zone: FxHashMap::default() };
        (0..nodes).for_each(|node| counted.changed(placement, node));
        counted
    }
}

impl Rank for Neighbours {
    fn rank(&self, placement: &Placement<'_>, pods: &[u32], node: usize) -> i64 {
        let zone = placement.problem.zones.of(node);
        let near = |pod: &u32| {
            let namespace = self.namespaces[*pod as usize];
            let of_zone = self.in_zone.get(&(zone, namespace)).copied().unwrap_or(0);
            of_zone * OF_ZONE + self.on_node[node].get(&namespace).copied().unwrap_or(0)
        };
        -pods.iter().map(near).sum::<i64>()
    }

    fn changed(&mut self, placement: &Placement<'_>, node: usize) {
        let zone = placement.problem.zones.of(node);
        for (namespace, count) in std::mem::take(&mut self.on_node[node]) {
            *self.in_zone.entry((zone, namespace)).or_default() -= count;
        }
        for pod in &placement.pods_on[node] {
            let namespace = self.namespaces[*pod as usize];
            *self.on_node[node].entry(namespace).or_default() += 1;
            *self.in_zone.entry((zone, namespace)).or_default() += 1;
        }
    }
}

/// Nodes by their rank for the pods at hand, then by room.
struct Ranked<R> {
    by_room: ByRoom,
    by_rank: R,
}

impl<R: Rank> Ranked<R> {
    fn new(placement: &Placement<'_>, by_rank: R) -> Ranked<R> {
        Ranked { by_room: ByRoom::new(placement), by_rank }
    }
}

impl<R: Rank> Chooser for Ranked<R> {
    fn choose_where(&self, placement: &Placement<'_>, pods: &[u32], test: &dyn Fn(usize) -> bool) -> Option<usize> {
        let nodes = self.by_room.all_that_take(placement, pods).filter(|node| test(*node));
        // The first of equals is the one with the least room.
        nodes.min_by_key(|node| self.by_rank.rank(placement, pods, *node))
    }

    fn changed(&mut self, placement: &Placement<'_>, node: usize) {
        self.by_room.changed(placement, node);
        self.by_rank.changed(placement, node);
    }
}
