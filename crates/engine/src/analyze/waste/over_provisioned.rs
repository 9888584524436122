//! Workloads that use less than 30 % of what they ask for.

use model::{Finding, FindingCode, Subject};

use super::{Ground, percent};
use crate::analyze::usage::OVER_PROVISIONED_BELOW;

pub(super) fn find(ground: &Ground<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for workload in ground.workloads {
        let used = workload.part_used;
        if used.is_over_provisioned() != Some(true) {
            continue;
        }
        let below = |part: Option<f64>, name: &str| {
            let part = part.filter(|part| *part < OVER_PROVISIONED_BELOW)?;
            Some(format!("{} of the {name}", percent(part)))
        };
        let parts: Vec<String> = [below(used.cpu, "CPU"), below(used.memory, "memory")].into_iter().flatten().collect();
        let message = format!("uses {} it asks for, at the moment of the snapshot", parts.join(" and "));
        let finding =
            Finding::new(FindingCode::OverProvisioned, Subject::Workload(workload.reference.clone()), message)
                .costing(workload.over_provisioned_cost)
                .hint("one moment is no history: look at a week before asking for less");
        findings.push(finding);
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::analyze::testing::{Cluster, GIB};
    use model::FindingCode;

    #[test]
    fn what_is_asked_for_and_not_used_costs() {
        let analysis = Cluster::new()
            .node("a", 1_000, GIB, Some(1.0))
            .workload("w", None)
            .pod("w", "a", 1_000, GIB)
            .using(100, GIB)
            .analyze();
        let found = analysis.of(FindingCode::OverProvisioned);
        // CPU is 0.031611 of 0.035848, and nine tenths of it are unused.
        assert_eq!(
            found,
            ["Deployment default/w $0.7936/h: uses 10 % of the CPU it asks for, at the moment of the snapshot"]
        );
    }
}
