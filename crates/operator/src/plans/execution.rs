//! One plan, carried out by `act`, with its status, its events, and a say before each wave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use act::{ActError, Done, Ending, Gate, Options, Progress, Threshold, Verdict};
use crds::migration_plan::SnapshotReference;
use crds::optimization_config::State;
use crds::optimization_report::Consolidation;
use crds::{AutoRollback, MigrationPlanStatus, Phase};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use model::{Migration, Name, Plan, Policy, UsdPerHour};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::journal::Journal;
use super::{DRY_RUN, terms, why_not_now};
use crate::clock;
use crate::consolidation::proposal::{self, CONFIG};
use crate::consolidation::{self, report, terms::Terms};
use crate::context::Context;
use crate::error::OperatorError;
use crate::events::{self, Subject};
use crate::objects::annotation;

/// What became of steps is written down at least this often.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// The wait before the last word on a plan is tried to be written again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// One plan that is carried out.
pub struct Execution {
    context: Arc<Context>,
    object: Arc<DynamicObject>,
    plan: Plan,
    config: Option<String>,
    terms: Option<Terms>,
    journal: Journal,
    /// Of the nodes that are to go, where they are known.
    prices: BTreeMap<Name, UsdPerHour>,
}

/// Something to be told.
struct Told {
    on: On,
    kind: EventType,
    reason: &'static str,
    note: String,
}

/// The object on which it is told.
enum On {
    Node(String),
    /// By `namespace/name` and uid.
    Pod(String, String),
}

impl Execution {
    /// Everything that is needed to carry the plan out, or why it cannot be.
    pub fn prepare(
        context: &Arc<Context>,
        object: &Arc<DynamicObject>,
        terms: Option<Terms>,
        mut standing: MigrationPlanStatus,
    ) -> Result<Execution, String> {
        let plan = proposal::read(object)?;
        standing.total_migrations = u32::try_from(plan.migrations.len()).unwrap_or(u32::MAX);
        standing.observed_generation = object.metadata.generation;
        let journal = Journal::new(context, object, standing);
        let config = annotation(object, CONFIG).map(str::to_owned);
        let object = object.clone();
        let snapshot = context.followed.snapshot(clock::now());
        let prices = context.cluster.prices(&snapshot);
        let goes = |name: &Name| plan.nodes.remove.contains(name);
        let of_going = snapshot.nodes.iter().enumerate().filter(|(_, node)| goes(&node.name));
        let prices = of_going.filter_map(|(at, node)| Some((node.name.clone(), prices.of(at)?))).collect();
        Ok(Execution { context: context.clone(), object, plan, config, terms, journal, prices })
    }

    /// Writes down that it begins, or why it does not; only then may it.
    async fn begins(&self) -> bool {
        // What an earlier run began goes on, or back, once it is looked at.
        let is_begun = self.journal.status().phase == Phase::Executing;
        if let Some(threshold) = self.options().threshold.filter(|_| !is_begun)
            && let Err(error) = threshold.allows_to_begin().await
        {
            self.end(Err(error)).await;
            return false;
        }
        self.journal.stands(Phase::Executing, "Executing", "");
        match self.journal.write().await {
            Ok(()) => {
                self.config_is(State::Executing).await;
                true
            }
            Err(error) => {
                warn!(plan = %self.plan.name, %error, "cannot write down that the plan begins");
                false
            }
        }
    }

    /// Carries it out to its end, and writes that down.
    pub fn run(self) -> BoxFuture<'static, ()> {
        async move { self.go().await }.boxed()
    }

    async fn go(&self) {
        if !self.begins().await {
            return;
        }
        let note = format!("{} moves, {} nodes to go", self.plan.migrations.len(), self.plan.nodes.remove.len());
        self.tell(EventType::Normal, "Executing", note).await;
        let (told, mut to_tell) = mpsc::unbounded_channel();
        let acting = async {
            let result = self.carry_out(&told).await;
            drop(told);
            result
        };
        let telling = async {
            while let Some(Told { on, kind, reason, note }) = to_tell.recv().await {
                let subject = match &on {
                    On::Node(name) => Subject::Node(name),
                    On::Pod(pod, uid) => {
                        let (namespace, name) = pod.split_once('/').unwrap_or_default();
                        Subject::Pod { namespace, name, uid }
                    }
                };
                events::tell_aside(&self.context, subject, kind, reason, note).await;
            }
        };
        let writing = async {
            loop {
                tokio::time::sleep(WRITE_EVERY).await;
                if let Err(error) = self.journal.write().await {
                    warn!(%error, "cannot write down how far the plan has come");
                }
            }
        };
        let result = tokio::select! {
            (result, ()) = async { tokio::join!(acting, telling) } => result,
            () = writing => return,
        };
        self.end(result).await;
    }

    fn carry_out<'e>(&'e self, told: &'e mpsc::UnboundedSender<Told>) -> BoxFuture<'e, Result<Ending, ActError>> {
        self.act(told).boxed()
    }

    async fn act(&self, told: &mpsc::UnboundedSender<Told>) -> Result<Ending, ActError> {
        let policy = match &self.terms {
            Some(terms) => terms.policy(&self.context.followed.snapshot(clock::now())),
            None => Policy::default(),
        };
        let cluster = &self.context.cluster;
        let options = self.options();
        if self.is_dry_run() {
            let rehearsal = act::rehearse(cluster, &self.plan, &policy, &options).await?;
            let message = format!(
                "dry run: {} faults; {} nodes that could not be added; of {} evictions of the first wave the API server would refuse {}",
                rehearsal.faults.len(),
                rehearsal.nodes_refused.len(),
                rehearsal.asked,
                rehearsal.refused.len()
            );
            self.journal.change(|status| status.observed_generation = self.object.metadata.generation);
            return Ok(Ending { paused: Some(message), ..Ending::default() });
        }
        act::carry_out(cluster, &self.plan, &policy, &options, self, &|progress| self.hear(&progress, told)).await
    }

    /// How it is carried out: as the operator was told, but for what the profile says.
    fn options(&self) -> Options {
        let settings = &self.context.settings;
        let mut options = settings.acting.clone();
        let Some(terms) = &self.terms else { return options };
        match terms.rollback() {
            None => {}
            Some(AutoRollback::Never) => (options.most_troubled_percent, options.threshold) = (None, None),
            Some(AutoRollback::Above { percent }) => options.most_troubled_percent = Some(percent),
        }
        if let Some(query) = terms.rollback_query() {
            let prometheus = settings.rightsizing.prometheus.clone();
            options.threshold = Some(Threshold { query: query.to_owned(), prometheus });
        }
        options
    }

    fn hear(&self, progress: &Progress<'_>, told: &mpsc::UnboundedSender<Told>) {
        let tell = |node: &str, kind: EventType, reason: &'static str, note: String| {
            // Whoever tells lives as long as whoever acts.
            let _ = told.send(Told { on: On::Node(node.to_owned()), kind, reason, note });
        };
        let by = &self.plan.name;
        match progress {
            Progress::Step(step) => {
                self.journal.done(step);
                let (reason, note) = match &step.done {
                    Done::Skipped(why) => ("NotMoved", why),
                    Done::Failed(why) => ("NotReplaced", why),
                    Done::Moved { .. } | Done::Gone => return,
                };
                let on = On::Pod(step.pod.clone(), step.uid.to_string());
                let note = format!("by plan {by}: {note}");
                let _ = told.send(Told { on, kind: EventType::Warning, reason, note });
            }
            Progress::Evicting(step) => info!(
                plan = %by, pod = %format!("{}/{}", step.namespace, step.pod), uid = %step.uid,
                from = %step.from_node, to = %step.to_node, "evict"
            ),
            Progress::Surging(step) => info!(plan = %by, workload = %step.workload, uid = %step.uid, "roll out anew"),
            Progress::AddingNodes(nodes) => info!(plan = %by, nodes = nodes.len(), "await nodes"),
            Progress::NodeAdded { planned, node } => {
                tell(node, EventType::Normal, "NodeAdded", format!("stands for {planned} of plan {by}"));
            }
            Progress::MarksLeft(problem) => warn!(plan = %by, problem, "marks on nodes that were added are left"),
            Progress::Cordoning(nodes) => {
                nodes.iter().for_each(|node| tell(node, EventType::Normal, "Cordoned", format!("by plan {by}")));
            }
            Progress::NodeStays { node, reason } => tell(node, EventType::Warning, "NodeStays", (*reason).to_owned()),
            Progress::NodeEmptied(node) => tell(node, EventType::Normal, "NodeEmptied", format!("by plan {by}")),
            Progress::RemovingNode(node) => tell(node, EventType::Normal, "RemovingNode", format!("by plan {by}")),
            Progress::WithoutHints(problem) => warn!(plan = %by, problem, "replacements get no hint where to go"),
            Progress::Wave { left, pods } => info!(plan = %by, left, pods, "wave"),
            Progress::Waiting { what, since } => info!(plan = %by, what, seconds = since.as_secs(), "waiting"),
            Progress::RollingBack(reason) => warn!(plan = %by, reason, "rolling back"),
            Progress::Pausing(reason) => info!(plan = %by, reason, "pausing"),
        }
    }

    /// The last word on it, until it is written.
    async fn end(&self, result: Result<Ending, ActError>) {
        let (phase, reason, message) = match &result {
            Ok(ending) if self.is_dry_run() => (Phase::Paused, DRY_RUN, ending.paused.clone().unwrap_or_default()),
            Ok(ending) => conclusion(ending, self.plan.nodes.remove.len()),
            Err(error @ ActError::NotLegal { .. }) => (Phase::Expired, "NotLegal", error.to_string()),
            Err(error @ ActError::Busy { .. }) => (Phase::Paused, "AnotherPlan", error.to_string()),
            // Nobody answers, or not now: it goes on from where it stands.
            Err(error @ (ActError::Read(_) | ActError::Watch { .. })) => {
                (Phase::Executing, "Unreachable", error.to_string())
            }
            Err(error @ ActError::Crossed { .. }) => (Phase::Paused, "RollbackQueryCrossed", error.to_string()),
            Err(error @ ActError::CrossedUnknown { .. }) => (Phase::Paused, "RollbackQueryUnknown", error.to_string()),
            Err(error @ ActError::CannotJudge { .. }) => (Phase::Paused, "CannotJudge", error.to_string()),
            Err(error @ ActError::BuysNodes { .. }) => (Phase::Failed, "BuysNodes", error.to_string()),
            Err(error @ ActError::Refused { .. }) => (Phase::Failed, "Refused", error.to_string()),
        };
        self.journal.stands(phase, reason, &message);
        while let Err(error) = self.journal.write().await {
            warn!(%error, "cannot write down how the plan ended");
            tokio::time::sleep(TRY_AGAIN).await;
        }
        let kind = if phase == Phase::Completed { EventType::Normal } else { EventType::Warning };
        self.tell(kind, reason, message).await;
        if let Ok(ending) = &result
            && phase.is_final()
        {
            if ending.rolled_back.is_some() {
                self.config_is(State::Monitoring).await;
            }
            if let Err(error) = self.report(ending).await {
                warn!(%error, "cannot write the report of the plan");
            }
        }
        match phase {
            Phase::Paused => self.config_is(State::Waiting).await,
            phase if phase.is_final() => self.config_is(State::Watching).await,
            _ => {}
        }
        self.context.objects.look();
    }

    /// What it did, for those who look back.
    async fn report(&self, ending: &Ending) -> Result<(), OperatorError> {
        let snapshot = SnapshotReference {
            cluster: self.plan.cluster.clone(),
            taken_at: self.plan.taken_at.to_string(),
            digest: self.plan.digest.clone(),
        };
        let went: UsdPerHour = ending.emptied.iter().filter_map(|node| self.prices.get(node)).copied().sum();
        let is_there = |planned: &Name| ending.added.iter().any(|(added, _)| added == planned);
        let came = self.plan.nodes.add.iter().filter(|added| is_there(&added.node.name));
        let came: UsdPerHour = came.map(|added| added.usd_per_hour).sum();
        let consolidation = Consolidation {
            plan: self.plan.name.clone(),
            migrations: self.journal.status().executed_migrations,
            nodes_removed: u32::try_from(ending.emptied.len()).unwrap_or(u32::MAX),
            nodes_added: u32::try_from(ending.added.len()).unwrap_or(u32::MAX),
            usd_per_month_saved: (went - came).dollars_per_month(),
        };
        report::write_consolidation(&self.context, self.config.clone(), snapshot, consolidation).await
    }

    fn is_dry_run(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.spec.dry_run)
    }

    /// What the configuration that made the plan is doing, where one did.
    async fn config_is(&self, state: State) {
        if let Some(config) = &self.config
            && let Err(error) = consolidation::is_doing(&self.context, config, state).await
        {
            warn!(config, %error, "cannot write down what the configuration is doing");
        }
    }

    async fn tell(&self, kind: EventType, reason: &str, note: String) {
        events::tell(&self.context, Subject::Plan(&self.plan.name), kind, reason, note).await;
    }

    /// Why it does not go on as things are now, where it does not.
    fn verdict(&self) -> Verdict {
        if !self.journal.plan_is_there() {
            return Verdict::Stop("the plan was deleted".to_owned());
        }
        // Somebody may have thought better of what it was begun with.
        match terms(&self.context, &self.object) {
            Ok(None) => Verdict::GoOn,
            Ok(Some(terms)) if terms.spec.dry_run => Verdict::Pause("its configuration asks for a dry run".to_owned()),
            Ok(Some(terms)) => why_not_now(&terms).map_or(Verdict::GoOn, |(_, why)| Verdict::Pause(why)),
            Err(problem) => Verdict::Pause(problem),
        }
    }
}

impl Gate for Execution {
    fn before<'g>(&'g self, wave: &'g [Migration]) -> BoxFuture<'g, Verdict> {
        async move {
            let before = self.verdict();
            if before != Verdict::GoOn {
                return before;
            }
            self.journal.stands(Phase::Executing, "Executing", "");
            self.journal.intend(wave);
            match self.journal.write().await {
                // What the API server answered is newer than what was heard.
                Ok(()) => self.verdict(),
                Err(error) => Verdict::Pause(format!("what is about to be done cannot be written down: {error}")),
            }
        }
        .boxed()
    }

    fn all_moved(&self) -> BoxFuture<'_, ()> {
        self.config_is(State::Monitoring).boxed()
    }

    fn adding<'g>(&'g self, awaited: &'g str) -> BoxFuture<'g, Verdict> {
        async move {
            self.journal.stands(Phase::Executing, "AddingNodes", awaited);
            match self.journal.write().await {
                Ok(()) => self.verdict(),
                Err(error) => Verdict::Pause(format!("that nodes are awaited cannot be written down: {error}")),
            }
        }
        .boxed()
    }
}

/// Where a plan stands that has come to an end, and why.
fn conclusion(ending: &Ending, wanted: usize) -> (Phase, &'static str, String) {
    if let Some(reason) = &ending.rolled_back {
        return (Phase::RolledBack, "RolledBack", reason.clone());
    }
    if let Some(reason) = &ending.paused {
        return (Phase::Paused, "Paused", reason.clone());
    }
    let emptied = ending.emptied.len();
    match ending.kept.as_slice() {
        [] => (Phase::Completed, "Completed", format!("{emptied} of {wanted} nodes went")),
        [(node, reason), ..] => {
            (Phase::Completed, "PartlyCompleted", format!("{emptied} of {wanted} nodes went; {node} stays: {reason}"))
        }
    }
}
