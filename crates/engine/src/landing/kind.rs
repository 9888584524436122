//! Pods that no score can tell apart, and what they share.

use std::sync::Arc;

use crate::cluster::{NO_DOMAIN, NodeSet};

/// All of it, compiled.
pub(super) struct Kinds {
    /// By pod.
    pub kind_of: Vec<u32>,
    pub kinds: Vec<Kind>,
    /// By list of preferred node affinity terms: by node, the weights of those that it meets.
    pub preferred_nodes: Vec<Vec<i64>>,
    pub spread: Vec<SpreadGroup>,
    /// By affinity term: its topology.
    pub terms: Vec<u32>,
    pub topologies: Vec<Topology>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Kind {
    /// An index in `Kinds::preferred_nodes`.
    pub preferred_nodes: Option<u32>,
    /// Soft spread constraints, its own or the scheduler's defaults.
    pub spread: Vec<SpreadUse>,
    /// The constraints are its own: nodes without all the keys score nothing.
    pub needs_all_keys: bool,
    /// Whether the scheduler's defaults apply rests on services, which are not read.
    pub services_may_spread: bool,
    /// Spread groups that count its pods.
    pub counted_in_spread: Vec<u32>,
    /// Its preferred terms, with their weights, those of anti-affinity below zero.
    pub prefers: Vec<(u32, i64)>,
    /// Terms, as a newcomer's, that select its pods.
    pub counted_in_terms: Vec<u32>,
    /// Terms that its pods hold against newcomers, with their weights.
    pub holds: Vec<(u32, i64)>,
    /// Terms of pods that are there that select a newcomer of this kind.
    pub wanted_by: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SpreadUse {
    pub group: u32,
    pub max_skew: i32,
}

/// What a soft spread constraint counts.
#[derive(Clone, Debug)]
pub(super) struct SpreadGroup {
    /// An index in `Kinds::topologies`.
    pub topology: u32,
    /// The key is the hostname: pods are counted node by node, on every node.
    pub by_node: bool,
    /// Nodes whose pods count.
    pub nodes: Arc<NodeSet>,
}

/// A topology key with the domain of each node.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    pub domain_of: Vec<u32>,
    /// The domain of nodes whose label is empty, which the spread scores also take those without it for.
    pub empty: u32,
}

impl Topology {
    #[inline]
    pub(super) fn domain(&self, node: usize) -> Option<u32> {
        let domain = self.domain_of[node];
        (domain != NO_DOMAIN).then_some(domain)
    }

    #[inline]
    pub(super) fn domain_or_empty(&self, node: usize) -> u32 {
        self.domain(node).unwrap_or(self.empty)
    }
}

impl Kinds {
    #[inline]
    pub(super) fn of(&self, pod: usize) -> &Kind {
        &self.kinds[self.kind_of[pod] as usize]
    }
}
