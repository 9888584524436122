//! How many pods one wave may take: in all what the policy allows, from each budget what it allows, from a workload
//! without one a quarter of its ready replicas, rounded up, and from so many nodes of each workload as the policy allows.
//! A pod that surges takes from neither budget nor quarter.

use model::{Method, Name, Snapshot};
use rustc_hash::FxHashMap;

use crate::evictable::Evictable;

/// What is left to take in one wave.
pub struct Allowance<'a> {
    snapshot: &'a Snapshot,
    evictable: &'a Evictable<'a>,
    moves: u32,
    budgets: FxHashMap<u32, i64>,
    workloads: FxHashMap<u32, u32>,
    /// For each workload the nodes that it loses pods on, with how many.
    nodes: FxHashMap<u32, FxHashMap<Name, u32>>,
}

impl<'a> Allowance<'a> {
    /// A fresh wave.
    pub fn new(snapshot: &'a Snapshot, evictable: &'a Evictable<'a>) -> Allowance<'a> {
        let (budgets, workloads, nodes) = Default::default();
        Allowance { snapshot, evictable, moves: 0, budgets, workloads, nodes }
    }

    /// Takes a pod if this wave still may.
    pub fn take(&mut self, pod: usize) -> bool {
        if self.evictable.policy.most_moves_per_wave.is_some_and(|most| self.moves >= most) {
            return false;
        }
        if !self.node_is_allowed(pod) {
            return false;
        }
        match self.left(pod) {
            Left::Everything => {}
            Left::Nothing => return false,
            Left::Budget(budget) => *self.budgets.entry(budget).or_insert(0) += 1,
            Left::Workload(workload) => *self.workloads.entry(workload).or_insert(0) += 1,
        }
        self.moves += 1;
        if let Some((workload, node)) = self.home(pod) {
            *self.nodes.entry(workload).or_default().entry(node).or_insert(0) += 1;
        }
        true
    }

    /// Gives back what was taken for a pod.
    pub fn give_back(&mut self, pod: usize) {
        self.moves = self.moves.saturating_sub(1);
        if let Some((workload, node)) = self.home(pod) {
            let nodes = self.nodes.entry(workload).or_default();
            let pods = nodes.entry(node.clone()).or_insert(1);
            *pods -= 1;
            if *pods == 0 {
                nodes.remove(&node);
            }
        }
        if self.evictable.method(pod) == Method::Surge {
            return;
        }
        if let Some(budget) = self.evictable.budgets.spent_by(self.snapshot, pod) {
            *self.budgets.entry(budget).or_insert(1) -= 1;
        } else if self.evictable.budgets.of(pod).is_empty()
            && let Some(workload) = self.snapshot.pods[pod].workload
        {
            *self.workloads.entry(workload).or_insert(1) -= 1;
        }
    }

    /// The pod's workload and node, where the policy limits how many nodes of it a wave may touch.
    fn home(&self, pod: usize) -> Option<(u32, Name)> {
        self.evictable.policy.most_nodes_per_workload?;
        let pod = &self.snapshot.pods[pod];
        pod.workload.zip(pod.node.clone())
    }

    fn node_is_allowed(&self, pod: usize) -> bool {
        let Some(most) = self.evictable.policy.most_nodes_per_workload else { return true };
        let Some((workload, node)) = self.home(pod) else { return true };
        let touched = self.nodes.get(&workload);
        touched.is_none_or(|nodes| nodes.contains_key(&node) || nodes.len() < most as usize)
    }

    fn left(&self, pod: usize) -> Left {
        if self.evictable.method(pod) == Method::Surge {
            return Left::Everything;
        }
        if let Some(budget) = self.evictable.budgets.spent_by(self.snapshot, pod) {
            let taken = self.budgets.get(&budget).copied().unwrap_or(0);
            let allowed = self.snapshot.budgets[budget as usize].disruptions_allowed;
            return if taken < allowed { Left::Budget(budget) } else { Left::Nothing };
        }
        if !self.evictable.budgets.of(pod).is_empty() {
            return Left::Everything;
        }
        let Some(workload) = self.snapshot.pods[pod].workload else { return Left::Nothing };
        let ready = self.evictable.ready.get(workload as usize).copied().unwrap_or(0);
        let taken = self.workloads.get(&workload).copied().unwrap_or(0);
        if taken < ready.div_ceil(4) { Left::Workload(workload) } else { Left::Nothing }
    }
}

enum Left {
    Everything,
    Nothing,
    Budget(u32),
    Workload(u32),
}
