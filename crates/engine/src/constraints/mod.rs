//! What the constraints cost: the dearest of them, each lifted and the cluster planned again. See README.md.

mod budget_for;
mod due;
mod json;
mod lift;
mod pinned;
mod placed;
mod pools;
mod words;

use std::collections::BTreeMap;

use model::{ConstraintCost, Plan, SavingBasis, UsdPerHour};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::cluster::Cluster;
use crate::planning::{Problem, Strategy, pending};
use crate::what_if::{Pricing, World};
use lift::{Lift, Limit};

/// So many constraints are lifted, those that seem dearest.
const MOST: usize = 20;
/// Up to so many pods the cluster is planned anew for each, and up to these the plan is continued.
const PODS_PLANNED_ANEW: usize = 5_000;
const PODS_PLANNED_ON: usize = 30_000;

/// What constraints cost, dearest first. `plan` is the world's, by this strategy; `pricing` says what a changed
/// cluster could buy.
pub fn constraints(world: &World, plan: &Plan, strategy: &dyn Strategy, pricing: &Pricing<'_>) -> Vec<ConstraintCost> {
    constraints_by(basis_for(world.snapshot.pods.len()), world, plan, strategy, pricing)
}

/// What a cluster of so many pods leaves time for.
fn basis_for(pods: usize) -> SavingBasis {
    if pods <= PODS_PLANNED_ANEW {
        SavingBasis::PlannedAnew
    } else if pods <= PODS_PLANNED_ON {
        SavingBasis::PlannedOn
    } else {
        SavingBasis::Bound
    }
}

/// The same, found in this way whatever the cluster's size.
pub fn constraints_by(
    basis: SavingBasis,
    world: &World,
    plan: &Plan,
    strategy: &dyn Strategy,
    pricing: &Pricing<'_>,
) -> Vec<ConstraintCost> {
    let base = Base::new(basis, world, plan, strategy);
    let costs = dearest(world, plan, pricing);
    let costs = costs.par_iter().filter_map(|lift| base.cost_of(lift, strategy, pricing));
    let mut costs: Vec<ConstraintCost> = costs.collect();
    costs.sort_by(|a, b| {
        b.usd_per_hour.cmp(&a.usd_per_hour).then(a.kind.cmp(&b.kind)).then_with(|| a.object.cmp(&b.object))
    });
    costs
}

/// The lifts that promise most, by what is cheap to know.
fn dearest(world: &World, plan: &Plan, pricing: &Pricing<'_>) -> Vec<Lift> {
    let cluster = Cluster::new(&world.snapshot);
    let problem = Problem::new(&cluster, &world.prices, &world.policy);
    let planned = world.after(plan);
    let cluster_planned = Cluster::new(&planned.snapshot);
    let problem_planned = Problem::new(&cluster_planned, &planned.prices, &planned.policy);
    let start = pending::start(&problem_planned);
    let after = plan.summary.usd_per_hour_after.dollars();
    let mut dollars: BTreeMap<Lift, f64> = BTreeMap::new();
    let found = pinned::lifts(&problem)
        .into_iter()
        .chain(placed::lifts(&problem, plan.bound.as_ref(), &problem_planned, start))
        .chain(pools::lifts(world, after, pricing))
        .chain(limits(world).map(|limit| (Lift::Limit(limit), after)));
    found.for_each(|(lift, price)| *dollars.entry(lift).or_default() += price);
    let mut dearest: Vec<(Lift, f64)> = dollars.into_iter().collect();
    dearest.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    dearest.truncate(MOST);
    dearest.into_iter().map(|(lift, _)| lift).collect()
}

/// Limits that cost something without pinning a node. Those that pin are found by what they pin.
fn limits(world: &World) -> impl Iterator<Item = Limit> {
    let of_the_whole =
        [Limit::Headroom, Limit::KeepZones, Limit::MaxMoves, Limit::MinSavings, Limit::MinSavingsPerMove];
    of_the_whole.into_iter().filter(|limit| limit.lifted(&world.policy) != world.policy)
}

/// What plans without a constraint are compared with.
struct Base {
    world: World,
    plan: Plan,
    basis: SavingBasis,
}

impl Base {
    fn new(basis: SavingBasis, world: &World, plan: &Plan, strategy: &dyn Strategy) -> Base {
        if basis != SavingBasis::PlannedOn {
            return Base { world: world.clone(), plan: plan.clone(), basis };
        }
        let mut planned = world.after(plan);
        let made = u32::try_from(plan.migrations.len()).unwrap_or(u32::MAX);
        planned.policy.most_moves = planned.policy.most_moves.map(|most| most.saturating_sub(made));
        // The plan was made, so it saves enough.
        planned.policy.least_saved = UsdPerHour::ZERO;
        let plan = planned.plan(strategy);
        Base { world: planned, plan, basis }
    }

    /// Nothing where the lift saves nothing.
    fn cost_of(&self, lift: &Lift, strategy: &dyn Strategy, pricing: &Pricing<'_>) -> Option<ConstraintCost> {
        let mut lifted = self.world.clone();
        lift.apply(&mut lifted, pricing);
        let (saved, nodes) = match self.basis {
            SavingBasis::PlannedAnew | SavingBasis::PlannedOn => {
                let plan = lifted.plan(strategy);
                let saved = self.plan.summary.usd_per_hour_after - plan.summary.usd_per_hour_after;
                let nodes = self.plan.summary.nodes_after as i64 - plan.summary.nodes_after as i64;
                (saved > UsdPerHour::ZERO && self.is_due(lift, &plan)).then_some((saved, nodes))?
            }
            SavingBasis::Bound => (self.plan.summary.usd_per_hour_lower_bound? - lifted.lower_bound(), 0),
        };
        let told = words::told(lift, &self.world.snapshot);
        (saved > UsdPerHour::ZERO).then_some(ConstraintCost {
            kind: told.kind,
            object: told.object,
            usd_per_hour: saved,
            nodes,
            basis: self.basis,
            change: told.change,
            patch: told.patch,
        })
    }

    /// Limits of the whole plan are kept or not by its sums alone.
    fn is_due(&self, lift: &Lift, plan: &Plan) -> bool {
        if let Lift::Limit(_) = lift {
            return true;
        }
        let cluster = Cluster::new(&self.world.snapshot);
        due::to_the_lift(&Problem::new(&cluster, &self.world.prices, &self.world.policy), plan)
    }
}
