//! One look at the cluster: what it costs, and the plan that would make it cheaper.

use std::time::Instant;

use crds::optimization_config::Mode;
use engine::analyze::{Analysis, analyze as cost};
use model::{Plan, Policy, Risk, Snapshot};
use tracing::{Span, debug_span};

use super::part;
use super::terms::Terms;
use crate::clock;
use crate::context::Context;

/// What was found.
pub struct Found {
    pub snapshot: Snapshot,
    pub policy: Policy,
    pub prices: model::Prices,
    pub analysis: Analysis,
    pub plan: Plan,
    /// As much of it as one object holds, where it holds less.
    pub part: Option<Plan>,
    /// Whether the plan may be carried out without anybody's approval.
    pub needs_approval: bool,
    pub seconds: f64,
    pub seconds_planning: f64,
}

impl Found {
    /// The plan that may be carried out next.
    pub fn next(&self) -> &Plan {
        self.part.as_ref().unwrap_or(&self.plan)
    }

    /// The proven bound over the cost now, in percent.
    pub fn placement_score(&self) -> f64 {
        let summary = &self.plan.summary;
        let before = summary.usd_per_hour_before.dollars();
        match summary.usd_per_hour_lower_bound {
            Some(bound) if before > 0.0 => 100.0 * bound.dollars() / before,
            _ => f64::NAN,
        }
    }
}

/// The cluster, and what it costs.
pub struct Seen {
    snapshot: Snapshot,
    prices: model::Prices,
    analysis: Analysis,
    start: Instant,
}

/// Looks at the cluster as it has been heard of. An error says what is missing to judge it.
pub async fn look(context: &Context, terms: &Terms) -> Result<Seen, String> {
    let start = Instant::now();
    let snapshot = context.followed.snapshot(clock::now());
    if let Some(kind) = ["Node", "Pod"].into_iter().find(|kind| !snapshot.has(kind)) {
        return Err(format!("there is no complete list of {kind}s"));
    }
    let mut prices = context.cluster.prices(&snapshot);
    if !terms.buys() {
        prices.offers.clear();
    }
    let span = Span::current();
    let work = move || {
        let _within = span.entered();
        let analysis = cost(&snapshot, &prices, &|_| Vec::new());
        Seen { snapshot, prices, analysis, start }
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}

/// Plans on what was seen.
pub async fn plan(seen: Seen, terms: &Terms) -> Result<Found, String> {
    let terms = terms.clone();
    let span = debug_span!("planning", nodes = seen.snapshot.nodes.len(), pods = seen.snapshot.pods.len());
    let work = move || {
        let Seen { snapshot, prices, analysis, start } = seen;
        let policy = terms.policy(&snapshot);
        let planning = Instant::now();
        let (plan, part, needs_approval) = span.in_scope(|| make(&snapshot, &prices, &policy, &terms));
        let seconds_planning = planning.elapsed().as_secs_f64();
        let seconds = start.elapsed().as_secs_f64();
        Found { snapshot, policy, prices, analysis, plan, part, needs_approval, seconds, seconds_planning }
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}

/// The plan, as much of it as one object holds, and whether somebody has to agree to it: what is of low risk goes first
/// where that may go by itself.
fn make(snapshot: &Snapshot, prices: &model::Prices, policy: &Policy, terms: &Terms) -> (Plan, Option<Plan>, bool) {
    let by = |policy: &Policy| engine::plan(snapshot, prices, policy, terms.strategy);
    let of_low_risk = Policy { most_risk: Risk::Low, ..policy.clone() };
    let (plan, policy, needs_approval) = match terms.spec.mode {
        Mode::Observe => return (by(policy), None, true),
        Mode::Manual => (by(policy), policy, true),
        Mode::FullAuto => (by(policy), policy, false),
        Mode::SemiAuto => match by(&of_low_risk) {
            plan if plan.nodes.remove.is_empty() => (by(policy), policy, true),
            plan => (plan, &of_low_risk, false),
        },
    };
    let part = part::that_fits(&plan, |most| by(&Policy { most_moves: Some(most), ..policy.clone() }));
    (plan, part, needs_approval)
}
