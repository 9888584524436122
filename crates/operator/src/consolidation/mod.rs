//! The loop of each OptimizationConfig: look, plan, and report or propose.

mod analysis;
mod part;
pub mod proposal;
pub mod report;
mod shadow;
pub mod terms;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crds::optimization_config::{ConfigPhase, Mode, State};
use crds::{Holds, Moment, OptimizationConfigStatus, Schedule};
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use serde_json::json;
use tracing::{Instrument, debug_span, warn};

use crate::clock;
use crate::context::Context;
use crate::due::Due;
use crate::error::OperatorError;
use crate::events::{self, Subject};
use crate::objects::{annotation, name, status};
use crate::record;
use proposal::CONFIG;
use shadow::Watched;
use terms::Terms;

/// The condition that says whether the configuration is understood.
const ACCEPTED: &str = "Accepted";
/// The condition that says whether there is an answer.
const READY: &str = "Ready";
/// Nothing is planned on what was heard longer ago.
const STALE: Duration = Duration::from_secs(300);
/// What is not accepted or not answered is looked at again, however long its schedule: what it lacks may come.
const ASK_AGAIN_SECONDS: i64 = 300;
/// After a first failure; twice as long after each that follows, up to the above.
const TRY_AGAIN_SECONDS: i64 = 5;

/// All loops, by the name of their configuration.
#[derive(Default)]
pub struct Loops {
    of: BTreeMap<String, Loop>,
}

/// When one comes round.
struct Loop {
    /// The generations of the configuration and of its profile that it last saw.
    seen: (Option<i64>, Option<i64>),
    due: Due,
    /// After how long what has failed is tried again.
    again: i64,
    /// A plan was being carried out when it last looked.
    saw_executing: bool,
    watched: Watched,
}

impl Loops {
    /// Brings every loop forward that is due, while this plan is being carried out. One that fails stops no other.
    pub async fn reconcile(&mut self, context: &Context, executing: Option<&DynamicObject>) {
        let is_executing = executing.is_some();
        let configs = context.objects.configs.all();
        self.of.retain(|known, _| configs.iter().any(|config| name(config) == known));
        for config in configs {
            let terms = Terms::of(context, &config);
            let seen = (config.metadata.generation, terms.as_ref().ok().and_then(|terms| terms.profile_generation));
            let now = clock::now();
            let of = self.of.entry(name(&config).to_owned());
            let turn = of.or_insert(Loop {
                seen,
                due: Due::now(),
                again: TRY_AGAIN_SECONDS,
                saw_executing: false,
                watched: Watched::default(),
            });
            if turn.seen != seen || (turn.saw_executing && !is_executing) {
                turn.due = Due::now();
            }
            (turn.seen, turn.saw_executing) = (seen, is_executing);
            if is_executing {
                turn.watched.forget();
            }
            if !turn.due.is_reached(now) {
                continue;
            }
            let schedule = terms.as_ref().ok().and_then(|terms| Schedule::parse(&terms.spec.schedule).ok());
            let due = schedule.map_or(Due::after(ASK_AGAIN_SECONDS), |schedule| Due::by(&schedule, now));
            let is_answered = come_round(context, &config, terms, executing, &mut turn.watched).await;
            (turn.due, turn.again) = match is_answered {
                Ok(true) => (due, TRY_AGAIN_SECONDS),
                Ok(false) => (due.within(ASK_AGAIN_SECONDS, now), TRY_AGAIN_SECONDS),
                Err(error) => {
                    let again = turn.again;
                    warn!(config = name(&config), %error, again_in_seconds = again, "cannot bring a configuration forward");
                    (due.within(again, now), (again * 2).min(ASK_AGAIN_SECONDS))
                }
            };
        }
    }
}

/// Looks, unless it is not understood or a plan is being carried out. Is nothing left to ask?
async fn come_round(
    context: &Context,
    config: &Arc<DynamicObject>,
    terms: Result<Terms, (&'static str, String)>,
    executing: Option<&DynamicObject>,
    watched: &mut Watched,
) -> Result<bool, OperatorError> {
    let terms = match terms {
        Ok(terms) => terms,
        Err(why) => return fail(context, config, (ACCEPTED, None), why).await,
    };
    if let Some(plan) = executing {
        // What becomes of its own plan is written by whoever carries it out.
        if annotation(plan, CONFIG) != Some(name(config)) {
            stand(context, config, |status| status.state = Some(State::Waiting)).await?;
        }
        return Ok(true);
    }
    let span = debug_span!("analysis", config = name(config), mode = ?terms.spec.mode);
    analyze(context, config, &terms, watched).instrument(span).await
}

/// From a look at the cluster to a report or a plan. Is there an answer?
async fn analyze(
    context: &Context,
    config: &Arc<DynamicObject>,
    terms: &Terms,
    watched: &mut Watched,
) -> Result<bool, OperatorError> {
    let unanswered = (READY, Some(State::Watching));
    let silent = context.followed.silent_for();
    if silent > STALE {
        let problem = format!("the API server has said nothing for {} s", silent.as_secs());
        return fail(context, config, unanswered, ("StaleCache", problem)).await;
    }
    stand(context, config, |status| {
        status.phase = ConfigPhase::Analyzing;
        status.state = Some(State::Analyzing);
        record::put(&mut status.conditions, ACCEPTED, Holds::True, "Valid", terms.remark(&context.settings));
    })
    .await?;
    let seen = match analysis::look(context, terms).await {
        Ok(seen) => seen,
        Err(problem) => return fail(context, config, unanswered, ("CannotJudge", problem)).await,
    };
    is_doing(context, name(config), State::Planning).await?;
    let found = match analysis::plan(seen, terms).await {
        Ok(found) => found,
        Err(problem) => return fail(context, config, unanswered, ("CannotJudge", problem)).await,
    };
    let metrics = &context.metrics;
    metrics.analysis_duration.observe(found.seconds);
    metrics.binpacking_duration.observe(found.seconds_planning);
    metrics.nodes.set(found.snapshot.nodes.len() as i64);
    metrics.workloads.set(found.snapshot.workloads.len() as i64);
    metrics.potential_savings.set(found.plan.summary.saved().dollars_per_month());
    metrics.binpacking_efficiency.set(found.analysis.efficiency.unwrap_or(f64::NAN));
    metrics.placement_score.set(found.placement_score());
    if terms.spec.mode == Mode::Observe {
        is_doing(context, name(config), State::Reporting).await?;
    }
    let shadow = watched.hold(context, name(config), &found).await;
    let report = report::write(context, name(config), &found, shadow).await?;
    let latest = match terms.spec.mode {
        Mode::Observe => Some(report),
        Mode::Manual | Mode::SemiAuto | Mode::FullAuto => {
            proposal::propose(context, name(config), terms, &found).await?
        }
    };
    let waits = terms.spec.mode != Mode::Observe && latest.is_some();
    let summary = &found.plan.summary;
    let saves = summary.saved().dollars_per_month();
    let message = match summary.migrations {
        0 if found.plan.nodes.remove.is_empty() => "nothing to save with the nodes that are there".to_owned(),
        moves => format!(
            "{moves} moves would save ${saves:.2} a month, {} of {} nodes",
            summary.nodes_before.saturating_sub(summary.nodes_after),
            summary.nodes_before
        ),
    };
    stand(context, config, |status| {
        status.phase = ConfigPhase::Ready;
        status.state = Some(if waits { State::Waiting } else { State::Watching });
        status.last_analysis = Some(Moment(clock::now()));
        status.node_count = u32::try_from(found.snapshot.nodes.len()).ok();
        status.workload_count = u32::try_from(found.snapshot.workloads.len()).ok();
        let is_known = summary.nodes_unpriced < summary.nodes_before;
        status.potential_savings = is_known.then_some(saves);
        status.latest = latest.clone();
        record::put(&mut status.conditions, READY, Holds::True, "Analyzed", message.clone());
    })
    .await
    .map(|()| true)
}

/// There is no answer: its status says by this condition why, and what it does until there is one. Always `false`.
async fn fail(
    context: &Context,
    config: &Arc<DynamicObject>,
    (condition, state): (&'static str, Option<State>),
    (reason, problem): (&'static str, String),
) -> Result<bool, OperatorError> {
    events::tell(context, Subject::Config(name(config)), EventType::Warning, reason, problem.clone()).await;
    stand(context, config, |status| {
        status.phase = ConfigPhase::Error;
        status.state = state;
        record::put(&mut status.conditions, condition, Holds::False, reason, problem.clone());
    })
    .await
    .map(|()| false)
}

/// Writes down what a configuration is doing now, and nothing else of its status.
pub async fn is_doing(context: &Context, config: &str, state: State) -> Result<(), OperatorError> {
    let objects = &context.objects;
    let Some(found) = objects.configs.get(config) else { return Ok(()) };
    let status = json!({"state": state});
    record::status(context, &objects.api(&objects.configs), &found.metadata, &status).await.map(|_| ())
}

/// Writes its status, where that changes.
async fn stand(
    context: &Context,
    config: &Arc<DynamicObject>,
    change: impl Fn(&mut OptimizationConfigStatus),
) -> Result<(), OperatorError> {
    let objects = &context.objects;
    // What was written last may not have come back yet, so the store's status is only where it begins.
    let latest = objects.configs.get(name(config)).unwrap_or_else(|| config.clone());
    let before: OptimizationConfigStatus = status(&latest);
    let mut after = before.clone();
    change(&mut after);
    after.observed_generation = config.metadata.generation;
    if after == before {
        return Ok(());
    }
    record::status(context, &objects.api(&objects.configs), &config.metadata, &after).await.map(|_| ())
}
