//! Where pods are, in counts that answer at once whether one more fits. Pods are put in and taken out; nothing here
//! remembers which: the caller does.

mod counts;
mod feasible;
mod preferences;

use model::{Name, Volume};
use rustc_hash::FxHashMap;

use crate::cluster::{CPU, Class, Cluster, MEMORY, NO_DOMAIN, NodeSet, PODS};
use counts::{Counts, SpreadCounts};
pub use feasible::{Rejection, Rule};
pub use preferences::Asks;

/// The counts.
#[derive(Clone)]
pub struct State<'c, 's> {
    pub(crate) cluster: &'c Cluster<'s>,
    tally: Tally,
}

/// The counts alone, which outlive the snapshot that they are of.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    /// Free amounts, node by node.
    free: Vec<i64>,
    ports: FxHashMap<u32, Vec<(u32, u16)>>,
    attached: FxHashMap<u32, FxHashMap<(Name, Name), u32>>,
    attach_errors: FxHashMap<u32, u32>,
    disks: FxHashMap<u32, Vec<Volume>>,
    claim_users: Vec<u32>,
    spread: Vec<SpreadCounts>,
    /// By affinity group and term.
    affinity: Vec<Vec<Counts>>,
    affinity_total: Vec<u64>,
    /// By anti-affinity term: pods that it selects, and pods that hold it.
    selected: Vec<Counts>,
    holders: Vec<Counts>,
    /// Nodes that take no more pods: cordoned by the plan, or gone.
    closed: NodeSet,
}

/// What a pod takes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// What it asks for: a pod that was just placed.
    Requests,
    /// Room kept for a pending pod: what it asks for, but nothing may rest on it being there.
    Reserved,
    /// What it holds where the snapshot has it: more or less than it asks for while a resize is under way.
    AsSeen,
}

impl<'c, 's> State<'c, 's> {
    /// No pod anywhere.
    pub fn empty(cluster: &'c Cluster<'s>) -> State<'c, 's> {
        let domains = |topology: u32| cluster.topologies[topology as usize].domains;
        let mut spread = Vec::with_capacity(cluster.spread_groups.len());
        for group in &cluster.spread_groups {
            let topology = &cluster.topologies[group.topology as usize];
            let mut counts = SpreadCounts::new(topology);
            for node in cluster.node_sets[group.nodes as usize].iter() {
                counts.add_node(topology.domain_of[node]);
            }
            spread.push(counts);
        }
        let by_term = || cluster.anti_affinity_terms.iter().map(|term| Counts::new(domains(term.topology))).collect();
        let affinity = cluster
            .affinity_groups
            .iter()
            .map(|group| group.topologies.iter().map(|topology| Counts::new(domains(*topology))).collect());
        let tally = Tally {
            free: cluster.allocatable.clone(),
            ports: FxHashMap::default(),
            attached: FxHashMap::default(),
            attach_errors: FxHashMap::default(),
            disks: FxHashMap::default(),
            claim_users: vec![0; cluster.single_pod_claims],
            spread,
            affinity: affinity.collect(),
            affinity_total: vec![0; cluster.affinity_groups.len()],
            selected: by_term(),
            holders: by_term(),
            closed: NodeSet::none(cluster.nodes()),
        };
        State { cluster, tally }
    }

    /// With counts that were kept.
    pub(crate) fn of_tally(cluster: &'c Cluster<'s>, tally: Tally) -> State<'c, 's> {
        State { cluster, tally }
    }

    /// The counts, to be kept.
    pub(crate) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Every live pod where the snapshot has it.
    pub fn of_snapshot(cluster: &'c Cluster<'s>) -> State<'c, 's> {
        let mut state = State::empty(cluster);
        for (pod, compiled) in cluster.pods.iter().enumerate() {
            if let Some(node) = compiled.node {
                state.put(pod, node as usize, Holds::AsSeen);
            }
        }
        state
    }

    /// What is free of one resource on a node; below zero where it is overcommitted.
    #[inline]
    pub fn free(&self, node: usize, resource: usize) -> i64 {
        self.tally.free[node * self.cluster.resources + resource]
    }

    /// Gives a node more room, by resource, or less.
    pub fn grow(&mut self, node: usize, by: &[i64]) {
        let row = &mut self.tally.free[node * self.cluster.resources..][..self.cluster.resources];
        row.iter_mut().zip(by).for_each(|(free, by)| *free = free.saturating_add(*by));
    }

    /// Keeps part of every node's CPU and memory free, in thousandths of what is allocatable.
    pub fn reserve_headroom(&mut self, per_mille: u32) {
        self.change_headroom(-i128::from(per_mille));
    }

    /// Gives back what was kept free.
    pub fn release_headroom(&mut self, per_mille: u32) {
        self.change_headroom(i128::from(per_mille));
    }

    fn change_headroom(&mut self, per_mille: i128) {
        if per_mille == 0 {
            return;
        }
        for node in 0..self.cluster.nodes() {
            for resource in [CPU, MEMORY] {
                let share = self.headroom(node, resource, per_mille.abs());
                let free = &mut self.tally.free[node * self.cluster.resources + resource];
                *free = if per_mille < 0 { free.saturating_sub(share) } else { free.saturating_add(share) };
            }
        }
    }

    /// CPU and memory reserved for pending pods on a node may be part of the headroom there: gives that part back.
    pub fn reserve_within_headroom(&mut self, node: usize, reserved: [i64; 2], per_mille: u32) {
        for (resource, reserved) in [CPU, MEMORY].into_iter().zip(reserved) {
            let shared = self.headroom(node, resource, i128::from(per_mille)).min(reserved);
            let free = &mut self.tally.free[node * self.cluster.resources + resource];
            *free = free.saturating_add(shared);
        }
    }

    /// Rounded up, so that at least the part asked for stays free.
    fn headroom(&self, node: usize, resource: usize, per_mille: i128) -> i64 {
        let share = i128::from(self.cluster.allocatable(node, resource)) * per_mille;
        i64::try_from((share + 999) / 1000).unwrap_or(i64::MAX)
    }

    /// Puts a pod on a node, whether or not it fits.
    pub fn put(&mut self, pod: usize, node: usize, holds: Holds) {
        self.change::<true>(pod, node, holds);
    }

    /// Takes a pod from a node where it was put with the same holds.
    pub fn take(&mut self, pod: usize, node: usize, holds: Holds) {
        self.change::<false>(pod, node, holds);
    }

    fn change<const PUT: bool>(&mut self, pod: usize, node: usize, holds: Holds) {
        let cluster = self.cluster;
        let compiled = &cluster.pods[pod];
        let class = &cluster.classes[compiled.class as usize];
        let row = &mut self.tally.free[node * cluster.resources..][..cluster.resources];
        let sign = if PUT { -1 } else { 1 };
        row[PODS] += sign;
        for (resource, amount) in &class.requests {
            row[*resource as usize] += sign * amount;
        }
        if holds == Holds::AsSeen {
            for (resource, amount) in &compiled.held_extra {
                row[*resource as usize] += sign * amount;
            }
        }
        // A terminating pod is not counted by spread while the snapshot's own pod is meant; its replacement would be.
        if !(compiled.terminating && holds == Holds::AsSeen) {
            for group in &class.counted_in_spread {
                self.change_spread::<PUT>(*group, node);
            }
        }
        let supports = if holds == Holds::Reserved { &[][..] } else { &class.counted_in_affinity };
        for group in supports {
            let topologies = &cluster.affinity_groups[*group as usize].topologies;
            for (counts, topology) in self.tally.affinity[*group as usize].iter_mut().zip(topologies) {
                let domain = cluster.topologies[*topology as usize].domain_of[node];
                if domain != NO_DOMAIN {
                    change_count::<PUT>(counts, domain);
                    let total = &mut self.tally.affinity_total[*group as usize];
                    *total = if PUT { *total + 1 } else { *total - 1 };
                }
            }
        }
        for term in &class.counted_in_anti_affinity {
            let domain = self.domain_of_term(*term, node);
            if domain != NO_DOMAIN {
                change_count::<PUT>(&mut self.tally.selected[*term as usize], domain);
            }
        }
        for term in &class.anti_affinity {
            let domain = self.domain_of_term(*term, node);
            if domain != NO_DOMAIN {
                change_count::<PUT>(&mut self.tally.holders[*term as usize], domain);
            }
        }
        self.change_devices::<PUT>(compiled.class, class, node);
    }

    fn change_spread<const PUT: bool>(&mut self, group: u32, node: usize) {
        let described = &self.cluster.spread_groups[group as usize];
        if !self.takes_part(group, node) {
            return;
        }
        let domain = self.cluster.topologies[described.topology as usize].domain_of[node];
        if PUT {
            self.tally.spread[group as usize].add(domain);
        } else {
            self.tally.spread[group as usize].subtract(domain);
        }
    }

    /// Does the node take part in what the spread group counts?
    fn takes_part(&self, group: u32, node: usize) -> bool {
        let group = &self.cluster.spread_groups[group as usize];
        self.cluster.node_sets[group.nodes as usize].contains(node)
            && !(group.leaves_when_cordoned && self.tally.closed.contains(node))
    }

    fn change_devices<const PUT: bool>(&mut self, number: u32, class: &Class, node: usize) {
        let key = node as u32;
        for at in 0..class.ports.len() as u16 {
            let used = self.tally.ports.entry(key).or_default();
            if PUT {
                used.push((number, at));
            } else if let Some(found) = used.iter().position(|port| *port == (number, at)) {
                used.swap_remove(found);
            }
        }
        for attach in &class.attaches {
            if attach.needs_csi_node && !self.cluster.attachments[node].has_csi_node {
                continue;
            }
            let volumes = self.tally.attached.entry(key).or_default();
            let users = volumes.entry((attach.driver.clone(), attach.handle.clone())).or_insert(0);
            *users = if PUT { *users + 1 } else { users.saturating_sub(1) };
            if *users == 0 {
                volumes.remove(&(attach.driver.clone(), attach.handle.clone()));
            }
        }
        if class.attach_error == crate::cluster::AttachError::Always {
            let errors = self.tally.attach_errors.entry(key).or_insert(0);
            *errors = if PUT { *errors + 1 } else { errors.saturating_sub(1) };
        }
        for disk in &class.disks {
            let disks = self.tally.disks.entry(key).or_default();
            if PUT {
                disks.push(disk.clone());
            } else if let Some(found) = disks.iter().position(|other| other == disk) {
                disks.swap_remove(found);
            }
        }
        for claim in &class.uses_single_pod_claims {
            let users = &mut self.tally.claim_users[*claim as usize];
            *users = if PUT { *users + 1 } else { users.saturating_sub(1) };
        }
    }

    fn domain_of_term(&self, term: u32, node: usize) -> u32 {
        let topology = self.cluster.anti_affinity_terms[term as usize].topology;
        self.cluster.topologies[topology as usize].domain_of[node]
    }

    /// Cordons a node: it takes no more pods, and spread constraints that honour taints count it no more.
    /// `on_node` are the pods that are there, with what they hold.
    pub fn cordon(&mut self, node: usize, on_node: &[(usize, Holds)]) {
        self.change_cordon(node, on_node, true);
    }

    /// Takes a cordon back.
    pub fn uncordon(&mut self, node: usize, on_node: &[(usize, Holds)]) {
        self.change_cordon(node, on_node, false);
    }

    fn change_cordon(&mut self, node: usize, on_node: &[(usize, Holds)], close: bool) {
        if self.tally.closed.contains(node) == close {
            return;
        }
        let cluster = self.cluster;
        for (number, group) in cluster.spread_groups.iter().enumerate() {
            if !group.leaves_when_cordoned || !cluster.node_sets[group.nodes as usize].contains(node) {
                continue;
            }
            let domain = cluster.topologies[group.topology as usize].domain_of[node];
            let counted = on_node
                .iter()
                .filter(|(pod, holds)| {
                    cluster.class_of(*pod).counted_in_spread.contains(&(number as u32))
                        && !(cluster.pods[*pod].terminating && *holds == Holds::AsSeen)
                })
                .count();
            let counts = &mut self.tally.spread[number];
            for _ in 0..counted {
                if close { counts.subtract(domain) } else { counts.add(domain) }
            }
            if close { counts.remove_node(domain) } else { counts.add_node(domain) }
        }
        if close {
            self.tally.closed.insert(node);
        } else {
            self.tally.closed.remove(node);
        }
    }

    /// A cordoned and emptied node goes: its domains go with it.
    pub fn remove_node(&mut self, node: usize) {
        let cluster = self.cluster;
        for (number, group) in cluster.spread_groups.iter().enumerate() {
            if self.takes_part(number as u32, node) {
                let domain = cluster.topologies[group.topology as usize].domain_of[node];
                self.tally.spread[number].remove_node(domain);
            }
        }
    }

    /// The same for these spread groups alone.
    pub(crate) fn remove_node_from(&mut self, groups: &[u32], node: usize) {
        let cluster = self.cluster;
        for number in groups {
            if self.takes_part(*number, node) {
                let topology = cluster.spread_groups[*number as usize].topology;
                let domain = cluster.topologies[topology as usize].domain_of[node];
                self.tally.spread[*number as usize].remove_node(domain);
            }
        }
    }

    /// Takes that back.
    pub(crate) fn return_node_to(&mut self, groups: &[u32], node: usize) {
        let cluster = self.cluster;
        for number in groups {
            if self.takes_part(*number, node) {
                let topology = cluster.spread_groups[*number as usize].topology;
                let domain = cluster.topologies[topology as usize].domain_of[node];
                self.tally.spread[*number as usize].add_node(domain);
            }
        }
    }

    /// Can it change any answer of the spread group that the node is there, or is not? It cannot where its domain has more
    /// nodes, nor where so many domains are empty that the emptiest is always one of them, pods counted twice on the way.
    pub(crate) fn is_domain_of(&self, group: u32, node: usize) -> bool {
        let described = &self.cluster.spread_groups[group as usize];
        if !self.cluster.node_sets[described.nodes as usize].contains(node) {
            return false;
        }
        let domain = self.cluster.topologies[described.topology as usize].domain_of[node];
        let counts = &self.tally.spread[group as usize];
        domain != NO_DOMAIN && counts.nodes_in(domain) <= 1 && u64::from(counts.domains()) <= 2 * counts.total() + 2
    }

    /// Takes the removal of a node back; it is still closed.
    pub fn return_node(&mut self, node: usize) {
        let cluster = self.cluster;
        for (number, group) in cluster.spread_groups.iter().enumerate() {
            if self.takes_part(number as u32, node) {
                let domain = cluster.topologies[group.topology as usize].domain_of[node];
                self.tally.spread[number].add_node(domain);
            }
        }
    }

    /// Does the node take no more pods?
    pub fn is_closed(&self, node: usize) -> bool {
        self.tally.closed.contains(node)
    }
}

fn change_count<const PUT: bool>(counts: &mut Counts, domain: u32) {
    if PUT {
        counts.add(domain);
    } else {
        counts.subtract(domain);
    }
}
