//! A placement under change: where every pod is, which nodes are gone, and the counts that say what fits.

use model::UsdPerHour;

use crate::cluster::{CPU, MEMORY};
use crate::planning::Problem;
use crate::planning::survival::Survival;
use crate::state::{Asks, Holds, State, Tally};

/// Where everything is at some point of a search.
#[derive(Clone)]
pub struct Placement<'a> {
    /// The problem.
    pub problem: &'a Problem<'a>,
    /// The counts.
    pub state: State<'a, 'a>,
    /// By pod: its node. A pending pod has one where room is kept for it.
    pub at: Vec<Option<u32>>,
    /// By node: the pods on it.
    pub pods_on: Vec<Vec<u32>>,
    /// Nodes removed, in the order of their removal.
    pub removed: Vec<u32>,
    /// How many pods are elsewhere than they were.
    pub moves: usize,
    survival: Survival,
}

/// A placement without its problem, which it outlives.
#[derive(Clone, Default)]
pub(super) struct KeptPlacement {
    tally: Tally,
    pub at: Vec<Option<u32>>,
    pub pods_on: Vec<Vec<u32>>,
    pub removed: Vec<u32>,
    moves: usize,
    survival: Survival,
}

impl<'a> Placement<'a> {
    /// One that was kept, of a problem in which everything has its place as it had.
    pub(super) fn of_kept(problem: &'a Problem<'a>, kept: KeptPlacement) -> Placement<'a> {
        let KeptPlacement { tally, at, pods_on, removed, moves, survival } = kept;
        Placement { problem, state: State::of_tally(problem.cluster, tally), at, pods_on, removed, moves, survival }
    }

    /// To be kept.
    pub(super) fn into_kept(self) -> KeptPlacement {
        let Placement { state, at, pods_on, removed, moves, survival, .. } = self;
        KeptPlacement { tally: state.into_tally(), at, pods_on, removed, moves, survival }
    }

    /// The snapshot's own placement, with headroom set aside.
    pub fn of_snapshot(problem: &'a Problem<'a>) -> Placement<'a> {
        let cluster = problem.cluster;
        let mut state = State::of_snapshot(cluster);
        state.reserve_headroom(problem.policy.headroom_per_mille);
        let at = cluster.pods.iter().map(|pod| pod.node).collect();
        let survival = Survival::of_snapshot(cluster, &problem.zones, &problem.replicated);
        Placement { problem, state, at, pods_on: cluster.pods_on.clone(), removed: Vec::new(), moves: 0, survival }
    }

    /// What a pod takes where it is now.
    pub fn holds(&self, pod: usize) -> Holds {
        match self.problem.cluster.pods[pod].node {
            None => Holds::Reserved,
            home if home == self.at[pod] => Holds::AsSeen,
            Some(_) => Holds::Requests,
        }
    }

    /// The pods on a node with what they hold.
    pub fn on_node(&self, node: usize) -> Vec<(usize, Holds)> {
        self.pods_on[node].iter().map(|pod| (*pod as usize, self.holds(*pod as usize))).collect()
    }

    /// Takes a pod off its node.
    pub fn lift(&mut self, pod: usize) {
        if let Some(node) = self.at[pod] {
            self.state.take(pod, node as usize, self.holds(pod));
            self.pods_on[node as usize].retain(|other| *other as usize != pod);
            self.moves -= usize::from(self.is_away(pod));
            self.at[pod] = None;
            if let Some(workload) = self.problem.replicated.workload_of(pod) {
                self.survival.lift(workload, self.problem.zones.of(node as usize));
            }
        }
    }

    /// Puts a lifted pod on a node.
    pub fn set(&mut self, pod: usize, node: usize) {
        self.at[pod] = Some(node as u32);
        self.moves += usize::from(self.is_away(pod));
        self.pods_on[node].push(pod as u32);
        self.state.put(pod, node, self.holds(pod));
        if let Some(workload) = self.problem.replicated.workload_of(pod) {
            self.survival.put(workload, self.problem.zones.of(node));
        }
    }

    /// Takes a pod off its node that is there no more, for good.
    pub(super) fn forget(&mut self, pod: usize) {
        let Some(node) = self.at[pod] else { return };
        self.state.take(pod, node as usize, self.holds(pod));
        self.pods_on[node as usize].retain(|other| *other as usize != pod);
        self.moves -= usize::from(self.is_away(pod));
        self.at[pod] = None;
        if let Some(workload) = self.problem.replicated.workload_of(pod) {
            self.survival.moved(workload, self.problem.zones.of(node as usize), None);
        }
    }

    /// Puts a pod on a node that was never anywhere before.
    pub(super) fn welcome(&mut self, pod: usize, node: usize) {
        self.at[pod] = Some(node as u32);
        self.moves += usize::from(self.is_away(pod));
        self.pods_on[node].push(pod as u32);
        self.state.put(pod, node, self.holds(pod));
        if let Some(workload) = self.problem.replicated.workload_of(pod) {
            self.survival.moved(workload, None, self.problem.zones.of(node));
        }
    }

    /// Would their workloads survive the loss of as many zones as before, with these lifted pods on the node?
    pub fn survives(&self, pods: &[u32], node: usize) -> bool {
        let workload_of = |pod: &u32| self.problem.replicated.workload_of(*pod as usize);
        pods.iter().filter_map(workload_of).all(|workload| {
            let of_it = pods.iter().filter(|pod| workload_of(pod) == Some(workload)).count();
            self.survival.allows(workload, self.problem.zones.of(node), of_it as u32)
        })
    }

    /// Is the pod elsewhere than it was?
    fn is_away(&self, pod: usize) -> bool {
        let home = self.problem.cluster.pods[pod].node;
        home.is_some() && home != self.at[pod]
    }

    /// What the removed nodes cost.
    pub fn saved(&self) -> UsdPerHour {
        self.removed.iter().filter_map(|node| self.problem.price(*node as usize)).sum()
    }

    /// What the preferences weigh that these pods do not have where they are.
    pub fn broken_by(&self, pods: impl Iterator<Item = u32>) -> i64 {
        if !self.problem.cluster.has_preferences {
            return 0;
        }
        let of_pod = |pod: u32| {
            let class = self.problem.cluster.class_of(pod as usize);
            self.at[pod as usize].map_or(0, |node| self.state.broken(class, node as usize, Asks::IsThere))
        };
        pods.map(of_pod).sum()
    }

    /// What the removed nodes cost, less the price of the preferences that no longer hold: what a search is to find most of.
    /// It depends on where pods are alone, not on where they were, or planning again would see it otherwise.
    pub fn worth(&self) -> UsdPerHour {
        let pods = (0..self.at.len() as u32).filter(|pod| !self.problem.goes_with_node(*pod as usize));
        self.saved() - self.problem.price_of_broken(self.broken_by(pods))
    }

    /// Does a lifted pod fit there?
    pub fn fits(&self, pod: usize, node: usize) -> bool {
        self.state.fits(self.problem.cluster.class_of(pod), node)
    }

    /// Takes an emptied and cordoned node away with what goes with it.
    pub fn remove_node(&mut self, node: usize) {
        for (pod, holds) in self.on_node(node) {
            self.state.take(pod, node, holds);
            self.at[pod] = None;
        }
        self.pods_on[node].clear();
        self.state.remove_node(node);
        self.removed.push(node as u32);
    }

    /// Takes the removal of a node back: it is there and open, with what went with it.
    pub fn return_node(&mut self, node: usize) {
        let Some(at) = self.removed.iter().position(|removed| *removed as usize == node) else { return };
        self.removed.remove(at);
        self.state.return_node(node);
        let problem = self.problem;
        for pod in &problem.cluster.pods_on[node] {
            if problem.goes_with_node(*pod as usize) {
                self.set(*pod as usize, node);
            }
        }
        self.state.uncordon(node, &self.on_node(node));
    }

    /// The part of the cluster that is free on a node.
    pub fn free_size(&self, node: usize) -> f64 {
        self.problem.size(self.state.free(node, CPU), self.state.free(node, MEMORY))
    }
}
