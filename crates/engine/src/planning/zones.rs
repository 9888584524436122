//! Zones by number, and which pods must stay in theirs, where the policy keeps workloads spread over failure domains as
//! they are.

use model::{Name, Policy};

use crate::cluster::Cluster;
use crate::evictable::Evictable;

/// Zones by number.
#[derive(Default)]
pub struct Zones {
    of_node: Vec<Option<u32>>,
    number: usize,
    /// By pod: the one that it must stay in, where the policy keeps zones. None where it is the only replica, or nobody
    /// knows its zone.
    kept_by: Vec<Option<u32>>,
    are_kept: bool,
}

impl Zones {
    /// Works out what must stay where, if anything must.
    pub fn new(cluster: &Cluster<'_>, policy: &Policy, evictable: &Evictable<'_>) -> Zones {
        let mut names: Vec<&Name> = cluster.snapshot.nodes.iter().filter_map(|node| node.zone()).collect();
        names.sort_unstable();
        names.dedup();
        let number = |name: &Name| names.binary_search(&name).ok().map(|at| at as u32);
        let of_node: Vec<Option<u32>> =
            cluster.snapshot.nodes.iter().map(|node| node.zone().and_then(number)).collect();
        let pods = cluster.snapshot.pods.iter().zip(&cluster.pods);
        let kept_by = pods.filter(|_| policy.keep_zones).map(|(pod, compiled)| {
            let home = compiled.node.filter(|_| evictable.replicas(pod) > 1)?;
            of_node[home as usize]
        });
        Zones { kept_by: kept_by.collect(), number: names.len(), of_node, are_kept: policy.keep_zones }
    }

    /// The pod at this place is a new one, and stays in the zone of this node where there is one.
    pub(super) fn insert(&mut self, at: usize, home: Option<u32>) {
        if self.are_kept {
            self.kept_by.insert(at, home.and_then(|home| self.of_node[home as usize]));
        }
    }

    pub(super) fn remove(&mut self, at: usize) {
        if self.are_kept {
            self.kept_by.remove(at);
        }
    }

    /// How many there are.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The one that a node is in, where it says.
    pub fn of(&self, node: usize) -> Option<u32> {
        self.of_node[node]
    }

    /// The zone that the pod must stay in.
    pub fn kept_by(&self, pod: usize) -> Option<u32> {
        self.kept_by.get(pod).copied().flatten()
    }

    /// Is the node in this zone, where there is one to stay in?
    pub fn allow(&self, zone: Option<u32>, node: usize) -> bool {
        zone.is_none() || self.of_node[node] == zone
    }
}
