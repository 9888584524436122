//! A snapshot made ready for fast answers: dense indexes, pods grouped into classes of one shape, nodes' fixed
//! eligibility worked out once, and the groups of pods that spread and affinity rules count.

mod build;
mod eligibility;
mod groups;
mod preferred;
mod volumes;

use model::{HostPort, Name, Snapshot, Volume};
use rustc_hash::FxHashMap;

pub use crate::node_set::NodeSet;
pub(crate) use build::{amounts, held_extra};
pub(crate) use eligibility::{NodeSets, tolerates_cordon};
pub(crate) use groups::{effective_selector, term_selects_existing, term_selects_incoming, topology};
pub(crate) use preferred::FULL_WEIGHT;
pub use preferred::{Preferred, Wants};
pub(crate) use volumes::disks_conflict;

/// CPU, memory, ephemeral storage and pod count come first; extended resources follow.
pub const CPU: usize = 0;
/// Bytes of memory.
pub const MEMORY: usize = 1;
/// Bytes of local ephemeral storage.
pub const EPHEMERAL_STORAGE: usize = 2;
/// How many pods.
pub const PODS: usize = 3;
/// Where extended resources begin.
pub const FIRST_SCALAR: usize = 4;

/// No domain: the node lacks the topology key.
pub const NO_DOMAIN: u32 = u32::MAX;

/// A snapshot compiled.
pub struct Cluster<'a> {
    /// What it was compiled from.
    pub snapshot: &'a Snapshot,
    /// What that came to.
    pub compiled: Compiled,
}

/// What compiling a snapshot comes to. It outlives the snapshot that it is of, so that one changed object need not cost
/// compiling all others again.
#[derive(Default)]
pub struct Compiled {
    /// How many resources are counted.
    pub resources: usize,
    /// Names of the extended resources, from `FIRST_SCALAR` on.
    pub scalar_names: Vec<Name>,
    /// status.allocatable, node by node, `resources` each.
    pub allocatable: Vec<i64>,
    /// By pod index.
    pub pods: Vec<CompiledPod>,
    /// Shapes of pods.
    pub classes: Vec<Class>,
    /// Live pods of each node.
    pub pods_on: Vec<Vec<u32>>,
    /// Topology keys that some rule uses.
    pub topologies: Vec<Topology>,
    /// What topology spread constraints count.
    pub spread_groups: Vec<SpreadGroup>,
    /// What required pod affinities count.
    pub affinity_groups: Vec<AffinityGroup>,
    /// Required anti-affinity terms, and preferred ones of both kinds.
    pub anti_affinity_terms: Vec<AntiAffinityTerm>,
    /// What soft taints and preferred node affinity weigh that a node does not meet, by node.
    pub node_preferences: Vec<Vec<i64>>,
    /// Some pod would rather be here than there.
    pub has_preferences: bool,
    /// Sets of nodes that several things share.
    pub node_sets: Vec<std::sync::Arc<NodeSet>>,
    /// What the storage drivers allow of each node, and what is attached already.
    pub attachments: Vec<NodeAttachments>,
    /// How many ReadWriteOncePod claims are tracked.
    pub single_pod_claims: usize,
    /// Label keys that some selector or matchLabelKeys names; no other can tell two pods apart.
    pub(crate) selected_keys: std::collections::BTreeSet<Name>,
}

impl std::ops::Deref for Cluster<'_> {
    type Target = Compiled;

    fn deref(&self) -> &Compiled {
        &self.compiled
    }
}

/// A pod, compiled.
#[derive(Clone, Debug)]
pub struct CompiledPod {
    /// Its shape.
    pub class: u32,
    /// Where it runs, when it holds anything there.
    pub node: Option<u32>,
    /// What it holds there beyond what its class asks for, by resource; empty but for resizes under way.
    pub held_extra: Vec<(u16, i64)>,
    /// It is being deleted: spread does not count it.
    pub terminating: bool,
}

/// Pods that no filter can tell apart.
#[derive(Clone, Debug)]
pub struct Class {
    /// metadata.namespace.
    pub namespace: Name,
    /// What a pod asks for, by resource, without zeros and without the pod itself.
    pub requests: Vec<(u16, i64)>,
    /// The nodes that pass every filter that no placement changes, an index in `Cluster::node_sets`.
    pub eligible: u32,
    /// Host ports.
    pub ports: Vec<HostPort>,
    /// Hard spread constraints.
    pub spread: Vec<SpreadUse>,
    /// Spread groups that count pods of this class.
    pub counted_in_spread: Vec<u32>,
    /// The group of its required affinity, and whether it selects itself.
    pub affinity: Option<(u32, bool)>,
    /// Affinity groups that count pods of this class.
    pub counted_in_affinity: Vec<u32>,
    /// Anti-affinity terms that its pods hold.
    pub anti_affinity: Vec<u32>,
    /// Anti-affinity terms whose holders' filter counts pods of this class.
    pub counted_in_anti_affinity: Vec<u32>,
    /// Anti-affinity terms whose holders keep pods of this class away.
    pub repelled_by: Vec<u32>,
    /// What it would rather have, where it would rather have anything.
    pub preferred: Option<Box<Preferred>>,
    /// Volumes that count against the limits of a driver.
    pub attaches: Vec<Attach>,
    /// Looking up its own volumes for limits fails: the filter fails wherever a limit is asked for.
    pub attach_error: AttachError,
    /// In-tree disks that must not be used twice on a node.
    pub disks: Vec<Volume>,
    /// ReadWriteOncePod claims.
    pub single_pod_claims: Vec<u32>,
    /// Every claim it uses directly that is ReadWriteOncePod for somebody: counted for others.
    pub uses_single_pod_claims: Vec<u32>,
}

/// Whether the volumes of a class can be looked up for the limits of drivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachError {
    /// All are there.
    #[default]
    None,
    /// As a pod to place it fails on every node.
    AsIncoming,
    /// It fails others on its node too.
    Always,
}

/// One volume of a class that a driver's limit counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attach {
    /// The CSI driver.
    pub driver: Name,
    /// Its handle, unique with the driver.
    pub handle: Name,
    /// Only on nodes with a CSINode, as in-tree volumes that migrate.
    pub needs_csi_node: bool,
}

/// Limits and attachments of one node.
#[derive(Clone, Debug, Default)]
pub struct NodeAttachments {
    /// It has a CSINode.
    pub has_csi_node: bool,
    /// Most volumes by driver.
    pub limits: Vec<(Name, i64)>,
    /// Volumes that VolumeAttachments name, (driver, handle).
    pub attached: Vec<(Name, Name)>,
}

/// A topology key with the domain of each node.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The label key.
    pub key: Name,
    /// By node; `NO_DOMAIN` where the label is missing.
    pub domain_of: Vec<u32>,
    /// How many domains.
    pub domains: u32,
    /// The label's value by domain.
    pub values: Vec<Name>,
}

/// What a topology spread constraint counts: pods of a selector by domain of the nodes that take part.
#[derive(Clone, Debug)]
pub struct SpreadGroup {
    /// An index in `Cluster::topologies`.
    pub topology: u32,
    /// Nodes that take part, an index in `Cluster::node_sets`.
    pub nodes: u32,
    /// A node that gets cordoned takes part no more (nodeTaintsPolicy Honor and no toleration).
    pub leaves_when_cordoned: bool,
    /// Some constraint on it is a filter.
    pub is_required: bool,
}

/// One hard spread constraint of a class.
#[derive(Clone, Debug)]
pub struct SpreadUse {
    /// An index in `Cluster::spread_groups`.
    pub group: u32,
    /// maxSkew.
    pub max_skew: i64,
    /// minDomains, 1 where absent.
    pub min_domains: i64,
    /// Its selector selects the pod itself.
    pub selects_itself: bool,
}

/// What a required pod affinity counts: pods that all its terms select.
#[derive(Clone, Debug)]
pub struct AffinityGroup {
    /// The topologies of its terms, one for each term.
    pub topologies: Vec<u32>,
}

/// One required anti-affinity term of pods in one namespace.
#[derive(Clone, Debug)]
pub struct AntiAffinityTerm {
    /// An index in `Cluster::topologies`.
    pub topology: u32,
}

impl Topology {
    /// Is each node a domain of its own? Nodes are not counted for it: it must be the same when some are gone.
    pub fn is_by_node(&self) -> bool {
        &*self.key == "kubernetes.io/hostname"
    }

    /// Has no domain more than one of the nodes that are there?
    pub(crate) fn has_one_node_each(&self) -> bool {
        self.domain_of.iter().filter(|domain| **domain != NO_DOMAIN).count() == self.domains as usize
    }
}

impl Class {
    /// The spread groups that its pods are counted in or constrained by.
    pub fn spread_groups(&self) -> impl Iterator<Item = u32> + '_ {
        self.spread.iter().map(|constraint| constraint.group).chain(self.counted_in_spread.iter().copied())
    }

    /// Do its filters look at pods on other nodes?
    pub fn looks_at_others(&self) -> bool {
        !(self.spread.is_empty()
            && self.affinity.is_none()
            && self.anti_affinity.is_empty()
            && self.repelled_by.is_empty())
    }
}

impl<'a> Cluster<'a> {
    /// Compiles a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Cluster<'a> {
        build::compile(snapshot)
    }

    /// How many nodes.
    pub fn nodes(&self) -> usize {
        self.snapshot.nodes.len()
    }

    /// The class of a pod.
    pub fn class_of(&self, pod: usize) -> &Class {
        &self.classes[self.pods[pod].class as usize]
    }

    /// The topology over which a spread group counts.
    pub fn topology_of_spread(&self, group: u32) -> &Topology {
        &self.topologies[self.spread_groups[group as usize].topology as usize]
    }

    /// Are the two nodes in one domain of everything that pods of the class are spread over, nodes apart?
    pub fn is_near(&self, class: &Class, a: usize, b: usize) -> bool {
        class.spread.iter().all(|constraint| {
            let topology = self.topology_of_spread(constraint.group);
            topology.is_by_node() || topology.domain_of[a] == topology.domain_of[b]
        })
    }

    /// The nodes that pass every filter that no placement changes.
    pub fn eligible(&self, class: &Class) -> &NodeSet {
        &self.node_sets[class.eligible as usize]
    }

    /// Allocatable amount of one resource on one node.
    pub fn allocatable(&self, node: usize, resource: usize) -> i64 {
        self.allocatable[node * self.resources + resource]
    }

    /// What a class asks of one resource.
    pub fn request(&self, class: &Class, resource: usize) -> i64 {
        class.requests.iter().find(|(at, _)| *at as usize == resource).map_or(0, |(_, amount)| *amount)
    }
}

/// Gives equal values one number.
#[derive(Default)]
pub(crate) struct Interner<K> {
    numbers: FxHashMap<K, u32>,
}

impl<K: std::hash::Hash + Eq> Interner<K> {
    pub(crate) fn new() -> Interner<K> {
        Interner { numbers: FxHashMap::default() }
    }

    /// The number of the value, and whether it is new.
    pub(crate) fn intern(&mut self, value: K) -> (u32, bool) {
        let next = self.numbers.len() as u32;
        match self.numbers.entry(value) {
            std::collections::hash_map::Entry::Occupied(entry) => (*entry.get(), false),
            std::collections::hash_map::Entry::Vacant(entry) => (*entry.insert(next), true),
        }
    }
}
