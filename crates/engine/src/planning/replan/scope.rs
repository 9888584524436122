//! What a change bears on: of everything else each rule has the answer that it had.

use rustc_hash::FxHashSet;

use crate::cluster::Cluster;
use crate::planning::Problem;
use crate::planning::waves::Move;

use super::kept::Live;

/// Nodes, groups of pods, and what limits a wave, of which something is otherwise than it was when each step was found to
/// be legal.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    /// What is on them, or leaves them, or comes to them.
    pub nodes: FxHashSet<usize>,
    /// Spread groups.
    pub spread: FxHashSet<u32>,
    /// Groups of required affinities.
    pub affinity: FxHashSet<u32>,
    /// Anti-affinity terms.
    pub terms: FxHashSet<u32>,
    /// Workloads that are to survive the loss of a zone, by their number.
    pub survivors: FxHashSet<u32>,
    /// Budgets.
    pub budgets: FxHashSet<u32>,
    /// Workloads, of which a wave may take a part.
    pub workloads: FxHashSet<u32>,
}

impl Scope {
    /// Everything that a pod is counted in or kept by.
    pub(super) fn touch_pod(&mut self, problem: &Problem<'_>, pod: usize) {
        let class = problem.cluster.class_of(pod);
        self.spread.extend(class.spread_groups());
        self.affinity.extend(class.affinity.map(|(group, _)| group));
        self.affinity.extend(&class.counted_in_affinity);
        self.terms.extend(&class.anti_affinity);
        self.terms.extend(&class.counted_in_anti_affinity);
        self.terms.extend(&class.repelled_by);
        self.survivors.extend(problem.replicated.workload_of(pod));
        self.budgets.extend(problem.evictable.budgets.of(pod));
        self.workloads.extend(problem.snapshot().pods[pod].workload);
    }

    /// Which classes have pods that bear on something in it, nodes and limits apart.
    pub(super) fn classes(&self, cluster: &Cluster<'_>) -> Vec<bool> {
        let touches = |class: &crate::cluster::Class| {
            class.spread_groups().any(|group| self.spread.contains(&group))
                || class.affinity.is_some_and(|(group, _)| self.affinity.contains(&group))
                || class.counted_in_affinity.iter().any(|group| self.affinity.contains(group))
                || [&class.anti_affinity, &class.counted_in_anti_affinity, &class.repelled_by]
                    .into_iter()
                    .flatten()
                    .any(|term| self.terms.contains(term))
        };
        cluster.classes.iter().map(touches).collect()
    }

    /// Does the step bear on anything in it?
    pub(super) fn has_step(&self, live: &Live<'_>, classes: &[bool], step: &Move) -> bool {
        let problem = live.problem;
        self.nodes.contains(&(step.from as usize))
            || self.nodes.contains(&(step.to as usize))
            || step.pods.iter().any(|pod| {
                let number = *pod as usize;
                let has_budget = || problem.evictable.budgets.of(number).iter().any(|it| self.budgets.contains(it));
                classes[problem.cluster.pods[number].class as usize]
                    || (!self.budgets.is_empty() && has_budget())
                    || self.workloads.contains(&live.workload_of[number])
            })
    }
}
