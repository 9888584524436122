//! Nodes far larger than what runs on them.

use model::{Finding, FindingCode, Subject, UsdPerHour};

use super::fragmentation::{MedianPod, median_pod, stranded};
use super::{Ground, percent};

/// A half, a quarter, an eighth: machine families double in size and price, and smaller ones than an eighth are rarely the
/// same family.
const MOST_HALVINGS: u32 = 3;

pub(super) fn find(ground: &Ground<'_>) -> Vec<Finding> {
    let median = median_pod(ground);
    let is_stranded =
        |at: usize| median.as_ref().is_some_and(|median: &MedianPod| stranded(ground, at, median).is_some());
    let mut findings = Vec::new();
    for (at, node) in ground.nodes_in_service().filter(|(at, _)| !ground.is_idle(*at)) {
        let Some(fullest) = ground.placement.costs[at].fullest() else {
            continue;
        };
        let halvings = (1..=MOST_HALVINGS).rev().find(|halvings| fullest <= 0.5_f64.powi(*halvings as i32));
        let Some(halvings) = halvings.filter(|_| !is_stranded(at)) else {
            continue;
        };
        let size = ["half", "a quarter", "an eighth"][halvings as usize - 1];
        let message = format!("at most {} of it is asked for: {size} of its size would do", percent(fullest));
        let saved = |price: UsdPerHour| price - price.share(1, 1 << halvings);
        let finding = Finding::new(FindingCode::OversizedNode, Subject::Node(node.name.clone()), message)
            .costing(ground.price(at).map(saved))
            .hint("an estimate: sizes of a family usually halve in price; `plimsoll simulate` finds what really fits");
        findings.push(finding);
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::analyze::testing::{Cluster, GIB};
    use model::FindingCode;

    #[test]
    fn a_node_asked_for_a_fifth_could_be_a_quarter_of_its_size() {
        let analysis = Cluster::new()
            .node("a", 8_000, 32 * GIB, Some(0.4))
            .workload("w", None)
            .pod("w", "a", 1_600, GIB)
            .analyze();
        assert_eq!(
            analysis.of(FindingCode::OversizedNode),
            ["a $0.3000/h: at most 20 % of it is asked for: a quarter of its size would do"]
        );
        assert!(analysis.nodes[0].idle.unwrap().dollars() >= 0.3);
    }

    #[test]
    fn a_node_whose_memory_is_needed_is_not_oversized() {
        let analysis = Cluster::new()
            .node("a", 8_000, 32 * GIB, Some(0.4))
            .workload("w", None)
            .pod("w", "a", 100, 17 * GIB)
            .analyze();
        assert!(analysis.of(FindingCode::OversizedNode).is_empty());
    }
}
