//! Constraints by the nodes they pin: what keeps pods from being evicted.

use std::collections::BTreeMap;

use model::FindingCode;

use super::budget_for;
use super::lift::{Lift, Limit, tolerates_cordon};
use crate::evictable::keeping_annotations;
use crate::planning::Problem;

/// What would let pods move, with the dollars an hour of the nodes that they pin. A node counts in full for what alone
/// pins it, in part for what pins a part of its pods, and not at all where something on it cannot be changed.
pub(super) fn lifts(problem: &Problem<'_>) -> BTreeMap<Lift, f64> {
    let mut dollars: BTreeMap<Lift, f64> = BTreeMap::new();
    let mut of_pod = OfPod { problem, selectable: BTreeMap::new() };
    for node in 0..problem.cluster.nodes() {
        let Some(price) = problem.price(node) else { continue };
        let own = match &problem.node_blockers[node] {
            None => None,
            Some(blocker) if blocker.code == FindingCode::NodeAnnotationForbids => Some(of_node(problem, node)),
            Some(_) => continue,
        };
        let on_node = problem.cluster.pods_on[node].iter().map(|pod| *pod as usize);
        let blocked = on_node.filter(|pod| problem.pod_blockers[*pod].is_some() && !problem.goes_with_node(*pod));
        let mut pins: Vec<Vec<Lift>> = blocked.map(|pod| of_pod.lifts(pod)).collect();
        pins.extend(own.map(|lift| vec![lift]));
        let all = pins.len() as f64;
        if pins.iter().any(Vec::is_empty) {
            // It may still be worth something: the pods could move, though the node stays.
            for lift in pins.into_iter().flatten() {
                dollars.entry(lift).or_default();
            }
            continue;
        }
        for lift in pins.into_iter().flatten() {
            *dollars.entry(lift).or_default() += price.dollars() / all;
        }
    }
    dollars
}

fn of_node(problem: &Problem<'_>, node: usize) -> Lift {
    let node = &problem.snapshot().nodes[node];
    let keys = keeping_annotations(node).map(Into::into).collect();
    Lift::NodeAnnotations { node: node.name.clone(), keys }
}

struct OfPod<'p> {
    problem: &'p Problem<'p>,
    /// By workload: a budget could be made for it.
    selectable: BTreeMap<u32, bool>,
}

impl OfPod<'_> {
    /// Each of these alone would let the pod move, as far as one can tell; none where nothing that its owner could
    /// change would.
    fn lifts(&mut self, number: usize) -> Vec<Lift> {
        use FindingCode as Code;
        let problem = self.problem;
        let pod = &problem.snapshot().pods[number];
        let (Some(blocker), Some(workload)) = (&problem.pod_blockers[number], pod.workload) else { return Vec::new() };
        match blocker.code {
            Code::AnnotationForbids => {
                vec![Lift::PodAnnotations { workload, keys: problem.evictable.forbidding_annotations(pod) }]
            }
            Code::ToleratesCordon if pod.spec.tolerations.iter().any(tolerates_cordon) => {
                vec![Lift::CordonToleration { workload }]
            }
            Code::BudgetExhausted => self.allow(number).into_iter().collect(),
            Code::BudgetDoubled => self.one_budget(number).into_iter().collect(),
            Code::SystemPodWithoutBudget => {
                let give = Lift::GiveBudget { workload };
                let given = self.can_have_budget(workload).then_some(give);
                given.into_iter().chain([Lift::Limit(Limit::SystemPods)]).collect()
            }
            Code::WithoutBudget => vec![Lift::Limit(Limit::KeepWithoutBudget)],
            Code::SystemPod => vec![Lift::Limit(Limit::SystemPods)],
            Code::EmptyDirVolume => vec![Lift::Limit(Limit::KeepEmptyDir)],
            Code::FewReplicas => vec![Lift::Limit(Limit::MinReplicas)],
            Code::TooYoung => vec![Lift::Limit(Limit::MinAge)],
            Code::TooRisky => vec![Lift::Limit(Limit::MaxRisk)],
            _ => Vec::new(),
        }
    }

    /// A budget of which no pod is healthy allows nothing, whatever it says.
    fn allow(&self, pod: usize) -> Option<Lift> {
        let [budget] = self.problem.evictable.budgets.of(pod) else { return None };
        let of = &self.problem.snapshot().budgets[*budget as usize];
        let most_unavailable = of.expected_pods.saturating_sub(of.current_healthy).saturating_add(1);
        let lift = Lift::AllowDisruption { budget: *budget as usize, most_unavailable };
        (of.current_healthy > 0 && most_unavailable > 0).then_some(lift)
    }

    /// Of two budgets the one that allows least stays, if it allows anything.
    fn one_budget(&self, pod: usize) -> Option<Lift> {
        let [first, second] = self.problem.evictable.budgets.of(pod) else { return None };
        let allowed = |budget: &u32| self.problem.snapshot().budgets[*budget as usize].disruptions_allowed;
        let (kept, budget) = match (allowed(first), allowed(second)) {
            (1.., ..=0) => (first, second),
            (..=0, 1..) => (second, first),
            (a, b) if a <= b => (first, second),
            _ => (second, first),
        };
        Some(Lift::DropBudget { budget: *budget as usize, kept: *kept as usize })
    }

    fn can_have_budget(&mut self, workload: u32) -> bool {
        let snapshot = self.problem.snapshot();
        *self.selectable.entry(workload).or_insert_with(|| budget_for::selector(snapshot, workload).is_some())
    }
}
