//! A plan anew after one changed object, without planning everything again. See README.md.

mod change;
mod kept;
mod mend;
mod pods;
mod report;
mod room;
mod scope;
mod walk;

use model::{Plan, Policy, Prices, Snapshot, UsdPerHour};

use crate::bound;
use crate::cluster::Cluster;

use super::findings::Undone;
use super::limits::Limits;
use super::{Problem, Reached, Strategy, plan, proven};
pub use change::Change;
use change::{Changed, Touched};
use kept::{Kept, Live};
use mend::Mending;
pub(crate) use scope::Scope;

/// So much wider than that of the last whole plan the gap of a mended one may be, in thousandths of the bound.
const MOST_GAP_LOST_PER_MILLE: i64 = 5;

/// Why all is planned anew.
pub type Why = &'static str;

/// How a plan was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The last one was mended.
    Mended,
    /// All was planned anew, and why.
    Whole(Why),
}

/// A cluster with its plan, both kept up as objects change one by one.
pub struct Replanner {
    snapshot: Snapshot,
    prices: Prices,
    policy: Policy,
    strategy: &'static dyn Strategy,
    plan: Plan,
    /// None where the plan cannot be mended, with the reason.
    kept: Result<Kept, Why>,
    /// Cost above the bound that a mended plan may have, in thousandths of the bound.
    most_gap_per_mille: i64,
}

impl Replanner {
    /// Plans everything, as [`crate::plan`] does.
    pub fn new(snapshot: Snapshot, prices: Prices, policy: Policy, strategy: &'static dyn Strategy) -> Replanner {
        let (plan, kept) = whole(&snapshot, &prices, &policy, strategy);
        let most_gap_per_mille = most_gap(&plan);
        Replanner { snapshot, prices, policy, strategy, plan, kept, most_gap_per_mille }
    }

    /// The plan as things are.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The cluster as it is.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What its nodes cost.
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    /// Makes the plan that for a cluster where this object is as it is now; `digest` names that state. The moment of the
    /// snapshot stays: what rests on how old things are, rests on how old they were then.
    pub fn replan(&mut self, change: Change, digest: String) -> Way {
        let kept = std::mem::replace(&mut self.kept, Err("the last change was not carried through"));
        let kept = kept.and_then(|mut kept| change.leave(self, &mut kept).map(|touched| (kept, touched)));
        let changed = Changed::from(&change);
        let (Ok(at) | Err(at)) = change.apply(&mut self.snapshot, &mut self.prices);
        self.snapshot.digest = digest;
        let mended = kept.and_then(|(mut kept, mut touched)| {
            changed.enter(self, &mut kept, at, &mut touched)?;
            self.mend(&mut kept, &touched)?;
            Ok(kept)
        });
        match mended {
            Ok(kept) => {
                self.kept = Ok(kept);
                Way::Mended
            }
            Err(why) => {
                (self.plan, self.kept) = whole(&self.snapshot, &self.prices, &self.policy, self.strategy);
                self.most_gap_per_mille = most_gap(&self.plan);
                Way::Whole(why)
            }
        }
    }

    fn mend(&mut self, kept: &mut Kept, touched: &Touched) -> Result<(), Why> {
        let Replanner { snapshot, prices, policy, plan, .. } = self;
        let most_gap_per_mille = self.most_gap_per_mille;
        kept.with(snapshot, prices, policy, |live| {
            let problem = live.problem;
            touched.nodes.iter().for_each(|node| live.ledger.recount(problem, *node));
            for pod in &touched.pods {
                if let Some(home) = problem.cluster.pods[*pod as usize].node {
                    live.ledger.recount(problem, home as usize);
                }
            }
            let mut mending = Mending::new(live, touched);
            mending.mend(touched)?;
            // What was freed may let a node go.
            if !problem.has_pending {
                for node in &touched.nodes {
                    mending.empty(*node);
                }
            }
            let (changed, nodes) = (mending.changed, mending.nodes);
            if problem.has_pending {
                room::is_kept(live)?;
            }
            is_near_enough(live, most_gap_per_mille)?;
            report::rewrite(plan, live, touched, &changed, &nodes);
            Ok(())
        })
    }
}

/// The whole plan, and what is kept of it.
fn whole(
    snapshot: &Snapshot,
    prices: &Prices,
    policy: &Policy,
    strategy: &'static dyn Strategy,
) -> (Plan, Result<Kept, Why>) {
    if !prices.offers.is_empty() {
        return (plan(snapshot, prices, policy, strategy), Err("plans that may buy nodes are made as a whole"));
    }
    if Limits::of(policy).are_set() || policy.least_saved > UsdPerHour::ZERO {
        return (plan(snapshot, prices, policy, strategy), Err("plans with limits are made as a whole"));
    }
    let cluster = Cluster::new(snapshot);
    let (plan, mut kept) = {
        let problem = Problem::new(&cluster, prices, policy);
        let (certificate, ledger) = bound::lower_bound_with_ledger(&problem);
        let reached = Reached::of(&problem, strategy, Limits::default());
        let plan = proven(reached.plan(&problem, &Undone::default()), certificate);
        let (goal, waves) = (reached.placement.into_kept(), reached.ordered.waves);
        (plan, Kept::new(problem, goal, waves, ledger))
    };
    kept.compiled = cluster.compiled;
    (plan, Ok(kept))
}

fn gap_per_mille(after: UsdPerHour, bound: UsdPerHour) -> i64 {
    let above = (after.nanos() - bound.nanos()).max(0);
    above.saturating_mul(1_000) / bound.nanos().max(1)
}

/// That of the whole plan, and a little more.
fn most_gap(plan: &Plan) -> i64 {
    let bound = plan.summary.usd_per_hour_lower_bound.unwrap_or_default();
    gap_per_mille(plan.summary.usd_per_hour_after, bound).saturating_add(MOST_GAP_LOST_PER_MILLE)
}

fn is_near_enough(live: &Live<'_>, most_per_mille: i64) -> Result<(), Why> {
    let problem = live.problem;
    let before: UsdPerHour = (0..problem.cluster.nodes()).filter_map(|node| problem.price(node)).sum();
    let gap = gap_per_mille(before - live.goal.saved(), live.ledger.bound(problem));
    if gap <= most_per_mille { Ok(()) } else { Err("the plan would be too far from the bound") }
}
