//! Workloads that nobody seems to use: scaled to zero for a month, or old and doing nothing.

use model::{Finding, FindingCode, Snapshot, Subject, Time, UsdPerHour, Workload};

use super::Ground;
use crate::analyze::analysis::WorkloadAnalysis;

const DAY_SECONDS: i64 = 86_400;

/// A workload younger than this may not be in use yet.
const OLD_DAYS: i64 = 30;

/// Every pod must have run at least so long, for its use to say anything.
const POD_OLD_DAYS: i64 = 7;

/// A pod that uses at most this much CPU does nothing but wait: health checks alone take more.
const IDLE_MILLICORES_A_POD: i64 = 1;

/// Kinds that come and go, or belong to nodes, and are never abandoned.
const NEVER_ABANDONED: [&str; 3] = ["DaemonSet", "Job", "CronJob"];

pub(super) fn find(ground: &Ground<'_>) -> Vec<Finding> {
    let snapshot = ground.snapshot;
    let youngest = youngest_pods(snapshot);
    let mut findings = Vec::new();
    for (at, (workload, analysis)) in snapshot.workloads.iter().zip(ground.workloads).enumerate() {
        let is_old = workload.created.is_some_and(|created| days_since(snapshot, created) >= OLD_DAYS);
        if !is_old || NEVER_ABANDONED.contains(&&*workload.reference.kind) || workload.is_job {
            continue;
        }
        let pods_are_old = youngest[at].is_some_and(|created| days_since(snapshot, created) >= POD_OLD_DAYS);
        if let Some((message, cost)) = scaled_to_zero(workload, analysis).or_else(|| idle(analysis, pods_are_old)) {
            let subject = Subject::Workload(workload.reference.clone());
            let finding = Finding::new(FindingCode::AbandonedWorkload, subject, message).costing(cost);
            findings.push(finding.hint("ask its owner; delete it if nobody needs it"));
        }
    }
    findings
}

fn scaled_to_zero(workload: &Workload, analysis: &WorkloadAnalysis) -> Option<(String, Option<UsdPerHour>)> {
    let is_at_zero = workload.replicas == Some(0) && analysis.pods == 0 && workload.autoscaled.is_none();
    is_at_zero.then(|| {
        (
            format!("scaled to zero, and older than {OLD_DAYS} days; it costs nothing but clutter"),
            Some(UsdPerHour::ZERO),
        )
    })
}

fn idle(analysis: &WorkloadAnalysis, pods_are_old: bool) -> Option<(String, Option<UsdPerHour>)> {
    let used = analysis.used.filter(|used| used.pods_unmeasured == 0 && used.pods_measured == analysis.pods)?;
    let pods = i64::try_from(used.pods_measured).unwrap_or(i64::MAX);
    let is_idle = pods_are_old && used.usage.cpu <= pods.saturating_mul(IDLE_MILLICORES_A_POD);
    is_idle.then(|| {
        let message = format!(
            "older than {OLD_DAYS} days, and its pods use at most {IDLE_MILLICORES_A_POD}m CPU each at the moment of the snapshot"
        );
        (message, analysis.cost.known())
    })
}

/// Of each workload when its youngest pod was made; none where it has no pods or one of unknown age.
fn youngest_pods(snapshot: &Snapshot) -> Vec<Option<Time>> {
    let mut youngest: Vec<Option<Option<Time>>> = vec![None; snapshot.workloads.len()];
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        let Some(of) = pod.workload.and_then(|workload| youngest.get_mut(workload as usize)) else {
            continue;
        };
        *of = Some(match *of {
            None => pod.created,
            Some(seen) => seen.zip(pod.created).map(|(a, b)| a.max(b)),
        });
    }
    youngest.into_iter().map(Option::flatten).collect()
}

fn days_since(snapshot: &Snapshot, created: Time) -> i64 {
    snapshot.taken_at.seconds_since(created) / DAY_SECONDS
}

#[cfg(test)]
mod tests {
    use crate::analyze::testing::{Cluster, GIB};
    use model::FindingCode;

    #[test]
    fn an_old_workload_at_zero_is_abandoned_and_a_young_one_is_not() {
        let found = |days| {
            let cluster = Cluster::new().workload("w", Some(0)).workload_aged_days(days);
            cluster.analyze().of(FindingCode::AbandonedWorkload)
        };
        assert_eq!(
            found(30),
            ["Deployment default/w $0.0000/h: scaled to zero, and older than 30 days; it costs nothing but clutter"]
        );
        assert!(found(29).is_empty());
    }

    #[test]
    fn an_old_workload_that_does_nothing_is_abandoned_at_its_cost_but_only_where_measured() {
        let cluster = || {
            let with_node =
                Cluster::new().node("a", 1_000, GIB, Some(1.0)).workload("w", Some(1)).workload_aged_days(40);
            with_node.pod("w", "a", 500, GIB / 2).pod_aged_days(8)
        };
        let found = cluster().using(1, 5).analyze().of(FindingCode::AbandonedWorkload);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("Deployment default/w $0.5000/h: older than 30 days"), "{found:?}");
        assert!(cluster().using(2, 5).analyze().of(FindingCode::AbandonedWorkload).is_empty());
        assert!(cluster().analyze().of(FindingCode::AbandonedWorkload).is_empty());
    }
}
