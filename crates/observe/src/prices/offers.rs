//! What could be bought: every priced type that a node pool allows, in the cluster's zones.

use std::collections::{BTreeMap, BTreeSet};

use model::{CapacityType, Name, Node, Offer, Requirement, Snapshot};

use super::location::locate;
use super::nodes::price_nodes;
use super::table::PriceTable;
use super::template::{Machine, Template};

const CAPACITY_TYPE: &str = "karpenter.sh/capacity-type";

/// Nodes that the cluster's pools could make, each with its price. A Karpenter NodePool makes any type that its
/// requirements allow; any other pool makes what it has made already.
pub fn offers(snapshot: &Snapshot, table: &PriceTable) -> Vec<Offer> {
    let mut members: BTreeMap<&Name, Vec<&Node>> = BTreeMap::new();
    for node in snapshot.nodes.iter().filter(|node| !node.unreadable) {
        if let Some(pool) = node.node_pool() {
            members.entry(pool).or_default().push(node);
        }
    }
    for pool in snapshot.node_pools.keys() {
        members.entry(pool).or_default();
    }
    let mut machines = machines(snapshot, table);
    // What runs on one architecture need not have an image for another.
    let architectures: BTreeSet<_> = snapshot.nodes.iter().filter_map(|node| node.architecture()).collect();
    machines.retain(|_, machine| machine.arch.as_ref().is_none_or(|arch| architectures.contains(arch)));
    let places = places(snapshot);
    let mut offers = Vec::new();
    for (pool, nodes) in members {
        let karpenter = snapshot.node_pools.get(pool);
        if karpenter.is_some_and(|pool| !pool.closed.is_empty()) {
            continue;
        }
        let Some(template) = Template::new(snapshot, pool, &nodes, &machines) else { continue };
        let mut candidates: Vec<(Name, Name, CapacityType, Node)> = Vec::new();
        let mut add = |machine: &Machine, zone: &Name, region: Option<&Name>, capacity_type: CapacityType| {
            if let Some(node) = template.node(machine, zone, region, capacity_type) {
                candidates.push((machine.instance_type.clone(), zone.clone(), capacity_type, node));
            }
        };
        match karpenter {
            Some(_) => {
                for (machine, (zone, region)) in
                    machines.values().flat_map(|machine| places.iter().map(move |at| (machine, at)))
                {
                    add(machine, zone, region.as_ref(), CapacityType::OnDemand);
                    add(machine, zone, region.as_ref(), CapacityType::Spot);
                }
            }
            None => {
                let made: BTreeSet<_> = nodes.iter().map(|node| (node.instance_type(), node.capacity_type())).collect();
                let zones: BTreeSet<_> = nodes.iter().filter_map(|node| node.zone()).collect();
                for (instance_type, capacity_type) in made {
                    let Some(machine) = instance_type.and_then(|name| machines.get(name)) else { continue };
                    for (zone, region) in places.iter().filter(|(zone, _)| zones.contains(zone)) {
                        add(machine, zone, region.as_ref(), capacity_type);
                    }
                }
            }
        }
        let requirements = karpenter.map_or(&[][..], |pool| &pool.requirements);
        candidates.retain(|(.., capacity_type, node)| {
            // A label that the pool gives its nodes is a requirement, too.
            let has_labels = |pool: &model::snapshot::NodePool| {
                pool.labels.iter().all(|(key, value)| node.labels.get(key) == Some(value))
            };
            meets(requirements, karpenter.is_some(), *capacity_type, node) && karpenter.is_none_or(has_labels)
        });
        let nodes_only: Vec<Node> = candidates.iter().map(|(.., node)| node.clone()).collect();
        let prices = price_nodes(&nodes_only, table);
        for ((instance_type, zone, capacity_type, node), price) in candidates.into_iter().zip(prices.nodes) {
            let Ok(price) = price else { continue };
            if price.usd_per_hour.nanos() > 0 {
                let most = template.most(karpenter, &nodes, &node);
                if most == Some(0) {
                    continue;
                }
                offers.push(Offer { pool: pool.clone(), instance_type, zone, capacity_type, price, node, most });
            }
        }
    }
    offers
}

/// Does the pool make such nodes? Without a requirement on it Karpenter buys on demand.
fn meets(requirements: &[Requirement], is_karpenter: bool, capacity_type: CapacityType, node: &Node) -> bool {
    let is_asked = requirements.iter().any(|requirement| &*requirement.key == CAPACITY_TYPE);
    (!is_karpenter || is_asked || capacity_type == CapacityType::OnDemand)
        && requirements.iter().all(|requirement| requirement.matches(node.labels.get(&requirement.key)))
}

/// Zones with their regions, of nodes that take pods. Not every provider has regions.
fn places(snapshot: &Snapshot) -> BTreeSet<(Name, Option<Name>)> {
    let place = |node: &Node| {
        let location = locate(node);
        Some((Name::from(location.zone?), location.region.map(Name::from)))
    };
    snapshot.nodes.iter().filter_map(place).collect()
}

/// Types by name: those seen as they are, the others by the shape that a price row gives. Those with GPUs are left out.
fn machines<'a>(snapshot: &'a Snapshot, table: &PriceTable) -> BTreeMap<Name, Machine<'a>> {
    let mut machines: BTreeMap<Name, Machine<'a>> = BTreeMap::new();
    for row in table.rows().filter(|row| row.shape.gpu.unwrap_or(0) == 0) {
        let (Some(vcpu), Some(memory_gib)) = (row.shape.vcpu, row.shape.memory_gib) else { continue };
        machines.entry(row.instance_type.clone()).or_insert_with(|| Machine {
            instance_type: row.instance_type.clone(),
            vcpu,
            memory_gib,
            pods: row.shape.pods,
            arch: row.shape.arch.clone(),
            seen: None,
        });
    }
    for node in snapshot.nodes.iter().filter(|node| node.ready && !node.unreadable) {
        let Some(name) = node.instance_type() else { continue };
        let machine = machines.entry(name.clone()).or_insert_with(|| Machine::of(name, node));
        machine.seen.get_or_insert(node);
    }
    machines
}
