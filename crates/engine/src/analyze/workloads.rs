//! What each workload asks for, uses and costs.

use model::Snapshot;

use super::analysis::WorkloadAnalysis;
use super::cost::{Cost, PodCost};
use super::nodes::{Placement, add_pod, is_bound};
use super::usage::UseSum;

pub(super) fn analyze_workloads(snapshot: &Snapshot, placement: &Placement) -> Vec<WorkloadAnalysis> {
    let blank = |workload: &model::Workload| WorkloadAnalysis {
        reference: workload.reference.clone(),
        replicas: workload.replicas,
        pods: 0,
        ready: 0,
        requested: model::Resources::default(),
        used: None,
        part_used: Default::default(),
        over_provisioned_cost: None,
        cost: Cost::default(),
        cost_by_resource: PodCost::default(),
    };
    let mut analyses: Vec<WorkloadAnalysis> = snapshot.workloads.iter().map(blank).collect();
    let mut uses = vec![UseSum::default(); analyses.len()];
    for (at, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished()) {
        let Some(workload) = pod.workload.map(|workload| workload as usize).filter(|at| *at < analyses.len()) else {
            continue;
        };
        let analysis = &mut analyses[workload];
        let share = placement.share(snapshot, at);
        analysis.pods += 1;
        analysis.ready += usize::from(pod.ready);
        add_pod(&mut analysis.requested, pod);
        uses[workload].add(pod, placement.usage[at], share);
        if is_bound(pod) {
            analysis.cost.add(share);
            analysis.cost_by_resource += share.unwrap_or_default();
        }
    }
    for (analysis, used) in analyses.iter_mut().zip(uses) {
        analysis.used = used.measured();
        analysis.part_used = used.part_used();
        analysis.over_provisioned_cost =
            analysis.part_used.is_over_provisioned().and_then(|_| used.over_provisioned_cost());
    }
    analyses
}

#[cfg(test)]
mod tests {
    use crate::analyze::testing::{Cluster, GIB};

    #[test]
    fn a_workload_pays_by_what_it_asks_for() {
        let analysis = Cluster::new()
            .node("a", 4_000, 16 * GIB, Some(1.0))
            .workload("web", Some(2))
            .pod("web", "a", 1_000, 4 * GIB)
            .pod("web", "a", 1_000, 4 * GIB)
            .analyze();
        let web = &analysis.workloads[0];
        assert_eq!((web.replicas, web.pods, web.ready, web.requested.cpu), (Some(2), 2, 2, 2_000));
        assert!((web.cost.known().unwrap().dollars() - 0.5).abs() < 1e-6, "{:?}", web.cost);
        assert_eq!(web.cost_by_resource.total(), web.cost.usd_per_hour);
    }

    #[test]
    fn without_metrics_nobody_is_over_provisioned() {
        let analysis =
            Cluster::new().node("a", 4_000, GIB, Some(1.0)).workload("w", None).pod("w", "a", 100, 0).analyze();
        let workload = &analysis.workloads[0];
        assert_eq!((workload.used, workload.part_used.is_over_provisioned()), (None, None));
    }

    #[test]
    fn below_thirty_per_cent_of_either_resource_is_over_provisioned() {
        for (cpu, memory, over) in [(299, 900, true), (300, 900, false), (900, 100, true)] {
            let analysis = Cluster::new()
                .node("a", 4_000, 16 * GIB, Some(1.0))
                .workload("w", None)
                .pod("w", "a", 1_000, 1_000)
                .using(cpu, memory)
                .analyze();
            assert_eq!(analysis.workloads[0].part_used.is_over_provisioned(), Some(over), "{cpu} {memory}");
        }
    }

    #[test]
    fn only_measured_pods_are_compared_with_their_requests() {
        let analysis = Cluster::new()
            .node("a", 4_000, 16 * GIB, Some(1.0))
            .workload("w", None)
            .pod("w", "a", 100, 100)
            .using(90, 90)
            .pod("w", "a", 100, 100)
            .analyze();
        let workload = &analysis.workloads[0];
        assert_eq!(workload.part_used.cpu, Some(0.9));
        let used = workload.used.unwrap();
        assert_eq!((used.pods_measured, used.pods_unmeasured), (1, 1));
    }

    #[test]
    fn on_an_unpriced_node_the_cost_is_unknown_not_zero() {
        let analysis = Cluster::new().node("a", 4_000, GIB, None).workload("w", None).pod("w", "a", 100, 0).analyze();
        let cost = analysis.workloads[0].cost;
        assert_eq!((cost.known(), cost.pods_unpriced), (None, 1));
    }
}
