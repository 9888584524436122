//! Best-fit, but pods where their preferences hold before all.

use super::drain::drain;
use super::placement::Placement;
use super::ranked::{Rank, Ranked};
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

/// The weights of their preferences that would not hold there.
struct PreferencesBroken;

impl Rank for PreferencesBroken {
    fn rank(&self, placement: &Placement<'_>, pods: &[u32], node: usize) -> i64 {
        let cluster = placement.problem.cluster;
        let broken = |pod: &u32| placement.state.broken(cluster.class_of(*pod as usize), node, Asks::Newcomer);
        pods.iter().map(broken).sum()
    }
}
