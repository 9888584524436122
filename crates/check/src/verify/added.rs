//! Added nodes: each is described as a node of its kind would describe itself.

use model::{AddedNode, Plan, Snapshot, UsdPerHour};
use rustc_hash::FxHashSet;

use crate::rule::{Fault, Rule};

pub(super) fn check(snapshot: &Snapshot, plan: &Plan) -> Vec<Fault> {
    let mut names: FxHashSet<&str> = snapshot.nodes.iter().map(|node| &*node.name).collect();
    let mut faults = Vec::new();
    for added in &plan.nodes.add {
        let node = &added.node;
        if !names.insert(&node.name) {
            faults.push(Fault::new(Rule::AddedNode, "a node of this name is there already").on_node(&node.name));
        }
        for complaint in complaints(added) {
            faults.push(Fault::new(Rule::AddedNode, complaint).on_node(&node.name));
        }
    }
    faults
}

fn complaints(added: &AddedNode) -> Vec<String> {
    const HOSTNAME: &str = "kubernetes.io/hostname";
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
