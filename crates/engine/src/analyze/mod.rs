//! What a cluster costs and wastes: nodes, workloads, namespaces, and what is paid for and used by nobody.
//! The formulas stand in docs/formulas.md.

mod analysis;
mod cost;
mod namespaces;
mod nodes;
mod rank;
#[cfg(test)]
mod testing;
mod totals;
mod usage;
mod waste;
mod workloads;

use model::{Finding, FindingCode, Prices, Severity, Snapshot, Subject};

pub use analysis::{Analysis, NamespaceAnalysis, NodeAnalysis, WastePattern, WorkloadAnalysis};
pub use cost::{Cost, PodCost};
pub use nodes::pod_costs;
pub use rank::rank_by_dollars;
pub use totals::Totals;
pub use usage::{MeasuredUse, PartUsed};

use nodes::Placement;

/// Analyzes a snapshot at these prices. `pins` says of a node, by its index, which pods on it may not be evicted.
pub fn analyze(snapshot: &Snapshot, prices: &Prices, pins: &dyn Fn(usize) -> Vec<Finding>) -> Analysis {
    let placement = Placement::of(snapshot, prices);
    let nodes = nodes::analyze_nodes(snapshot, prices, &placement, pins);
    let workloads = workloads::analyze_workloads(snapshot, &placement);
    let namespaces = namespaces::analyze_namespaces(snapshot, &placement);
    let ground = waste::Ground { snapshot, placement: &placement, nodes: &nodes, workloads: &workloads };
    let (waste, patterns) = waste::find_waste(&ground);

    let totals = totals::totals(snapshot, prices);
    let idle = placement.costs.iter().filter_map(cost::NodeCost::idle).sum();
    let bare_pods = placement.bare_pods(snapshot);
    let efficiency = nodes::cluster_efficiency(&nodes);
    let findings = what_is_missing(snapshot, prices, &placement);
    Analysis {
        totals,
        idle,
        bare_pods,
        efficiency,
        nodes,
        workloads,
        namespaces,
        waste,
        patterns,
        findings,
        savings_blocked_by: Vec::new(),
    }
}

/// What makes this analysis less than it could be.
fn what_is_missing(snapshot: &Snapshot, prices: &Prices, placement: &Placement) -> Vec<Finding> {
    let mut findings = nodes::unknown_prices(snapshot, prices);
    for node in snapshot.nodes.iter().filter(|node| node.allocatable.cpu <= 0 || node.allocatable.memory <= 0) {
        let subject = Subject::Node(node.name.clone());
        let message = "allocatable has no CPU or no memory, so nothing fits";
        findings.push(Finding::new(FindingCode::NodeWithoutAllocatable, subject, message).severity(Severity::Warning));
    }
    let pending = placement.pending.len();
    if pending > 0 {
        let message = format!("{pending} pods wait for a node; they cost nothing yet");
        let mut finding = Finding::new(FindingCode::PodsPending, Subject::Cluster, message);
        finding.count = u32::try_from(pending).unwrap_or(u32::MAX);
        findings.push(finding);
    }
    findings
}
