//! Which nodes to repack together with one that should go.

use crate::cluster::{CPU, MEMORY};
use crate::planning::placement::Placement;

use super::is_free;

const FEWEST: usize = 3;
const MOST: usize = 14;
/// Of so many drawn at random the one is taken that best gives what is lacking.
const DRAWN: usize = 4;

/// Nodes that could help, by zone.
pub(super) struct Pools {
    zone_of: Vec<usize>,
    by_zone: Vec<Vec<u32>>,
    all: Vec<u32>,
}

impl Pools {
    pub(super) fn new(placement: &Placement<'_>) -> Pools {
        let problem = placement.problem;
        let (mut zones, mut zone_of) = (Vec::new(), Vec::new());
        for node in &problem.snapshot().nodes {
            let zone = node.zone().cloned();
            let at = zones.iter().position(|other| *other == zone).unwrap_or_else(|| {
                zones.push(zone);
                zones.len() - 1
            });
            zone_of.push(at);
        }
        let mut pools = Pools { zone_of, by_zone: vec![Vec::new(); zones.len()], all: Vec::new() };
        for node in problem.targets.iter().filter(|node| !placement.state.is_closed(*node)) {
            pools.all.push(node as u32);
            pools.by_zone[pools.zone_of[node]].push(node as u32);
        }
        pools
    }

    /// The node is gone.
    pub(super) fn forget(&mut self, node: usize) {
        self.all.retain(|other| *other as usize != node);
        self.by_zone[self.zone_of[node]].retain(|other| *other as usize != node);
    }

    /// The node is there again.
    pub(super) fn remember(&mut self, node: usize) {
        self.all.push(node as u32);
        self.by_zone[self.zone_of[node]].push(node as u32);
    }

    /// Nodes with room for what is on this one and some to spare, most of them in its zone; these first.
    pub(super) fn helpers(
        &self,
        placement: &Placement<'_>,
        node: usize,
        first: &[usize],
        random: &mut fastrand::Rng,
    ) -> Option<Vec<usize>> {
        let problem = placement.problem;
        let cluster = problem.cluster;
        let leaving: Vec<u32> = placement.pods_on[node].iter().copied().filter(|pod| is_free(problem, *pod)).collect();
        let asked = |resource: usize| -> f64 {
            leaving.iter().map(|pod| cluster.request(cluster.class_of(*pod as usize), resource) as f64).sum()
        };
        let spare = 1.05 + random.f64();
        let mut lacking = [asked(CPU) * spare, asked(MEMORY) * spare];
        let whole = [cluster.allocatable(node, CPU).max(1) as f64, cluster.allocatable(node, MEMORY).max(1) as f64];
        let mut helpers = first.to_vec();
        let take = |lacking: &mut [f64; 2], helper: usize| {
            for (lacks, resource) in lacking.iter_mut().zip([CPU, MEMORY]) {
                *lacks -= placement.state.free(helper, resource).max(0) as f64;
            }
        };
        first.iter().for_each(|helper| take(&mut lacking, *helper));
        while helpers.len() < MOST && (helpers.len() < FEWEST || lacking.iter().any(|lacks| *lacks > 0.0)) {
            let pool = if random.f64() < 0.7 { &self.by_zone[self.zone_of[node]] } else { &self.all };
            let mut best: Option<(f64, usize)> = None;
            for _ in 0..DRAWN {
                let Some(drawn) = pool.get(random.usize(0..pool.len().max(1))).map(|drawn| *drawn as usize) else {
                    break;
                };
                if drawn == node || helpers.contains(&drawn) || !takes_some(placement, &leaving, drawn) {
                    continue;
                }
                let gives = [CPU, MEMORY].iter().enumerate().map(|(at, resource)| {
                    let free = placement.state.free(drawn, *resource).max(0) as f64 / whole[at];
                    let wanted = (lacking[at] / whole[at]).max(0.05);
                    free * wanted
                });
                let gives: f64 = gives.sum();
                if best.is_none_or(|(most, _)| gives > most) {
                    best = Some((gives, drawn));
                }
            }
            let Some((_, helper)) = best else { break };
            take(&mut lacking, helper);
            helpers.push(helper);
        }
        (!helpers.is_empty()).then_some(helpers)
    }
}

/// May any of the pods go there at all?
fn takes_some(placement: &Placement<'_>, pods: &[u32], node: usize) -> bool {
    let problem = placement.problem;
    let takes = |pod: &u32| {
        let is_eligible = problem.cluster.eligible(problem.cluster.class_of(*pod as usize)).contains(node);
        is_eligible && problem.zone_allows(problem.zone_kept(*pod as usize), node)
    };
    pods.is_empty() || pods.iter().any(takes)
}
