//! Nodes, namespaces and workloads as rows, dearest first.

use std::cmp::Reverse;

use engine::analyze::{Analysis, Cost, MeasuredUse, NamespaceAnalysis, NodeAnalysis, WorkloadAnalysis};
use model::Snapshot;

use crate::args::Breakdown;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::text::count;
use crate::render::{amount, money};
use crate::scope::Scope;

/// What of an analysis is meant, dearest first; what is of unknown cost comes last.
pub struct Shown<'a> {
    /// Nodes with the labels asked for.
    pub nodes: Vec<&'a NodeAnalysis>,
    /// The namespaces asked for.
    pub namespaces: Vec<&'a NamespaceAnalysis>,
    /// Workloads of the namespaces asked for.
    pub workloads: Vec<&'a WorkloadAnalysis>,
}

impl<'a> Shown<'a> {
    /// Chooses and sorts.
    pub fn of(snapshot: &'a Snapshot, analysis: &'a Analysis, scope: &Scope) -> Shown<'a> {
        let has_labels = |node: &&NodeAnalysis| {
            let labels = snapshot.node(&node.name).map(|node| &node.labels);
            scope.selector.as_ref().is_none_or(|selector| labels.is_some_and(|labels| selector.matches(labels)))
        };
        let mut nodes: Vec<&NodeAnalysis> = analysis.nodes.iter().filter(has_labels).collect();
        nodes.sort_by_key(|node| Reverse(node.price.as_ref().ok().map(|price| price.usd_per_hour)));
        let in_scope = |namespace: &&NamespaceAnalysis| scope.has_namespace(&namespace.name);
        let mut namespaces: Vec<&NamespaceAnalysis> = analysis.namespaces.iter().filter(in_scope).collect();
        namespaces.sort_by_key(|namespace| Reverse(namespace.cost.usd_per_hour));
        let in_scope = |workload: &&WorkloadAnalysis| scope.has_namespace(&workload.reference.namespace);
        let mut workloads: Vec<&WorkloadAnalysis> = analysis.workloads.iter().filter(in_scope).collect();
        workloads.sort_by_key(|workload| Reverse(workload.cost.usd_per_hour));
        Shown { nodes, namespaces, workloads }
    }
}

/// One of the three as rows.
pub fn grid(shown: &Shown<'_>, by: Breakdown) -> Grid {
    match by {
        Breakdown::Node => nodes(&shown.nodes),
        Breakdown::Namespace => namespaces(&shown.namespaces),
        Breakdown::Workload => workloads(&shown.workloads),
    }
}

/// Nodes as rows.
pub fn nodes(nodes: &[&NodeAnalysis]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("NODE"),
        Column::words("TYPE"),
        Column::words("CAPACITY"),
        Column::words("ZONE"),
        Column::words("POOL").wide(),
        Column::numbers("$/HOUR").wide(),
        Column::numbers("$/MONTH"),
        Column::numbers("IDLE $/MONTH"),
        Column::words("PRICE").wide(),
        Column::numbers("PODS"),
        Column::numbers("CPU FULL"),
        Column::numbers("CPU OF").wide(),
        Column::numbers("MEMORY FULL"),
        Column::numbers("MEMORY OF").wide(),
        Column::numbers("CPU USED").wide(),
        Column::numbers("MEMORY USED").wide(),
        Column::numbers("EFFICIENCY"),
        Column::numbers("PINNED BY"),
    ]);
    for node in nodes {
        let price = node.price.as_ref().ok().map(|price| price.usd_per_hour);
        let text = |name: &Option<model::Name>| Cell::or_none(name.as_ref().map(ToString::to_string));
        let basis = match &node.price {
            Ok(price) => format!("{} {} {}", price.basis, price.source, price.as_of).trim_end().to_owned(),
            Err(unpriced) => unpriced.reason.clone(),
        };
        let (cpu_used, memory_used) = used(node.used);
        grid.row(vec![
            node.name.to_string().into(),
            text(&node.instance_type),
            node.capacity_type.to_string().into(),
            text(&node.zone),
            text(&node.pool),
            Cell::hour(price),
            Cell::month(price),
            Cell::month(node.idle),
            basis.into(),
            node.requested.pods.to_string().into(),
            Cell::percent(node.requested.cpu, node.allocatable.cpu),
            Cell::cpu(node.allocatable.cpu),
            Cell::percent(node.requested.memory, node.allocatable.memory),
            Cell::memory(node.allocatable.memory),
            cpu_used,
            memory_used,
            node.efficiency
                .map_or_else(Cell::none, |score| Cell::number(format!("{score:.0} %"), format!("{score:.2}"))),
            Cell::or_none(Some(node.pinned_by.len()).filter(|pods| *pods > 0).map(|pods| pods.to_string())),
        ]);
    }
    grid
}

/// Namespaces as rows.
pub fn namespaces(namespaces: &[&NamespaceAnalysis]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("NAMESPACE"),
        Column::numbers("$/MONTH"),
        Column::numbers("PODS UNPRICED").wide(),
        Column::numbers("WORKLOADS"),
        Column::numbers("PODS"),
        Column::numbers("CPU ASKED"),
        Column::numbers("MEMORY ASKED"),
        Column::numbers("CPU USED"),
        Column::numbers("MEMORY USED"),
    ]);
    for namespace in namespaces {
        let (cpu_used, memory_used) = used(namespace.used);
        grid.row(vec![
            namespace.name.to_string().into(),
            cost(&namespace.cost),
            namespace.cost.pods_unpriced.to_string().into(),
            namespace.workloads.to_string().into(),
            namespace.pods.to_string().into(),
            Cell::cpu(namespace.requested.cpu),
            Cell::memory(namespace.requested.memory),
            cpu_used,
            memory_used,
        ]);
    }
    grid
}

/// Workloads as rows.
pub fn workloads(workloads: &[&WorkloadAnalysis]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("NAMESPACE"),
        Column::words("WORKLOAD"),
        Column::numbers("$/MONTH"),
        Column::numbers("PODS UNPRICED").wide(),
        Column::numbers("REPLICAS"),
        Column::numbers("READY"),
        Column::numbers("CPU ASKED"),
        Column::numbers("MEMORY ASKED"),
        Column::numbers("CPU USED"),
        Column::numbers("MEMORY USED"),
        Column::words("OVER-PROVISIONED"),
    ]);
    for workload in workloads {
        let (cpu_used, memory_used) = used(workload.used);
        let over = match workload.part_used.is_over_provisioned() {
            None => Cell::unknown(),
            Some(false) => "no".to_owned().into(),
            Some(true) => match workload.over_provisioned_cost {
                Some(cost) => Cell::number(format!("yes, {} a month", money::month(cost)), "yes".to_owned()),
                None => Cell::number("yes, cost unknown".to_owned(), "yes".to_owned()),
            },
        };
        grid.row(vec![
            workload.reference.namespace.to_string().into(),
            format!("{}/{}", workload.reference.kind, workload.reference.name).into(),
            cost(&workload.cost),
            workload.cost.pods_unpriced.to_string().into(),
            Cell::or_none(workload.replicas.map(|replicas| replicas.to_string())),
            format!("{}/{}", workload.ready, workload.pods).into(),
            Cell::cpu(workload.requested.cpu),
            Cell::memory(workload.requested.memory),
            cpu_used,
            memory_used,
            over,
        ]);
    }
    grid
}

/// A month's cost; where pods on unpriced nodes are missing in it, it is said.
fn cost(cost: &Cost) -> Cell {
    let month = money::month(cost.usd_per_hour);
    let exact = cost.usd_per_hour.dollars_per_month().to_string();
    match cost.pods_unpriced {
        0 => Cell::number(month, exact),
        _ if cost.usd_per_hour.nanos() == 0 => Cell::unknown(),
        pods => Cell::number(format!("{month} and {} unknown", count(pods, "pod")), exact),
    }
}

/// CPU and memory; where pods are missing in it, it is said.
fn used(used: Option<MeasuredUse>) -> (Cell, Cell) {
    let Some(MeasuredUse { usage, pods_unmeasured, .. }) = used else {
        return (Cell::unknown(), Cell::unknown());
    };
    if pods_unmeasured == 0 {
        return (Cell::cpu(usage.cpu), Cell::memory(usage.memory));
    }
    let least = |shown: String| Cell::number(format!("≥ {shown}"), String::new());
    (least(amount::cpu(usage.cpu)), least(amount::memory(usage.memory)))
}
