//! What is paid for and used by nobody, one pattern a file.

mod abandoned;
mod fragmentation;
mod idle;
mod orphaned_volumes;
mod over_provisioned;
mod oversized;
mod without_requests;

use model::{Finding, FindingCode, Node, Snapshot, UsdPerHour};

use super::analysis::{NodeAnalysis, WastePattern, WorkloadAnalysis};
use super::nodes::{Placement, is_of_its_node};
use super::rank::rank_by_dollars;

/// What every pattern looks at.
pub(super) struct Ground<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) placement: &'a Placement,
    pub(super) nodes: &'a [NodeAnalysis],
    pub(super) workloads: &'a [WorkloadAnalysis],
}

/// A pattern's code and what finds it.
type Pattern = (FindingCode, fn(&Ground<'_>) -> Vec<Finding>);

/// All patterns. No node is in more than one of the first three, so that their dollars can be summed.
const PATTERNS: [Pattern; 7] = [
    (FindingCode::IdleNode, idle::find),
    (FindingCode::Fragmentation, fragmentation::find),
    (FindingCode::OversizedNode, oversized::find),
    (FindingCode::OverProvisioned, over_provisioned::find),
    (FindingCode::PodsWithoutRequests, without_requests::find),
    (FindingCode::OrphanedVolume, orphaned_volumes::find),
    (FindingCode::AbandonedWorkload, abandoned::find),
];

/// All waste, dearest first, and the same summed by pattern.
pub(super) fn find_waste(ground: &Ground<'_>) -> (Vec<Finding>, Vec<WastePattern>) {
    let mut waste = Vec::new();
    let mut patterns = Vec::new();
    for (code, find) in PATTERNS {
        let found = find(ground);
        if found.is_empty() {
            continue;
        }
        patterns.push(WastePattern {
            code,
            findings: found.len(),
            usd_per_hour: found.iter().filter_map(|finding| finding.usd_per_hour).sum(),
            unknown_cost: found.iter().filter(|finding| finding.usd_per_hour.is_none()).count(),
        });
        waste.extend(found);
    }
    rank_by_dollars(&mut waste);
    patterns.sort_by_key(|pattern| (std::cmp::Reverse(pattern.usd_per_hour), pattern.code));
    (waste, patterns)
}

impl Ground<'_> {
    /// Does nothing but daemons run on the node?
    fn is_idle(&self, node: usize) -> bool {
        self.placement.by_node[node].iter().all(|pod| is_of_its_node(&self.snapshot.pods[*pod]))
    }

    /// Nodes of which room matters: not the control plane's, not on their way out.
    fn nodes_in_service(&self) -> impl Iterator<Item = (usize, &Node)> {
        let nodes = self.snapshot.nodes.iter().enumerate();
        nodes.filter(|(_, node)| !node.terminating && !is_control_plane(node))
    }

    fn price(&self, node: usize) -> Option<UsdPerHour> {
        self.nodes[node].price.as_ref().ok().map(|price| price.usd_per_hour)
    }
}

fn is_control_plane(node: &Node) -> bool {
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"]
        .iter()
        .any(|label| node.labels.get(label).is_some())
}

/// `12 %`.
fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}
