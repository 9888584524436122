//! One constraint lifted: a pure change of a world.

use std::sync::Arc;

use model::node::UNSCHEDULABLE_TAINT;
use model::{CapacityType, Name, Policy, Risk, SelectorOperator, SystemPods, Taint, UsdPerHour};

use super::budget_for;
use crate::what_if::{Pricing, Rule, World, budget, rules};

/// What is lifted. Workloads and budgets by their index in the snapshot, which a plan does not change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lift {
    AllowDisruption { budget: usize, most_unavailable: i64 },
    DropBudget { budget: usize, kept: usize },
    GiveBudget { workload: u32 },
    PodAnnotations { workload: u32, keys: Vec<Name> },
    NodeAnnotations { node: Name, keys: Vec<Name> },
    CordonToleration { workload: u32 },
    Rule { workload: u32, rule: Rule },
    Taint { pool: Name, taint: Taint },
    Requirement { pool: Name, at: usize },
    PoolLimits { pool: Name },
    Limit(Limit),
}

/// A limit of the policy that may cost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    Headroom,
    MinReplicas,
    MaxRisk,
    MinAge,
    SystemPods,
    KeepEmptyDir,
    KeepWithoutBudget,
    KeepZones,
    MaxMoves,
    MinSavings,
    MinSavingsPerMove,
}

impl Limit {
    /// The policy without it.
    pub(super) fn lifted(self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        match self {
            Limit::Headroom => policy.headroom_per_mille = 0,
            Limit::MinReplicas => policy.fewest_replicas = 1,
            Limit::MaxRisk => policy.most_risk = Risk::High,
            Limit::MinAge => policy.least_age_seconds = 0,
            Limit::SystemPods => policy.system_pods = SystemPods::All,
            Limit::KeepEmptyDir => policy.keep_empty_dir = false,
            Limit::KeepWithoutBudget => policy.keep_without_budget = false,
            Limit::KeepZones => policy.keep_zones = false,
            Limit::MaxMoves => policy.most_moves = None,
            Limit::MinSavings => policy.least_saved = UsdPerHour::ZERO,
            Limit::MinSavingsPerMove => policy.least_saved_per_move = UsdPerHour::ZERO,
        }
        policy
    }
}

impl Lift {
    /// Makes the change. What could be bought is asked anew where it is of a node pool.
    pub(super) fn apply(&self, world: &mut World, pricing: &Pricing<'_>) {
        match self {
            Lift::AllowDisruption { budget, most_unavailable } => {
                budget::allow(&mut world.snapshot, *budget, *most_unavailable);
            }
            Lift::DropBudget { budget, .. } => budget::remove(&mut world.snapshot, *budget),
            Lift::GiveBudget { workload } => {
                if let Some((selector, _)) = budget_for::selector(&world.snapshot, *workload) {
                    let of = world.snapshot.workloads[*workload as usize].reference.clone();
                    budget::give(&mut world.snapshot, of.namespace, of.name, selector);
                }
            }
            Lift::PodAnnotations { workload, keys } => {
                for pod in world.snapshot.pods.iter_mut().filter(|pod| pod.workload == Some(*workload)) {
                    pod.annotations = without(&pod.annotations, keys);
                }
            }
            Lift::NodeAnnotations { node, keys } => {
                for node in world.snapshot.nodes.iter_mut().filter(|other| other.name == *node) {
                    node.annotations = without(&node.annotations, keys);
                }
            }
            Lift::CordonToleration { workload } => {
                rules::change_specs(&mut world.snapshot, *workload, |spec| {
                    spec.tolerations.retain(|one| !tolerates_cordon(one));
                });
            }
            Lift::Rule { workload, rule } => rules::drop_rule(&mut world.snapshot, *workload, rule),
            Lift::Taint { pool, taint } => {
                let of_pool = |node: &&mut model::Node| node.node_pool() == Some(pool);
                for node in world.snapshot.nodes.iter_mut().filter(of_pool) {
                    node.taints.retain(|other| other != taint);
                }
                change_pool(world, pool, pricing, |pool| pool.taints.retain(|other| other != taint));
            }
            Lift::Requirement { pool, at } => change_pool(world, pool, pricing, |pool| lift_requirement(pool, *at)),
            Lift::PoolLimits { pool } => change_pool(world, pool, pricing, |pool| pool.limits = [None, None]),
            Lift::Limit(limit) => world.policy = limit.lifted(&world.policy),
        }
    }
}

/// The key of the requirement by which a pool chooses between spot and on-demand.
pub(super) const CAPACITY_TYPE: &str = "karpenter.sh/capacity-type";

/// Without a requirement on it Karpenter buys on demand, so that one is widened; any other is dropped.
fn lift_requirement(pool: &mut model::snapshot::NodePool, at: usize) {
    let requirement = &mut pool.requirements[at];
    if &*requirement.key == CAPACITY_TYPE {
        requirement.operator = SelectorOperator::In;
        requirement.values = [CapacityType::OnDemand, CapacityType::Spot].map(|kind| kind.as_str().into()).into();
    } else {
        pool.requirements.remove(at);
    }
}

fn change_pool(
    world: &mut World,
    pool: &Name,
    pricing: &Pricing<'_>,
    change: impl FnOnce(&mut model::snapshot::NodePool),
) {
    if let Some(pool) = world.snapshot.node_pools.get_mut(pool) {
        change(pool);
        if !world.prices.offers.is_empty() {
            world.prices.offers = pricing(&world.snapshot).offers;
        }
    }
}

fn without(labels: &model::Labels, keys: &[Name]) -> model::Labels {
    let kept = labels.iter().filter(|(key, _)| !keys.contains(key));
    model::Labels::new(kept.map(|(key, value)| (Arc::clone(key), Arc::clone(value))).collect())
}

pub(super) fn tolerates_cordon(toleration: &model::placement::Toleration) -> bool {
    toleration.tolerates(UNSCHEDULABLE_TAINT, "", model::TaintEffect::NoSchedule)
}
