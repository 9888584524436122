//! Best-fit, but pods near others of their namespace before all.

use model::Name;
use rustc_hash::FxHashMap;

use super::drain::drain;
use super::placement::Placement;
use super::ranked::{Rank, Ranked};
use super::strategy::{Attempt, Strategy};

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
