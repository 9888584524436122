//! Nodes with nothing but daemons.

use model::{Finding, FindingCode, Severity, Subject};

use super::Ground;

/// A node younger than this may still be waiting for the pods it was bought for.
const JUST_STARTED_SECONDS: i64 = 600;

pub(super) fn find(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, node) in ground.nodes_in_service().filter(|(at, _)| ground.is_idle(*at)) {
        let taken_at = ground.snapshot.taken_at;
        if node.created.is_some_and(|created| taken_at.seconds_since(created) < JUST_STARTED_SECONDS) {
            continue;
        }
        let message = match ground.placement.by_node[at].len() {
            0 => "nothing runs on it".to_owned(),
            1 => "nothing but 1 daemon runs on it".to_owned(),
            daemons => format!("nothing but {daemons} daemons run on it"),
        };
        let subject = Subject::Node(node.name.clone());
        let finding = Finding::new(FindingCode::IdleNode, subject, message).severity(Severity::Warning);
        findings.push(finding.costing(ground.price(at)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::analyze::testing::{Cluster, GIB};
    use model::FindingCode;

    #[test]
    fn a_node_with_nothing_but_daemons_is_idle_and_costs_its_price() {
        let analysis = Cluster::new()
            .node("a", 4_000, 16 * GIB, Some(0.2))
            .daemon("a", 100, GIB)
            .node("b", 4_000, 16 * GIB, Some(0.2))
            .workload("w", None)
            .pod("w", "b", 3_000, 12 * GIB)
            .analyze();
        let idle = analysis.of(FindingCode::IdleNode);
        assert_eq!(idle, ["a $0.2000/h: nothing but 1 daemon runs on it"]);
        assert_eq!(analysis.nodes[0].daemons.cpu, 100);
    }

    #[test]
    fn an_unpriced_idle_node_is_of_unknown_cost() {
        let analysis = Cluster::new().node("a", 4_000, GIB, None).analyze();
        assert_eq!(analysis.of(FindingCode::IdleNode), ["a unknown: nothing runs on it"]);
        assert_eq!(analysis.patterns[0].unknown_cost, 1);
    }

    #[test]
    fn a_node_just_started_and_the_control_plane_are_not_idle() {
        let analysis = Cluster::new()
            .node("a", 4_000, GIB, Some(1.0))
            .aged_seconds(599)
            .node("b", 4_000, GIB, Some(1.0))
            .labelled("node-role.kubernetes.io/control-plane", "")
            .analyze();
        assert!(analysis.of(FindingCode::IdleNode).is_empty());
    }
}
