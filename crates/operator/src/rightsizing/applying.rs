//! The loop of the recommendations: from approval to pods that have it, or back. Where each stands is in its status, so
//! that another replica goes on from there.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use act::{Resized, Unchanged, may_patch, resize, resizes_in_place, size_template};
use crds::optimization_policy::{PolicyMode, UpdateStrategy};
use crds::optimization_recommendation::{Change, Method, RecommendationPhase, ResizedPod};
use crds::{Holds, Moment, OptimizationPolicySpec, OptimizationRecommendationSpec, OptimizationRecommendationStatus};
use engine::rightsizing::Resource;
use engine::rightsizing::method::{self, Circumstances, InTheWay, Obstacle, in_the_way};
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use model::{Phase, Pod, Rollout, Snapshot, Workload, WorkloadRef};
use tracing::warn;

use super::InUse;
use super::recommendation::{BY_POLICY, Side, difference, has, memory, overlaid, sizes};
use super::terms::Terms;
use crate::clock;
use crate::context::Context;
use crate::error::OperatorError;
use crate::events::{self, Subject};
use crate::metrics::{OfMethod, OfReason};
use crate::objects::{name, namespace, part, status};
use crate::record;

/// The condition that says whether and how it could be applied.
const APPLICABLE: &str = "Applicable";
/// The condition that says whether it is in force.
const APPLIED: &str = "Applied";
/// Why it is not: what was before is being brought back.
const ROLLING_BACK: &str = "RollingBack";

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What cannot be applied now is tried again after so long; pods of what is applied are looked at as often.
const AGAIN: Duration = Duration::from_secs(60);
/// What nobody answered is asked again after so long.
const SOON: Duration = Duration::from_secs(5);
/// A resize that a kubelet defers, or new pods that are not ready, are waited for so long.
const MOST_PATIENCE: Duration = Duration::from_secs(600);
/// Nothing is done on what was heard longer ago.
const STALE: Duration = Duration::from_secs(60);
/// Every step is watched for so long at least: a kubelet says within seconds that it cannot.
const LEAST_WATCH_SECONDS: i64 = 15;
/// Pods of one recommendation that are resized before anything else is looked at.
const AT_ONCE: usize = 20;
/// Where pods of a step do not stay as they are made for so many rounds more than it takes, somebody else is at work.
const MOST_ROUNDS: usize = 30;
/// Kinds whose template can change.
const WITH_TEMPLATE: [(&str, &str); 3] =
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")];

/// What this replica remembers of a recommendation; nothing that another would miss.
#[derive(Default)]
struct Known {
    /// What of it was seen last.
    generation: Option<i64>,
    /// Not before.
    again: Option<Instant>,
    /// Since when pods are waited for.
    waits_since: Option<Instant>,
    /// Rounds in which pods of the step were resized.
    rounds: usize,
}

/// What the API server has said of us, for a minute.
#[derive(Default)]
struct Rights {
    since: Option<Instant>,
    in_place: Option<bool>,
    may: HashMap<(String, &'static str), bool>,
}

/// One recommendation, as it is seen now.
struct Case<'c> {
    context: &'c Context,
    /// As it was seen, or as we wrote it since.
    object: DynamicObject,
    spec: OptimizationRecommendationSpec,
    standing: OptimizationRecommendationStatus,
    workload: WorkloadRef,
    policy: Policy,
    snapshot: &'c Snapshot,
}

/// Whose rules hold.
enum Policy {
    /// Nobody's: somebody has written the recommendation.
    None,
    Of(Box<Terms>),
    /// The one that it names is not there, is not understood, or does not mean the workload.
    Missing(String),
}

/// How bringing one forward ends.
type Done = Result<(), OperatorError>;

/// Brings recommendations forward.
pub async fn keep(context: &Arc<Context>, in_use: &InUse) -> Infallible {
    let mut known: HashMap<String, Known> = HashMap::new();
    let mut rights = Rights::default();
    loop {
        come_round(context, in_use, &mut known, &mut rights).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn come_round(context: &Arc<Context>, in_use: &InUse, known: &mut HashMap<String, Known>, rights: &mut Rights) {
    let all = context.objects.recommendations.all();
    let uid = |object: &DynamicObject| object.metadata.uid.clone().unwrap_or_default();
    let there: HashSet<String> = all.iter().map(|object| uid(object)).collect();
    known.retain(|of, _| there.contains(of));
    if context.followed.silent_for() > STALE {
        return;
    }
    let mut snapshot = None;
    for object in &all {
        let known = known.entry(uid(object)).or_default();
        if known.generation != object.metadata.generation {
            *known = Known { generation: object.metadata.generation, ..Known::default() };
        }
        let is_later = known.again.is_some_and(|again| Instant::now() < again);
        if is_later || object.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let mut standing: OptimizationRecommendationStatus = status(object);
        let is_approved = object.data["spec"]["approved"] == true;
        // Something else is recommended, and that was all that was written of it.
        let is_news = standing.observed_generation.is_some_and(|seen| Some(seen) != object.metadata.generation);
        if is_approved && is_news && is_over(standing.phase) {
            standing.phase = RecommendationPhase::Pending;
        }
        let is_nothing_to_do = match standing.phase {
            RecommendationPhase::RolledBack | RecommendationPhase::Rejected | RecommendationPhase::Pending => {
                standing.applied.is_empty() && (!is_approved || is_over(standing.phase))
            }
            _ => false,
        };
        if is_nothing_to_do {
            continue;
        }
        let snapshot = snapshot.get_or_insert_with(|| context.followed.snapshot(clock::now()));
        if !snapshot.has("Pod") {
            return;
        }
        let (case, wrong) = Case::of(context, object, standing, snapshot);
        let brought = match wrong {
            Some(wrong) if !is_over(case.standing.phase) => case.reject("Invalid", wrong).await,
            Some(_) => Ok(()),
            None => case.bring_forward(in_use, known, rights, is_approved).await,
        };
        if let Err(error) = brought {
            known.again = Some(Instant::now() + SOON);
            warn!(recommendation = name(object), %error, "cannot bring it forward");
        }
    }
}

fn is_over(phase: RecommendationPhase) -> bool {
    matches!(phase, RecommendationPhase::Applied | RecommendationPhase::RolledBack | RecommendationPhase::Rejected)
}

impl Rights {
    /// What was said longer ago is asked anew.
    fn freshen(&mut self) {
        if self.since.is_none_or(|since| since.elapsed() > AGAIN) {
            *self = Rights { since: Some(Instant::now()), ..Rights::default() };
        }
    }

    async fn in_place(&mut self, context: &Context) -> Result<bool, OperatorError> {
        self.freshen();
        if self.in_place.is_none() {
            let answer = resizes_in_place(&context.cluster).await;
            self.in_place = Some(answer.map_err(|refusal| refused("ask whether pods are resized in place", &refusal))?);
        }
        Ok(self.in_place == Some(true))
    }

    async fn may(
        &mut self,
        context: &Context,
        namespace: &str,
        (group, resource, subresource): (&'static str, &'static str, &'static str),
    ) -> Result<bool, OperatorError> {
        self.freshen();
        let key = (namespace.to_owned(), resource);
        if let Some(known) = self.may.get(&key) {
            return Ok(*known);
        }
        let answer = may_patch(&context.cluster, namespace, (group, resource, subresource)).await;
        let answer = answer.map_err(|refusal| refused("ask for our rights", &refusal))?;
        self.may.insert(key, answer);
        Ok(answer)
    }
}

fn refused(what: &str, refusal: &act::Refusal) -> OperatorError {
    OperatorError::Refused { what: what.to_owned(), problem: refusal.in_words() }
}

impl<'c> Case<'c> {
    /// And what is wrong with it, where something is.
    fn of(
        context: &'c Context,
        object: &DynamicObject,
        standing: OptimizationRecommendationStatus,
        snapshot: &'c Snapshot,
    ) -> (Case<'c>, Option<String>) {
        let (spec, mut wrong) = match part::<OptimizationRecommendationSpec>(object, "spec") {
            Ok(spec) => (spec, None),
            Err(wrong) => (OptimizationRecommendationSpec::default(), Some(wrong)),
        };
        let (target, own) = (&spec.target_workload, namespace(object));
        if let Some(other) = target.namespace.as_deref().filter(|other| *other != own) {
            wrong =
                Some(format!("spec.targetWorkload.namespace: {other:?}: must be that of the recommendation, {own}"));
        }
        let workload =
            WorkloadRef { kind: target.kind.as_str().into(), namespace: own.into(), name: target.name.as_str().into() };
        let found = snapshot.workloads.binary_search_by(|known| known.reference.cmp(&workload)).ok();
        let found = found.map(|at| &snapshot.workloads[at]);
        let policy = spec.policy.as_deref().map_or(Policy::None, |policy| policy_of(context, policy, snapshot, found));
        let object = object.clone();
        (Case { context, object, spec, standing, workload, policy, snapshot }, wrong)
    }

    async fn bring_forward(self, in_use: &InUse, known: &mut Known, rights: &mut Rights, is_approved: bool) -> Done {
        let is_rolling_back =
            self.standing.conditions.iter().any(|known| known.kind == APPLIED && known.reason == ROLLING_BACK);
        match (self.standing.phase, self.standing.method) {
            (RecommendationPhase::Pending, _) if is_approved => self.approve().await,
            (RecommendationPhase::Approved, _) if is_approved => self.begin(in_use, known, rights).await,
            (RecommendationPhase::Applying, _) if is_rolling_back => self.take_back(known).await,
            (RecommendationPhase::Applying, Some(Method::Recreate)) => self.replace(known).await,
            (RecommendationPhase::Applying, _) => self.resize(in_use, known).await,
            _ => {
                known.again = Some(Instant::now() + AGAIN);
                self.keep_in_force(in_use).await
            }
        }
    }

    async fn approve(mut self) -> Done {
        let by = self.spec.approved_by.clone().unwrap_or_else(|| "unknown".to_owned());
        self.standing.phase = RecommendationPhase::Approved;
        self.standing.approved_by = Some(by.clone());
        if self.write().await? {
            self.tell(EventType::Normal, "Approved", format!("by {by}")).await;
        }
        Ok(())
    }

    /// Decides how it is applied, and begins; or says why it is not.
    async fn begin(mut self, in_use: &InUse, known: &mut Known, rights: &mut Rights) -> Done {
        if let Some((reason, words)) = self.stopped().or_else(|| self.not_now()) {
            known.again = Some(Instant::now() + AGAIN);
            return self.skip(reason, words).await;
        }
        let circumstances = self.circumstances(in_use, rights).await?;
        let (method, words) = match method::method(&circumstances) {
            method::Method::InPlace => (Method::InPlace, "pods are resized"),
            method::Method::Recreate => (Method::Recreate, "pods are replaced"),
            method::Method::Skip(obstacles) => {
                known.again = Some(Instant::now() + AGAIN);
                let reason = obstacles.first().map_or("Skipped", Obstacle::reason);
                let words: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
                return self.skip(reason, words.join("; ")).await;
            }
        };
        if self.context.settings.rightsizing.dry_run {
            known.again = Some(Instant::now() + AGAIN);
            return self.rehearse(method, words).await;
        }
        known.waits_since = None;
        known.rounds = 0;
        self.standing.phase = RecommendationPhase::Applying;
        self.standing.method = Some(method);
        self.standing.step = Some(1);
        self.standing.step_since = None;
        self.standing.pods.clear();
        if method == Method::Recreate {
            // The template says it from now on.
            self.standing.applied.clear();
        }
        record::put(&mut self.standing.conditions, APPLICABLE, Holds::True, "Applicable", words);
        record::put(&mut self.standing.conditions, APPLIED, Holds::Unknown, "Applying", "");
        if self.write().await? {
            self.tell(EventType::Normal, "Applying", words.to_owned()).await;
        }
        Ok(())
    }

    /// Why nothing more may be done, whatever it was that was agreed to.
    fn stopped(&self) -> Option<(&'static str, String)> {
        let terms = match &self.policy {
            Policy::None => return None,
            Policy::Missing(why) => return Some(("PolicyMissing", why.clone())),
            Policy::Of(terms) => terms,
        };
        let is_by_policy = self.spec.approved_by.as_deref().is_some_and(|by| by.starts_with(BY_POLICY));
        match terms.spec.mode {
            PolicyMode::Disabled => Some(("PolicyDisabled", format!("policy {} is disabled", terms.reference()))),
            PolicyMode::Recommend if is_by_policy => Some((
                "NotAuto",
                format!("policy {} agreed to it, and is not in mode Auto any more", terms.reference()),
            )),
            _ => None,
        }
    }

    /// Why the workload is left alone for now.
    fn not_now(&self) -> Option<(&'static str, String)> {
        let Some(workload) = self.found() else {
            return Some(("WorkloadMissing", format!("there is no {} with pods", self.workload)));
        };
        if let Rollout::InProgress(sign) = &workload.rollout {
            return Some(("RolloutUnderWay", sign.clone()));
        }
        if self.pods().is_empty() {
            return Some(("NoPods", "none of its pods runs".to_owned()));
        }
        let changes = |resource: Resource| {
            self.spec.changes.iter().any(|change| change.requests.values()[resource.index()].is_some())
        };
        let scaled = workload.autoscaled_on.iter();
        let by = Resource::ALL
            .into_iter()
            .find(|resource| changes(*resource) && scaled.clone().any(|metric| &**metric == resource.name()));
        if let Some(resource) = by {
            let words = format!("an autoscaler looks at its {resource}: another request would change its replicas");
            return Some(("Autoscaled", words));
        }
        let is_other = |other: &&Arc<DynamicObject>| {
            let target = &other.data["spec"]["targetWorkload"];
            let standing: OptimizationRecommendationStatus = status(other);
            other.metadata.uid != self.object.metadata.uid
                && namespace(other) == &*self.workload.namespace
                && target["kind"] == *self.workload.kind
                && target["name"] == *self.workload.name
                && (!standing.applied.is_empty() || standing.phase == RecommendationPhase::Applying)
        };
        let all = self.context.objects.recommendations.all();
        all.iter().find(is_other).map(|other| {
            ("OtherRecommendation", format!("recommendation {} is in force for it: delete one of the two", name(other)))
        })
    }

    fn found(&self) -> Option<&'c Workload> {
        let at = self.snapshot.workloads.binary_search_by(|known| known.reference.cmp(&self.workload)).ok()?;
        Some(&self.snapshot.workloads[at])
    }

    fn update_strategy(&self) -> UpdateStrategy {
        match &self.policy {
            Policy::Of(terms) => terms.spec.update_strategy,
            _ => UpdateStrategy::default(),
        }
    }

    /// What is known of the workload and of our rights.
    async fn circumstances(&self, in_use: &InUse, rights: &mut Rights) -> Result<Circumstances, OperatorError> {
        let update = self.update_strategy();
        let (kind, within) = (&*self.workload.kind, &*self.workload.namespace);
        let plural = WITH_TEMPLATE.iter().find(|(of, _)| *of == kind).map(|(_, plural)| *plural);
        let may_change_template = match plural {
            Some(plural) if update.allow_recreate => rights.may(self.context, within, ("apps", plural, "")).await?,
            _ => false,
        };
        Ok(Circumstances {
            allow_in_place: update.allow_in_place_resize,
            allow_recreate: update.allow_recreate,
            in_place_is_served: rights.in_place(self.context).await?,
            may_resize: rights.may(self.context, within, ("", "pods", "resize")).await?,
            has_template: plural.is_some(),
            may_change_template,
            in_the_way: self.in_the_way(&self.spec.changes, &self.pods(), in_use),
        })
    }

    fn in_the_way(&self, changes: &[Change], pods: &[&Pod], in_use: &InUse) -> Option<InTheWay> {
        let now = clock::now();
        let used = |container: &str| in_use.get(&self.workload, container, now);
        in_the_way(self.snapshot, pods, |pod| difference(changes, pod), |pod| memory(changes, pod), used)
    }

    /// Its pods that run, in the order of their names.
    fn pods(&self) -> Vec<&'c Pod> {
        let at = self.snapshot.workloads.binary_search_by(|known| known.reference.cmp(&self.workload)).ok();
        let is_its = |pod: &&Pod| {
            at.is_some()
                && pod.workload.map(|of| of as usize) == at
                && pod.phase == Phase::Running
                && !pod.terminating
                && pod.node.is_some()
        };
        self.snapshot.pods.iter().filter(is_its).collect()
    }

    async fn skip(mut self, reason: &str, words: String) -> Done {
        let is_known = self
            .standing
            .conditions
            .iter()
            .any(|known| known.kind == APPLICABLE && known.status == Holds::False && known.reason == reason);
        if is_known {
            return Ok(());
        }
        if self.standing.phase == RecommendationPhase::Approved {
            self.standing.method = Some(Method::Skip);
        }
        record::put(&mut self.standing.conditions, APPLICABLE, Holds::False, reason, words.clone());
        if self.write().await? {
            self.context.metrics.rightsizing_skipped.get_or_create(&OfReason { reason: reason.to_owned() }).inc();
            self.tell(EventType::Warning, reason, format!("not applied: {words}")).await;
        }
        Ok(())
    }

    /// Asks the API server without changing anything.
    async fn rehearse(mut self, method: Method, words: &str) -> Done {
        const DRY_RUN: &str = "DryRun";
        let is_known = self.standing.conditions.iter().any(|known| known.reason == DRY_RUN);
        if is_known {
            return Ok(());
        }
        let after = sizes(&self.spec.changes, Side::After);
        let cluster = &self.context.cluster;
        let mut problem = None;
        if method == Method::InPlace {
            for pod in self.pods() {
                let of = (&*pod.namespace, &*pod.name, &*pod.uid);
                if let Resized::Refused(why) | Resized::Later(why) = resize(cluster, of, &after, true).await {
                    problem.get_or_insert(format!("pod {}: {why}", pod.name));
                }
            }
        } else {
            let (kind, of, name) = (&*self.workload.kind, &*self.workload.namespace, &*self.workload.name);
            let asked = size_template(cluster, (kind, of, name), &after, true).await;
            problem = asked.err().map(|(Unchanged::Refused(why) | Unchanged::Later(why))| why);
        }
        let (holds, words) = match problem {
            None => (Holds::True, format!("{words} once this is no dry run")),
            Some(problem) => (Holds::False, problem),
        };
        self.standing.method = Some(method);
        record::put(&mut self.standing.conditions, APPLICABLE, holds, DRY_RUN, words.clone());
        if self.write().await? {
            self.tell(EventType::Normal, DRY_RUN, words).await;
        }
        Ok(())
    }

    /// The step that is under way: a part of the pods get it, and are watched.
    async fn resize(mut self, in_use: &InUse, known: &mut Known) -> Done {
        if let Some(trouble) = self.trouble() {
            return self.roll_back("Unhealthy", trouble, known).await;
        }
        let is_dry = self.context.settings.rightsizing.dry_run;
        let dry = || ("DryRun", "the operator was started anew for a dry run".to_owned());
        if let Some((reason, words)) = self.stopped().or_else(|| is_dry.then(dry)) {
            // What has it keeps it, and is watched; no other gets it.
            known.again = Some(Instant::now() + SOON);
            return self.skip(reason, words).await;
        }
        let pods = self.pods();
        let steps = match &self.policy {
            Policy::Of(terms) => terms.spec.steps(),
            _ => OptimizationPolicySpec::at_once(),
        };
        let at = (self.standing.step.unwrap_or(1).max(1) as usize).min(steps.len());
        let (percent, seconds) = steps[at - 1];
        let of_step = &pods[..(pods.len() * percent as usize).div_ceil(100).min(pods.len())];
        let without: Vec<&Pod> = of_step.iter().copied().filter(|pod| !has(&self.spec.changes, pod)).collect();
        if !without.is_empty() {
            known.rounds += 1;
            if known.rounds > MOST_ROUNDS + 2 * of_step.len() / AT_ONCE {
                let words = "its pods do not keep the size that they are given: somebody else changes them".to_owned();
                return self.roll_back("NotKept", words, known).await;
            }
            return self.resize_some(&without[..without.len().min(AT_ONCE)], in_use, known).await;
        }
        let is_waiting = |pod: &&&Pod| !pod.resize_problem.is_empty() || pod.held != pod.requests;
        if let Some(waiting) = of_step.iter().find(is_waiting) {
            let since = *known.waits_since.get_or_insert_with(Instant::now);
            if since.elapsed() > MOST_PATIENCE {
                let why = if waiting.resize_problem.is_empty() { "is not done" } else { &*waiting.resize_problem };
                let words = format!("the resize of pod {} {why}", waiting.name);
                return self.roll_back("ResizePending", words, known).await;
            }
            return Ok(());
        }
        known.waits_since = None;
        let now = clock::now();
        let Some(since) = self.standing.step_since else {
            self.standing.step_since = Some(Moment(now));
            return self.write().await.map(|_| ());
        };
        if now.seconds_since(since.0) < seconds.max(LEAST_WATCH_SECONDS) {
            return Ok(());
        }
        known.rounds = 0;
        if at < steps.len() {
            self.standing.step = Some(at as u32 + 1);
            self.standing.step_since = None;
            return self.write().await.map(|_| ());
        }
        let words = format!("{} pods were resized; pods made from now on are sized as they are made", pods.len());
        self.applied(Method::InPlace, words).await
    }

    /// Writes down which pods and what they were like, and then resizes them.
    async fn resize_some(mut self, pods: &[&Pod], in_use: &InUse, known: &mut Known) -> Done {
        // What was so when it began may not be so any more.
        if let Some(in_the_way) = self.in_the_way(&self.spec.changes, pods, in_use) {
            let since = *known.waits_since.get_or_insert_with(Instant::now);
            let obstacle = Obstacle::InTheWay(in_the_way);
            if since.elapsed() > MOST_PATIENCE {
                return self.roll_back(obstacle.reason(), obstacle.to_string(), known).await;
            }
            known.again = Some(Instant::now() + SOON);
            return Ok(());
        }
        for pod in pods {
            if self.standing.pods.iter().all(|known| known.uid != *pod.uid) {
                self.standing.pods.push(ResizedPod {
                    name: pod.name.to_string(),
                    uid: pod.uid.to_string(),
                    restarts: pod.restarts,
                    ready: pod.ready,
                });
            }
        }
        self.standing.step_since = None;
        if !self.write().await? {
            return Ok(());
        }
        let after = sizes(&self.spec.changes, Side::After);
        for pod in pods {
            let cluster = &self.context.cluster;
            match resize(cluster, (&pod.namespace, &pod.name, &pod.uid), &after, false).await {
                Resized::Taken => {
                    let subject = Subject::Pod { namespace: &pod.namespace, name: &pod.name, uid: &pod.uid };
                    let words = format!("by recommendation {}", name(&self.object));
                    events::tell(self.context, subject, EventType::Normal, "Resized", words).await;
                }
                Resized::AsIs | Resized::Gone => {}
                Resized::Later(why) => {
                    warn!(pod = %pod.name, why, "asked again");
                    known.again = Some(Instant::now() + SOON);
                    return Ok(());
                }
                Resized::Refused(why) => {
                    return self.roll_back("Refused", format!("pod {}: {why}", pod.name), known).await;
                }
            }
        }
        Ok(())
    }

    /// What went wrong with pods that were resized.
    fn trouble(&self) -> Option<String> {
        self.standing.pods.iter().find_map(|before| {
            let pod =
                self.snapshot.pod(&self.workload.namespace, &before.name).filter(|pod| *pod.uid == *before.uid)?;
            if pod.restarts > before.restarts {
                let times = pod.restarts - before.restarts;
                Some(format!("pod {} has restarted {times} times since it was resized", pod.name))
            } else if pod.phase == Phase::Failed {
                Some(format!("pod {} was evicted or has failed since it was resized", pod.name))
            } else if before.ready && !pod.ready && pod.phase == Phase::Running && !pod.terminating {
                Some(format!("pod {} is not ready since it was resized", pod.name))
            } else if matches!(&*pod.resize_problem, "Infeasible" | "Error") {
                Some(format!("the resize of pod {} is {}", pod.name, pod.resize_problem))
            } else {
                None
            }
        })
    }

    /// The template gets it, and its controller replaces the pods.
    async fn replace(mut self, known: &mut Known) -> Done {
        let (kind, of, name) =
            (self.workload.kind.clone(), self.workload.namespace.clone(), self.workload.name.clone());
        let Some(since) = self.standing.step_since else {
            if let Some((reason, words)) = self.stopped() {
                known.again = Some(Instant::now() + SOON);
                return self.skip(reason, words).await;
            }
            if self.context.settings.rightsizing.dry_run {
                return Ok(());
            }
            let after = sizes(&self.spec.changes, Side::After);
            match size_template(&self.context.cluster, (&kind, &of, &name), &after, false).await {
                Ok(()) => {}
                Err(Unchanged::Later(why)) => {
                    warn!(workload = %self.workload, why, "asked again");
                    known.again = Some(Instant::now() + SOON);
                    return Ok(());
                }
                Err(Unchanged::Refused(why)) => return self.reject("Refused", why).await,
            }
            self.standing.step_since = Some(Moment(clock::now()));
            return self.write().await.map(|_| ());
        };
        let pods = self.pods();
        let with = || pods.iter().filter(|pod| has(&self.spec.changes, pod));
        let trouble = with().find(|pod| pod.restarts > 0).map(|pod| format!("pod {} restarts", pod.name));
        if let Some(trouble) = trouble {
            return self.roll_back("Unhealthy", trouble, known).await;
        }
        let is_rolled_out = self.found().is_some_and(|workload| workload.rollout == Rollout::Complete);
        if is_rolled_out && with().count() == pods.len() && pods.iter().all(|pod| pod.ready) {
            let words = format!("{} pods were replaced", pods.len());
            return self.applied(Method::Recreate, words).await;
        }
        let waits_since = *known.waits_since.get_or_insert_with(Instant::now);
        let seconds = clock::now().seconds_since(since.0);
        if waits_since.elapsed() > MOST_PATIENCE && seconds > MOST_PATIENCE.as_secs() as i64 {
            let words = format!("new pods are not ready after {} minutes", MOST_PATIENCE.as_secs() / 60);
            return self.roll_back("NotReady", words, known).await;
        }
        Ok(())
    }

    async fn applied(mut self, method: Method, words: String) -> Done {
        let of = if method == Method::InPlace { "InPlace" } else { "Recreate" };
        self.standing.phase = RecommendationPhase::Applied;
        self.standing.applied_at = Some(Moment(clock::now()));
        self.standing.step = None;
        self.standing.step_since = None;
        // What a template says needs no help of ours.
        self.standing.applied = match method {
            Method::InPlace => overlaid(&self.standing.applied, &self.spec.changes),
            _ => Vec::new(),
        };
        record::put(&mut self.standing.conditions, APPLIED, Holds::True, "Applied", words.clone());
        if self.write().await? {
            self.context.metrics.rightsizing_applied.get_or_create(&OfMethod { method: of }).inc();
            self.tell(EventType::Normal, "Applied", words).await;
        }
        Ok(())
    }

    /// Writes down that what was before is to come back, and why; then brings it back.
    async fn roll_back(mut self, reason: &str, why: String, known: &mut Known) -> Done {
        record::put(&mut self.standing.conditions, APPLIED, Holds::False, ROLLING_BACK, format!("{reason}: {why}"));
        if !self.write().await? {
            return Ok(());
        }
        self.context.metrics.rightsizing_skipped.get_or_create(&OfReason { reason: reason.to_owned() }).inc();
        self.tell(EventType::Warning, ROLLING_BACK, format!("{reason}: {why}")).await;
        self.take_back(known).await
    }

    /// Brings back what was before; what nobody answers is asked again.
    async fn take_back(mut self, known: &mut Known) -> Done {
        let before = sizes(&self.spec.changes, Side::Before);
        let cluster = &self.context.cluster;
        let mut left = Vec::new();
        if self.spec.changes.iter().any(is_without_before) {
            left.push("what was not asked for before cannot be taken back".to_owned());
        }
        if self.standing.method == Some(Method::Recreate) {
            let (kind, of, name) = (&*self.workload.kind, &*self.workload.namespace, &*self.workload.name);
            match size_template(cluster, (kind, of, name), &before, false).await {
                Ok(()) => {}
                Err(Unchanged::Refused(why)) => left.push(why),
                Err(Unchanged::Later(_)) => {
                    known.again = Some(Instant::now() + SOON);
                    return Ok(());
                }
            }
        } else {
            for pod in &self.standing.pods {
                match resize(cluster, (&self.workload.namespace, &pod.name, &pod.uid), &before, false).await {
                    Resized::Taken | Resized::AsIs | Resized::Gone => {}
                    Resized::Refused(why) => left.push(format!("pod {}: {why}", pod.name)),
                    Resized::Later(_) => {
                        known.again = Some(Instant::now() + SOON);
                        return Ok(());
                    }
                }
            }
        }
        let why = self.standing.conditions.iter().find(|known| known.kind == APPLIED);
        let why = why.map(|known| known.message.clone()).unwrap_or_default();
        let (reason, why) = why.split_once(": ").unwrap_or(("RolledBack", &why));
        let words = match left.first() {
            None => why.to_owned(),
            Some(first) => format!("{why}; and not all is as it was: {first}"),
        };
        let reason = reason.to_owned();
        known.waits_since = None;
        known.rounds = 0;
        self.standing.phase = RecommendationPhase::RolledBack;
        self.standing.step_since = None;
        record::put(&mut self.standing.conditions, APPLIED, Holds::False, &reason, words.clone());
        if self.write().await? {
            self.tell(EventType::Warning, "RolledBack", words).await;
        }
        Ok(())
    }

    async fn reject(mut self, reason: &str, why: String) -> Done {
        self.standing.phase = RecommendationPhase::Rejected;
        record::put(&mut self.standing.conditions, APPLIED, Holds::False, reason, why.clone());
        if self.write().await? {
            self.context.metrics.rightsizing_skipped.get_or_create(&OfReason { reason: reason.to_owned() }).inc();
            self.tell(EventType::Warning, reason, why).await;
        }
        Ok(())
    }

    /// Pods that have come since, and were not sized as they were made; of those somebody sized otherwise, none.
    async fn keep_in_force(self, in_use: &InUse) -> Done {
        if self.standing.applied.is_empty() || self.stopped().is_some() || self.context.settings.rightsizing.dry_run {
            return Ok(());
        }
        let applied = &self.standing.applied;
        let was_resized = |pod: &Pod| self.standing.pods.iter().any(|known| known.uid == *pod.uid);
        let after = sizes(applied, Side::After);
        let later = self.pods().into_iter().filter(|pod| !was_resized(pod) && !has(applied, pod));
        for pod in later.filter(|pod| is_as_before(applied, pod)).take(AT_ONCE) {
            if self.in_the_way(applied, &[pod], in_use).is_some() {
                continue;
            }
            let of = (&*pod.namespace, &*pod.name, &*pod.uid);
            if let Resized::Refused(why) | Resized::Later(why) = resize(&self.context.cluster, of, &after, false).await
            {
                warn!(pod = %pod.name, why, "a pod made since is not resized");
            }
        }
        Ok(())
    }

    async fn tell(&self, kind: EventType, reason: &str, words: String) {
        let subject = Subject::Recommendation { namespace: namespace(&self.object), name: name(&self.object) };
        events::tell(self.context, subject, kind, reason, words).await;
    }

    /// Writes how it stands; false where somebody has changed it since it was seen, and nothing is to follow.
    async fn write(&mut self) -> Result<bool, OperatorError> {
        self.standing.observed_generation = self.object.metadata.generation;
        let objects = &self.context.objects;
        let api = objects.api_in(&objects.recommendations, namespace(&self.object));
        // A merge patch leaves alone what it does not name.
        let mut value = serde_json::to_value(&self.standing).unwrap_or_default();
        for field in ["step", "stepSince"] {
            if value.get(field).is_none() {
                value[field] = serde_json::Value::Null;
            }
        }
        for field in ["pods", "applied"] {
            if value.get(field).is_none() {
                value[field] = serde_json::json!([]);
            }
        }
        match record::status_as_seen(self.context, &api, &self.object.metadata, &value).await? {
            Some(written) => {
                self.object = written;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

/// The rules of the policy that a recommendation names: of its own namespace or of the operator's, and only where it means
/// the workload.
fn policy_of(context: &Context, reference: &str, snapshot: &Snapshot, workload: Option<&Workload>) -> Policy {
    let missing = |why: &str| Policy::Missing(format!("policy {reference} {why}"));
    let Some((within, name)) = reference.split_once('/') else { return missing("is no NAMESPACE/NAME") };
    let Some(found) = context.objects.policies.get_in(within, name) else { return missing("is not there") };
    match Terms::of(context, &found) {
        Err(wrong) => missing(&format!("is not understood: {wrong}")),
        Ok(terms) if workload.is_some_and(|workload| !terms.means(snapshot, workload)) => {
            missing("does not mean this workload")
        }
        Ok(terms) => Policy::Of(Box::new(terms)),
    }
}

/// Does it change what was not there before, or of which nobody has written what was?
fn is_without_before(change: &Change) -> bool {
    let lacks = |after: [Option<i64>; 2], before: [Option<i64>; 2]| {
        after.into_iter().zip(before).any(|(after, before)| after.is_some() && before.is_none())
    };
    lacks(change.requests.values(), change.requests_before.values())
        || lacks(change.limits.values(), change.limits_before.values())
}

/// Does the pod ask for what was asked for before, where that is known? Somebody has sized it otherwise where not.
fn is_as_before(applied: &[Change], pod: &Pod) -> bool {
    applied.iter().all(|change| {
        let container = pod
            .spec
            .containers
            .iter()
            .find(|container| change.container.as_deref().is_none_or(|name| name == &*container.name));
        container.is_some_and(|container| {
            let asked = [container.cpu, container.memory];
            let before = change.requests_before.values();
            let after = change.requests.values();
            (0..2).all(|at| before[at].is_none() || asked[at] == before[at] || asked[at] == after[at])
        })
    })
}
