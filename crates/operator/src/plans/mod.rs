//! MigrationPlans from Pending to their end, one carried out at a time.

mod execution;
mod journal;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use act::Standing;
use crds::optimization_config::Mode;
use crds::{Holds, MigrationPlanStatus, Moment, Phase};
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use serde::Deserialize;
use tokio::task::JoinSet;
use tracing::{Instrument, debug_span, error, warn};

use crate::clock;
use crate::consolidation::proposal::CONFIG;
use crate::consolidation::terms::Terms;
use crate::context::Context;
use crate::error::OperatorError;
use crate::events::{self, Subject};
use crate::metrics::OfPhase;
use crate::objects::{annotation, name, status};
use crate::record;
use execution::Execution;

/// A plan with it is not gone before what it did to nodes is undone.
pub const FINALIZER: &str = "optimizer.io/undo";
/// The condition that says what a plan waits for.
pub const PROGRESSING: &str = "Progressing";
/// How often nodes are looked over for cordons that nobody goes on with.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// So many finished plans are kept.
const MOST_FINISHED: usize = 20;
/// A plan that came to no end is tried again after this, which doubles each time.
const TRY_AGAIN: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The reason of a plan that was only rehearsed.
const DRY_RUN: &str = "DryRun";

/// All plans, and the one that is being carried out.
#[derive(Default)]
pub struct Plans {
    executing: Option<Arc<DynamicObject>>,
    /// Ends the execution with this, so that nobody goes on who does not lead.
    task: JoinSet<()>,
    swept: Option<Instant>,
    /// When plans that came to no end are tried again, and after how long another time.
    later: HashMap<String, (Instant, Duration)>,
}

impl Plans {
    /// The plan that is being carried out, until its last word is written. Not one of which it is still asked whether it may
    /// begin.
    pub fn executing(&self, context: &Context) -> Option<&DynamicObject> {
        let has_begun = |plan: &&DynamicObject| {
            let phase = context.objects.plans.get(name(plan)).map(|latest| phase(&latest));
            phase.is_some_and(|phase| phase == Phase::Executing || phase.is_final())
        };
        self.executing.as_deref().filter(has_begun)
    }

    /// Brings every plan forward. What is in the way of one is in the way of no other.
    pub async fn reconcile(&mut self, context: &Arc<Context>) -> Result<(), OperatorError> {
        while let Some(ended) = self.task.try_join_next() {
            let Some(plan) = self.executing.take() else { continue };
            let wait = self.later.get(name(&plan)).map_or(TRY_AGAIN, |(_, wait)| (*wait * 2).min(LONGEST_WAIT));
            self.later.insert(name(&plan).to_owned(), (Instant::now() + wait, wait));
            if let Err(problem) = ended {
                error!(plan = name(&plan), %problem, "carrying the plan out ended unexpectedly");
                fail(context, &plan, problem.to_string()).await?;
            }
        }
        let plans = context.objects.plans.all();
        self.later.retain(|known, _| plans.iter().any(|plan| name(plan) == known));
        count(context, &plans);
        for plan in &plans {
            if let Err(error) = self.bring_forward(context, plan).await {
                warn!(plan = name(plan), %error, "cannot bring the plan forward");
            }
        }
        if self.swept.is_none_or(|swept| swept.elapsed() > SWEEP_EVERY) {
            self.sweep(context).await?;
            forget_the_oldest(context, &plans).await?;
        }
        Ok(())
    }

    fn is_executing_plan(&self, plan: &str) -> bool {
        self.executing.as_ref().is_some_and(|executing| name(executing) == plan)
    }

    async fn bring_forward(&mut self, context: &Arc<Context>, plan: &Arc<DynamicObject>) -> Result<(), OperatorError> {
        let is_executing = self.is_executing_plan(name(plan));
        if plan.metadata.deletion_timestamp.is_some() {
            // One that is being carried out stops before its next wave, and is undone there.
            if !is_executing {
                forget(context, plan).await?;
            }
            return Ok(());
        }
        // Most plans are over, and their steps need not be read every second.
        if phase(plan).is_final() && !has_finalizer(plan) {
            return Ok(());
        }
        let standing: MigrationPlanStatus = status(plan);
        match standing.phase {
            Phase::Pending if plan.data["spec"]["approved"] == true => approve(context, plan, standing).await,
            Phase::Pending => Ok(()),
            // Whoever may write the status alone has agreed to nothing.
            Phase::Approved | Phase::Paused | Phase::Executing if plan.data["spec"]["approved"] != true => {
                fail(context, plan, "spec.approved is not true".to_owned()).await
            }
            Phase::Approved | Phase::Paused | Phase::Executing if !is_executing => {
                self.begin(context, plan, standing).await
            }
            phase if phase.is_final() && !is_executing && has_finalizer(plan) => {
                change_finalizers(context, plan, false).await
            }
            _ => Ok(()),
        }
    }

    /// Begins to carry a plan out, or goes on with it, where nothing is in the way.
    async fn begin(
        &mut self,
        context: &Arc<Context>,
        plan: &Arc<DynamicObject>,
        standing: MigrationPlanStatus,
    ) -> Result<(), OperatorError> {
        let is_later = self.later.get(name(plan)).is_some_and(|(moment, _)| Instant::now() < *moment);
        if self.executing.is_some() || is_later {
            return Ok(());
        }
        let terms = match terms(context, plan) {
            Ok(terms) => terms,
            Err(problem) => return wait(context, plan, standing, "Configuration", problem).await,
        };
        if let Some((reason, why)) = terms.as_ref().and_then(why_not_now) {
            return wait(context, plan, standing, reason, why).await;
        }
        let was_rehearsed =
            standing.conditions.iter().any(|known| known.kind == PROGRESSING && known.reason == DRY_RUN);
        if terms.as_ref().is_some_and(|terms| terms.spec.dry_run) && was_rehearsed {
            return Ok(());
        }
        let execution = match Execution::prepare(context, plan, terms, standing.clone()) {
            Ok(execution) => execution,
            Err(problem) => return wait(context, plan, standing, "Unreadable", problem).await,
        };
        if !has_finalizer(plan) {
            change_finalizers(context, plan, true).await?;
        }
        self.executing = Some(plan.clone());
        self.task.spawn(execution.run().instrument(debug_span!("plan", name = name(plan))));
        Ok(())
    }

    /// Uncordons what plans have left that nobody goes on with.
    async fn sweep(&mut self, context: &Context) -> Result<(), OperatorError> {
        let standing = |plan: &str| match context.objects.plans.get(plan) {
            None => Standing::Unknown,
            Some(found) => {
                let standing: MigrationPlanStatus = status(&found);
                let is_under_way = matches!(standing.phase, Phase::Executing | Phase::Approved | Phase::Paused);
                let is_executing = self.is_executing_plan(plan);
                match standing.phase {
                    _ if is_under_way || is_executing => Standing::Alive,
                    Phase::Completed | Phase::Failed | Phase::RolledBack | Phase::Expired => Standing::Over,
                    // A plan of this name may be carried out by hand: `plimsoll apply`.
                    _ => Standing::Unknown,
                }
            }
        };
        for node in act::sweep(&context.cluster, standing).await? {
            let note = "uncordoned: the plan that had cordoned it is over".to_owned();
            events::tell(context, Subject::Node(&node), EventType::Normal, "Uncordoned", note).await;
        }
        self.swept = Some(Instant::now());
        Ok(())
    }
}

/// Why a plan on these terms may not go on now: a reason for machines, and one for people.
fn why_not_now(terms: &Terms) -> Option<(&'static str, String)> {
    if terms.spec.mode == Mode::Observe {
        return Some(("Observing", "the mode of its configuration is observe by now".to_owned()));
    }
    terms.window(clock::now()).why_closed().map(|why| ("OutsideWindow", why))
}

/// It ends here, and its status says why.
async fn fail(context: &Context, plan: &DynamicObject, why: String) -> Result<(), OperatorError> {
    let mut standing: MigrationPlanStatus = status(plan);
    standing.phase = Phase::Failed;
    standing.finished_at = Some(Moment(clock::now()));
    record::put(&mut standing.conditions, PROGRESSING, Holds::False, "Failed", why.clone());
    write(context, plan, &standing).await?;
    events::tell(context, Subject::Plan(name(plan)), EventType::Warning, "Failed", why).await;
    Ok(())
}

/// On whose terms; none for a plan that no configuration made.
fn terms(context: &Context, plan: &DynamicObject) -> Result<Option<Terms>, String> {
    let Some(config) = annotation(plan, CONFIG) else { return Ok(None) };
    let found = context.objects.configs.get(config);
    let found = found.ok_or_else(|| format!("there is no OptimizationConfig {config} any more"))?;
    Terms::of(context, &found).map(Some).map_err(|(_, problem)| format!("OptimizationConfig {config}: {problem}"))
}

async fn approve(
    context: &Context,
    plan: &DynamicObject,
    mut standing: MigrationPlanStatus,
) -> Result<(), OperatorError> {
    let by = plan.data["spec"]["approvedBy"].as_str().filter(|by| !by.is_empty()).unwrap_or("unknown").to_owned();
    standing.phase = Phase::Approved;
    standing.observed_generation = plan.metadata.generation;
    record::put(&mut standing.conditions, "Approved", Holds::True, "Approved", format!("by {by}"));
    standing.approved_by = Some(by.clone());
    write(context, plan, &standing).await?;
    events::tell(context, Subject::Plan(name(plan)), EventType::Normal, "Approved", format!("by {by}")).await;
    Ok(())
}

/// It is not its time, and its status says why.
async fn wait(
    context: &Context,
    plan: &DynamicObject,
    before: MigrationPlanStatus,
    reason: &str,
    why: String,
) -> Result<(), OperatorError> {
    let mut standing = before.clone();
    if standing.phase == Phase::Executing {
        standing.phase = Phase::Paused;
    }
    record::put(&mut standing.conditions, PROGRESSING, Holds::False, reason, why);
    if standing == before {
        return Ok(());
    }
    write(context, plan, &standing).await
}

async fn write(context: &Context, plan: &DynamicObject, standing: &MigrationPlanStatus) -> Result<(), OperatorError> {
    let objects = &context.objects;
    record::status(context, &objects.api(&objects.plans), &plan.metadata, standing).await.map(|_| ())
}

/// Undoes what is left of a plan that is being deleted, and lets it go.
async fn forget(context: &Context, plan: &DynamicObject) -> Result<(), OperatorError> {
    if !has_finalizer(plan) {
        return Ok(());
    }
    let undone = act::undo(&context.cluster, name(plan)).await?;
    for node in &undone.uncordoned {
        let note = format!("uncordoned: plan {} was deleted", name(plan));
        events::tell(context, Subject::Node(node), EventType::Normal, "Uncordoned", note).await;
    }
    change_finalizers(context, plan, false).await
}

/// Deletes finished plans of configurations but for the last of them: their reports stay.
async fn forget_the_oldest(context: &Context, plans: &[Arc<DynamicObject>]) -> Result<(), OperatorError> {
    let finished_at = |plan: &Arc<DynamicObject>| {
        let finished_at = Moment::deserialize(&plan.data["status"]["finishedAt"]).ok();
        finished_at.filter(|_| phase(plan).is_final() && annotation(plan, CONFIG).is_some())
    };
    let mut finished: Vec<_> = plans.iter().filter_map(|plan| Some((finished_at(plan)?, plan))).collect();
    finished.sort_by_key(|(moment, plan)| (*moment, name(plan).to_owned()));
    let objects = &context.objects;
    for (_, plan) in finished.iter().rev().skip(MOST_FINISHED) {
        record::delete(context, &objects.api(&objects.plans), &plan.metadata).await?;
    }
    Ok(())
}

fn has_finalizer(plan: &DynamicObject) -> bool {
    plan.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

async fn change_finalizers(context: &Context, plan: &DynamicObject, wanted: bool) -> Result<(), OperatorError> {
    let others = plan.metadata.finalizers.iter().flatten().filter(|finalizer| *finalizer != FINALIZER);
    let mut finalizers: Vec<&str> = others.map(String::as_str).collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    let change = serde_json::json!({"metadata": {
        "uid": plan.metadata.uid, "resourceVersion": plan.metadata.resource_version, "finalizers": finalizers,
    }});
    let objects = &context.objects;
    record::merge(context, &objects.api(&objects.plans), name(plan), change).await
}

fn count(context: &Context, plans: &[Arc<DynamicObject>]) {
    const PHASES: [(Phase, &str); 8] = [
        (Phase::Pending, "Pending"),
        (Phase::Approved, "Approved"),
        (Phase::Executing, "Executing"),
        (Phase::Paused, "Paused"),
        (Phase::Completed, "Completed"),
        (Phase::Failed, "Failed"),
        (Phase::RolledBack, "RolledBack"),
        (Phase::Expired, "Expired"),
    ];
    for (counted, words) in PHASES {
        let of_phase = plans.iter().filter(|plan| phase(plan) == counted).count();
        context.metrics.plans.get_or_create(&OfPhase { phase: words }).set(of_phase as i64);
    }
}

/// Where it stands, without the rest of its status.
fn phase(plan: &DynamicObject) -> Phase {
    Phase::deserialize(&plan.data["status"]["phase"]).unwrap_or_default()
}
