//! What changes for the scores when a pod is put somewhere or taken away.

use rustc_hash::FxHashMap;

use super::kind::Kinds;
use crate::cluster::Cluster;
use crate::state::Holds;

/// A number by domain or node, zero where nothing was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct ByDomain(FxHashMap<u32, i64>);

impl ByDomain {
    #[inline]
    pub(super) fn get(&self, domain: u32) -> i64 {
        self.0.get(&domain).copied().unwrap_or(0)
    }

    fn add(&mut self, domain: u32, amount: i64) {
        *self.0.entry(domain).or_insert(0) += amount;
    }
}

#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// CPU and memory in use by node.
    pub requested: Vec<[i64; 2]>,
    /// The same with containers that ask for nothing counted for a little.
    pub nonzero: Vec<[i64; 2]>,
    /// By spread group: its pods.
    pub spread: Vec<ByDomain>,
    /// By affinity term: pods that it selects.
    pub selected: Vec<ByDomain>,
    /// By affinity term: the weights with which pods hold it, summed.
    pub held: Vec<ByDomain>,
}

impl Counts {
    pub(super) fn new(cluster: &Cluster<'_>, kinds: &Kinds) -> Counts {
        Counts {
            requested: vec![[0; 2]; cluster.nodes()],
            nonzero: vec![[0; 2]; cluster.nodes()],
            spread: vec![ByDomain::default(); kinds.spread.len()],
            selected: vec![ByDomain::default(); kinds.terms.len()],
            held: vec![ByDomain::default(); kinds.terms.len()],
        }
    }

    /// Adds (`sign` 1) or takes away (−1) what the pod counts on the node.
    pub(super) fn change(
        &mut self,
        cluster: &Cluster<'_>,
        kinds: &Kinds,
        pod: usize,
        node: usize,
        holds: Holds,
        sign: i64,
    ) {
        let object = &cluster.snapshot.pods[pod];
        let (requests, nonzero) = match holds {
            Holds::AsSeen => (&object.held, &object.nonzero_held),
            Holds::Requests | Holds::Reserved => (&object.requests, &object.nonzero_requests),
        };
        add_to(&mut self.requested[node], sign, [requests.cpu, requests.memory]);
        // Once it is on a node, what a pod asks for as a whole counts too.
        let nonzero = [nonzero.cpu.max(requests.cpu), nonzero.memory.max(requests.memory)];
        add_to(&mut self.nonzero[node], sign, nonzero);
        let kind = kinds.of(pod);
        // A pod that is being deleted is not spread; its replacement would be.
        if !(object.terminating && holds == Holds::AsSeen) {
            for number in &kind.counted_in_spread {
                let group = &kinds.spread[*number as usize];
                let at = if group.by_node {
                    Some(node as u32)
                } else {
                    let is_counted = group.nodes.contains(node);
                    is_counted.then(|| kinds.topologies[group.topology as usize].domain_or_empty(node))
                };
                if let Some(at) = at {
                    self.spread[*number as usize].add(at, sign);
                }
            }
        }
        let domain = |term: u32| kinds.topologies[kinds.terms[term as usize] as usize].domain(node);
        for term in &kind.counted_in_terms {
            if let Some(domain) = domain(*term) {
                self.selected[*term as usize].add(domain, sign);
            }
        }
        for (term, weight) in &kind.holds {
            if let Some(domain) = domain(*term) {
                self.held[*term as usize].add(domain, sign * weight);
            }
        }
    }
}

fn add_to(sums: &mut [i64; 2], sign: i64, amounts: [i64; 2]) {
    for (sum, amount) in sums.iter_mut().zip(amounts) {
        *sum = sum.saturating_add(sign.saturating_mul(amount));
    }
}
