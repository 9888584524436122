//! What can be broken in the plan as a whole.

use std::sync::Arc;

use check::Rule;
use model::{AddedNode, CapacityType, Labels, Node, Phase, Plan, Pod, PodSpec, Unpriced, UsdPerHour};

use super::{Case, Mutations, STEPS};

impl Mutations<'_> {
    /// Two waves that a budget or the quarter of a workload keeps apart, made one.
    pub(super) fn merged_waves(&mut self) {
        let Case { snapshot, plan, .. } = self.case;
        let last = plan.migrations.iter().map(|step| step.wave).max().unwrap_or(0);
        for wave in 1..last {
            let mut lost: std::collections::BTreeMap<u32, u64> = Default::default();
            for step in plan.migrations.iter().filter(|step| step.wave == wave || step.wave == wave + 1) {
                let Some(pod) = snapshot.pod(&step.namespace, &step.pod) else { continue };
                if !snapshot.budgets.iter().any(|budget| budget.covers(pod))
                    && let Some(workload) = pod.workload
                {
                    *lost.entry(workload).or_default() += 1;
                }
            }
            let ready = |workload: u32| {
                let of_workload = |pod: &&Pod| pod.workload == Some(workload) && pod.ready && !pod.is_finished();
                snapshot.pods.iter().filter(of_workload).count() as u64
            };
            if lost.iter().any(|(workload, lost)| *lost > ready(*workload).div_ceil(4)) {
                self.add("two waves in one", &[Rule::WorkloadQuarter], |case| {
                    for step in case.plan.migrations.iter_mut().filter(|step| step.wave > wave) {
                        step.wave -= 1;
                    }
                });
            }
        }
    }

    pub(super) fn limits(&mut self) {
        let saved = self.case.plan.summary.saved();
        let moves = self.case.plan.migrations.len();
        if !self.case.plan.nodes.remove.is_empty() {
            self.add("a plan that saves too little", &[Rule::Savings], |case| {
                case.policy.least_saved = saved + UsdPerHour::from_nanos(1);
            });
        }
        if moves > 0 {
            self.add("a plan that moves more than it may", &[Rule::PlanSize], |case| {
                case.policy.most_moves = Some(moves as u32 - 1);
            });
            self.add("moves that save too little", &[Rule::Savings], |case| {
                case.policy.least_saved_per_move = saved.share(1, moves as i64) + UsdPerHour::from_nanos(1);
            });
            self.add("a wave that moves more than it may", &[Rule::WaveSize], |case| {
                case.policy.most_moves_per_wave = Some(0);
            });
        }
    }

    pub(super) fn nodes(&mut self) {
        let Case { snapshot, plan, .. } = self.case;
        let is_left = |pod: &&Pod, node: &Node| {
            pod.node.as_ref() == Some(&node.name)
                && !pod.is_finished()
                && !pod.is_daemon()
                && !pod.is_static()
                && !plan.migrations.iter().any(|step| step.namespace == pod.namespace && step.pod == pod.name)
        };
        let occupied = snapshot.nodes.iter().find(|node| {
            !plan.nodes.remove.contains(&node.name) && snapshot.pods.iter().any(|pod| is_left(&pod, node))
        });
        if let Some(node) = occupied.map(|node| node.name.clone()) {
            self.add("an occupied node goes", &[Rule::RemovedNode], |case| case.plan.nodes.remove.push(node));
        }
        self.add("a node goes that is not there", &[Rule::RemovedNode], |case| {
            case.plan.nodes.remove.push("nowhere".into());
        });
        for name in plan.nodes.remove.iter().take(STEPS) {
            let Some(at) = snapshot.nodes.iter().position(|node| node.name == *name) else { continue };
            self.add("a node goes twice", &[Rule::RemovedNode], |case| case.plan.nodes.remove.push(name.clone()));
            self.add("a node without a price goes", &[Rule::UnpricedNode], |case| {
                case.prices.nodes[at] = Err(Unpriced { reason: "none".to_owned(), remedy: "none".to_owned() });
            });
            for key in ["cluster-autoscaler.kubernetes.io/scale-down-disabled", "karpenter.sh/do-not-disrupt"] {
                self.add(key, &[Rule::KeptNode], |case| {
                    case.snapshot.nodes[at].annotations = Labels::new(vec![(key.into(), "true".into())]);
                });
            }
            self.add("an unreadable node goes", &[Rule::KeptNode], |case| case.snapshot.nodes[at].unreadable = true);
            self.add("a pod comes to a node that goes", &[Rule::RemovedNode], |case| {
                let mut late = Pod { name: "mutation".into(), node: Some(name.clone()), ..Pod::default() };
                late.phase = Phase::Running;
                case.snapshot.pods.push(late);
            });
        }
        let bad = AddedNode {
            instance_type: "x".into(),
            capacity_type: CapacityType::OnDemand,
            zone: "x".into(),
            usd_per_hour: UsdPerHour::ZERO,
            node: Node { name: "mutation".into(), ..Node::default() },
        };
        self.add("an added node of nothing", &[Rule::AddedNode], |case| case.plan.nodes.add.push(bad.clone()));
        if let Some(node) = snapshot.nodes.first() {
            self.add("an added node of a name that is taken", &[Rule::AddedNode], |case| {
                case.plan.nodes.add.push(AddedNode { node: node.clone(), ..bad });
            });
        }
        for at in 0..plan.nodes.add.len() {
            let broken: [fn(&mut AddedNode); 5] = [
                |added| added.node.labels = Labels::default(),
                |added| added.node.allocatable.cpu = 0,
                |added| added.node.allocatable.pods = -1,
                |added| added.node.name = "Not A Name".into(),
                |added| added.node.unschedulable = true,
            ];
            for breakage in broken {
                self.add("an added node broken", &[Rule::AddedNode], |case| breakage(&mut case.plan.nodes.add[at]));
            }
        }
    }

    pub(super) fn figures(&mut self) {
        let broken: [fn(&mut Plan); 8] = [
            |plan| plan.summary.migrations += 1,
            |plan| plan.summary.waves += 1,
            |plan| plan.summary.nodes_before += 1,
            |plan| plan.summary.nodes_after += 1,
            |plan| plan.summary.nodes_unpriced += 1,
            |plan| plan.summary.usd_per_hour_before += UsdPerHour::from_nanos(1),
            |plan| plan.summary.usd_per_hour_after += UsdPerHour::from_nanos(1),
            |plan| {
                let after = plan.summary.usd_per_hour_after;
                plan.summary.usd_per_hour_lower_bound = Some(after + UsdPerHour::from_nanos(1));
            },
        ];
        for breakage in broken {
            self.add("a figure", &[Rule::Summary], |case| breakage(&mut case.plan));
        }
    }

    /// A pod that is pending and could go only where the plan takes the node away.
    pub(super) fn pending(&mut self) {
        const ONLY: &str = "only-here";
        let Some(removed) = self.case.plan.nodes.remove.first().cloned() else { return };
        let Some(at) = self.case.snapshot.nodes.iter().position(|node| node.name == removed) else { return };
        if self.case.snapshot.nodes[at].unschedulable || !self.case.snapshot.nodes[at].taints.is_empty() {
            return;
        }
        self.add("a pending pod's only node goes", &[Rule::PendingRoom], |case| {
            let node = &mut case.snapshot.nodes[at];
            let pairs = node.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
            node.labels = Labels::new(pairs.chain([(ONLY.into(), "x".into())]).collect());
            let node_selector = Labels::new(vec![(ONLY.into(), "x".into())]);
            let spec = Arc::new(PodSpec { node_selector, ..PodSpec::default() });
            let waiting = Pod { namespace: "zzz".into(), name: "mutation".into(), spec, ..Pod::default() };
            case.snapshot.pods.push(waiting);
        });
    }
}
