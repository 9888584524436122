//! What remains of a placement when moves for which no legal moment was found are not made.

use super::findings::Stuck;
use super::pending;
use super::placement::Placement;
use super::waves::{self, Ordered};
use super::{Problem, Reached};

/// Each time fewer moves are left; where some are still stuck after so many times, nothing is.
const MOST_TIMES: usize = 24;

/// Sends stuck pods home, and with them all pods of nodes that can then not go, until every move that is left has its
/// moment.
pub(super) fn without_stuck<'a>(
    problem: &'a Problem<'a>,
    start: &Placement<'a>,
    goal: &Placement<'a>,
    ordered: &Ordered,
) -> Option<Reached<'a>> {
    let mut at = goal.at.clone();
    let mut removed = goal.removed.clone();
    let mut stuck = ordered.stuck.clone();
    for _ in 0..MOST_TIMES {
        let homes: Vec<u32> = stuck.iter().map(|step| step.from).collect();
        let (kept, still_removed): (Vec<u32>, Vec<u32>) = removed.iter().partition(|node| homes.contains(node));
        removed = still_removed;
        let stuck_pods = stuck.iter().flat_map(|step| step.pods.iter().copied());
        let of_kept = kept.iter().flat_map(|node| problem.cluster.pods_on[*node as usize].iter().copied());
        for pod in stuck_pods.chain(of_kept) {
            at[pod as usize] = problem.cluster.pods[pod as usize].node;
        }
        if removed.is_empty() {
            return None;
        }
        let mut placement = placed(start, &at, &removed);
        pending::keep_room(&mut placement).ok()?;
        let ordered = waves::order(problem, &placement);
        if ordered.stuck.is_empty() {
            return Some(Reached { placement, ordered, stuck: Stuck::default() });
        }
        stuck = ordered.stuck;
    }
    None
}

/// The placement with pods there and these nodes gone.
fn placed<'a>(start: &Placement<'a>, at: &[Option<u32>], removed: &[u32]) -> Placement<'a> {
    let mut placement = start.clone();
    let moved: Vec<(usize, u32)> = at
        .iter()
        .enumerate()
        .filter(|(pod, at)| start.at[*pod] != **at)
        .filter_map(|(pod, at)| Some((pod, (*at)?)))
        .collect();
    for (pod, _) in &moved {
        placement.lift(*pod);
    }
    for (pod, node) in moved {
        placement.set(pod, node as usize);
    }
    for node in removed {
        placement.state.cordon(*node as usize, &placement.on_node(*node as usize));
        placement.remove_node(*node as usize);
    }
    placement
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A cluster that cannot be made shows itself.

    use std::sync::Arc;

    use model::{
        Node, Owner, Phase, Pod, PodSpec, Policy, Price, PriceBasis, Prices, Resources, Rollout, Snapshot, UsdPerHour,
        Workload,
    };

    use super::*;
    use crate::cluster::Cluster;

    /// Nodes a, b and c of four cores; on a and b a pod of three each, on c one of one.
    fn snapshot() -> Snapshot {
        let resources = |cpu: i64| Resources { cpu, memory: 1 << 30, ..Resources::default() };
        let node = |name: &str| {
            let allocatable = Resources { pods: 10, memory: 64 << 30, ..resources(4_000) };
            Node { name: name.into(), allocatable, ready: true, ..Node::default() }
        };
        let pod = |(at, (node, cpu)): (usize, (&str, i64))| Pod {
            namespace: "web".into(),
            name: format!("pod-{at}").into(),
            node: Some(node.into()),
            phase: Phase::Running,
            ready: true,
            workload: Some(at as u32),
            controller: Some(Owner {
                api_version: "apps/v1".into(),
                kind: "ReplicaSet".into(),
                name: format!("app-{at}").into(),
                uid: "".into(),
            }),
            requests: resources(cpu),
            held: resources(cpu),
            spec: Arc::new(PodSpec { scheduler_name: "default-scheduler".into(), ..PodSpec::default() }),
            ..Pod::default()
        };
        let workload = || Workload { rollout: Rollout::Complete, replicas: Some(1), ..Workload::default() };
        Snapshot {
            nodes: ["a", "b", "c"].map(node).into(),
            pods: [("a", 3_000), ("b", 3_000), ("c", 1_000)].into_iter().enumerate().map(pod).collect(),
            workloads: (0..3).map(|_| workload()).collect(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn two_pods_that_want_each_others_room_stay_and_the_rest_goes() {
        let snapshot = snapshot();
        let price = Price {
            usd_per_hour: UsdPerHour::from_nanos(1),
            basis: PriceBasis::Contract,
            source: "".into(),
            as_of: "".into(),
        };
        let prices = Prices { nodes: vec![Ok(price); 3], offers: Vec::new() };
        let (cluster, policy) = (Cluster::new(&snapshot), Policy::default());
        let problem = Problem::new(&cluster, &prices, &policy);
        let start = Placement::of_snapshot(&problem);
        let goal = placed(&start, &[Some(1), Some(0), Some(0)], &[2]);
        let ordered = waves::order(&problem, &goal);
        assert_eq!(ordered.stuck.len(), 2);
        let around: Vec<_> = ordered.circles.iter().map(|circle| circle.moves.clone()).collect();
        let step = |pod, from, to| waves::Move { pods: vec![pod], from, to };
        assert_eq!(around, [[step(0, 0, 1), step(1, 1, 0)]], "each waits for the other");
        let left = without_stuck(&problem, &start, &goal, &ordered).unwrap();
        assert_eq!(left.placement.removed, [2]);
        assert_eq!(left.placement.at, [Some(0), Some(1), Some(0)]);
        assert_eq!(left.ordered.waves.iter().flatten().map(|step| (step.from, step.to)).collect::<Vec<_>>(), [(2, 0)]);
    }
}
