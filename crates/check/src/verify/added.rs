//! Added nodes: each is described as a node of its kind would describe itself.

use model::{AddedNode, Name, Offer, Plan, Prices, Snapshot, UsdPerHour};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::rule::{Fault, Rule};

const HOSTNAME: &str = "kubernetes.io/hostname";

pub(super) fn check(snapshot: &Snapshot, prices: Option<&Prices>, plan: &Plan) -> Vec<Fault> {
    let mut names: FxHashSet<&str> = snapshot.nodes.iter().map(|node| &*node.name).collect();
    let mut faults = Vec::new();
    for added in &plan.nodes.add {
        let node = &added.node;
        if !names.insert(&node.name) {
            faults.push(Fault::new(Rule::AddedNode, "a node of this name is there already").on_node(&node.name));
        }
        if let Some(prices) = prices
            && !prices.offers.iter().any(|offer| is_offered(offer, added))
        {
            let message = "no node pool could make such a node at this price";
            faults.push(Fault::new(Rule::AddedNode, message).on_node(&node.name));
        }
        for complaint in complaints(added) {
            faults.push(Fault::new(Rule::AddedNode, complaint).on_node(&node.name));
        }
    }
    if let Some(prices) = prices {
        faults.extend(beyond_limits(prices, plan));
    }
    faults
}

/// Is it the offer's node, with a name of its own?
fn is_offered(offer: &Offer, added: &AddedNode) -> bool {
    let (node, meant) = (&added.node, &offer.node);
    let labels = node.labels.iter().filter(|(key, _)| &***key != HOSTNAME);
    offer.instance_type == added.instance_type
        && offer.zone == added.zone
        && offer.capacity_type == added.capacity_type
        && offer.price.usd_per_hour == added.usd_per_hour
        && labels.eq(meant.labels.iter())
        && node.taints == meant.taints
        && node.allocatable == meant.allocatable
}

/// Pools that would make more than their limits leave room for.
fn beyond_limits(prices: &Prices, plan: &Plan) -> Vec<Fault> {
    let mut shares: FxHashMap<&Name, f64> = FxHashMap::default();
    for added in &plan.nodes.add {
        let offer = prices.offers.iter().find(|offer| is_offered(offer, added));
        if let Some((offer, most)) = offer.and_then(|offer| Some((offer, offer.most?))) {
            *shares.entry(&offer.pool).or_default() += 1.0 / f64::from(most).max(f64::MIN_POSITIVE);
        }
    }
    let beyond = shares.into_iter().filter(|(_, share)| *share > 1.0 + 1e-9);
    let fault = |(pool, _): (&Name, f64)| {
        Fault::new(Rule::AddedNode, format!("more nodes of pool {pool} than its limits leave room for"))
    };
    let mut faults: Vec<Fault> = beyond.map(fault).collect();
    faults.sort_by(|a, b| a.message.cmp(&b.message));
    faults
}

fn complaints(added: &AddedNode) -> Vec<String> {
    const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
    let node = &added.node;
    let mut complaints = Vec::new();
    if !is_subdomain(&node.name) {
        complaints.push("its name is no name for a node".to_owned());
    }
    let hostname = node.labels.get(HOSTNAME);
    if hostname != Some(&node.name) {
        let found = hostname.map_or("missing".into(), |name| format!("{name:?}"));
        complaints.push(format!("its label {HOSTNAME} is {found}"));
    }
    // Only labels that are there can contradict: a cluster on bare metal has no instance types.
    if node.labels.get(INSTANCE_TYPE).is_some_and(|label| *label != added.instance_type) {
        complaints.push(format!("its label {INSTANCE_TYPE} is not {}", added.instance_type));
    }
    if node.zone().is_some_and(|zone| *zone != added.zone) {
        complaints.push(format!("its zone label is not {}", added.zone));
    }
    let allocatable = &node.allocatable;
    if allocatable.cpu <= 0 || allocatable.memory <= 0 || allocatable.pods <= 0 {
        complaints.push("its allocatable has no CPU, no memory or no pods".to_owned());
    }
    if allocatable.ephemeral_storage < 0 || allocatable.scalar.iter().any(|(_, amount)| *amount < 0) {
        complaints.push("its allocatable is below zero".to_owned());
    }
    let exceeds = |have: i64, capacity: i64| capacity > 0 && have > capacity;
    if exceeds(allocatable.cpu, node.capacity.cpu) || exceeds(allocatable.memory, node.capacity.memory) {
        complaints.push("its allocatable exceeds its capacity".to_owned());
    }
    if added.usd_per_hour <= UsdPerHour::ZERO {
        complaints.push("it has no price".to_owned());
    }
    if node.unschedulable || node.terminating {
        complaints.push("it is cordoned or being deleted".to_owned());
    }
    complaints
}

/// A DNS subdomain as Kubernetes wants for names of nodes.
fn is_subdomain(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}
