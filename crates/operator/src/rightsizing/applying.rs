//! The loop of the recommendations: from approval to pods that have it, or back. Where each stands is in its status, so
//! that another replica goes on from there.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use act::{Resized, may_patch, resize, resizes_in_place, size_template};
use crds::optimization_policy::UpdateStrategy;
use crds::optimization_recommendation::{Method, RecommendationPhase, ResizedPod};
use crds::{Holds, Moment, OptimizationPolicySpec, OptimizationRecommendationSpec, OptimizationRecommendationStatus};
use engine::rightsizing::method::{self, Circumstances, Obstacle, in_the_way};
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use model::{Phase, Pod, Rollout, Snapshot, WorkloadRef};
use tracing::warn;

use super::InUse;
use super::recommendation::{Side, difference, has, sizes};
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

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What cannot be applied now is tried again after so long; pods of what is applied are looked at as often.
const AGAIN: Duration = Duration::from_secs(60);
/// A resize that a kubelet defers, or new pods that are not ready, are waited for so long.
const MOST_PATIENCE: Duration = Duration::from_secs(600);
/// Kinds whose template can change.
const WITH_TEMPLATE: [(&str, &str); 3] =
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")];

/// What this replica remembers of a recommendation; nothing that another would miss.
#[derive(Default)]
struct Known {
    /// Not before.
    again: Option<Instant>,
    /// Since when pods are waited for.
    waits_since: Option<Instant>,
}

/// One recommendation, as it is seen now.
struct Case<'c> {
    context: &'c Context,
    object: &'c DynamicObject,
    spec: OptimizationRecommendationSpec,
    standing: OptimizationRecommendationStatus,
    workload: WorkloadRef,
    policy: Option<OptimizationPolicySpec>,
    snapshot: &'c Snapshot,
}

/// Brings recommendations forward.
pub async fn keep(context: &Arc<Context>, in_use: &InUse) -> Infallible {
    let mut known: HashMap<String, Known> = HashMap::new();
    loop {
        come_round(context, in_use, &mut known).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn come_round(context: &Arc<Context>, in_use: &InUse, known: &mut HashMap<String, Known>) {
    let all = context.objects.recommendations.all();
    let uid = |object: &DynamicObject| object.metadata.uid.clone().unwrap_or_default();
    known.retain(|of, _| all.iter().any(|object| uid(object) == *of));
    let mut snapshot = None;
    for object in &all {
        let known = known.entry(uid(object)).or_default();
        if known.again.is_some_and(|again| Instant::now() < again) || object.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let standing: OptimizationRecommendationStatus = status(object);
        let is_approved = object.data["spec"]["approved"] == true;
        if !is_approved || matches!(standing.phase, RecommendationPhase::RolledBack | RecommendationPhase::Rejected) {
            continue;
        }
        let snapshot = snapshot.get_or_insert_with(|| context.followed.snapshot(clock::now()));
        let (case, wrong) = Case::of(context, object, standing, snapshot);
        let brought = match wrong {
            None => case.bring_forward(in_use, known).await,
            Some(wrong) => case.reject("Invalid", wrong).await,
        };
        if let Err(error) = brought {
            known.again = Some(Instant::now() + LOOK_EVERY * 5);
            warn!(recommendation = name(object), %error, "cannot bring it forward");
        }
    }
}

impl<'c> Case<'c> {
    /// And what is wrong with it, where something is.
    fn of(
        context: &'c Context,
        object: &'c DynamicObject,
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
        let policy = spec.policy.as_deref().and_then(|policy| policy.split_once('/'));
        let policy = policy.and_then(|(of, name)| context.objects.policies.get_in(of, name));
        let policy = policy.and_then(|policy| part(&policy, "spec").ok());
        (Case { context, object, spec, standing, workload, policy, snapshot }, wrong)
    }

    async fn bring_forward(self, in_use: &InUse, known: &mut Known) -> Result<(), OperatorError> {
        match (self.standing.phase, self.standing.method) {
            (RecommendationPhase::Pending, _) => self.approve().await,
            (RecommendationPhase::Approved, _) => self.begin(in_use, known).await,
            (RecommendationPhase::Applying, Some(Method::Recreate)) => self.replace(known).await,
            (RecommendationPhase::Applying, _) => self.resize(known).await,
            (RecommendationPhase::Applied, _) => {
                known.again = Some(Instant::now() + AGAIN);
                self.keep_in_force().await
            }
            _ => Ok(()),
        }
    }

    async fn approve(mut self) -> Result<(), OperatorError> {
        let by = self.spec.approved_by.clone().unwrap_or_else(|| "unknown".to_owned());
        self.tell(EventType::Normal, "Approved", format!("by {by}")).await;
        self.standing.phase = RecommendationPhase::Approved;
        self.standing.approved_by = Some(by);
        self.write().await
    }

    /// Decides how it is applied, and begins; or says why it is not.
    async fn begin(mut self, in_use: &InUse, known: &mut Known) -> Result<(), OperatorError> {
        let circumstances = self.circumstances(in_use).await?;
        let chosen = method::method(&circumstances);
        let (method, obstacles) = match chosen {
            method::Method::InPlace => (Method::InPlace, Vec::new()),
            method::Method::Recreate => (Method::Recreate, Vec::new()),
            method::Method::Skip(obstacles) => (Method::Skip, obstacles),
        };
        if method == Method::Skip {
            known.again = Some(Instant::now() + AGAIN);
            return self.skip(&obstacles).await;
        }
        let words = if method == Method::InPlace { "pods are resized" } else { "pods are replaced" };
        if self.context.settings.rightsizing.dry_run {
            known.again = Some(Instant::now() + AGAIN);
            return self.rehearse(method, words).await;
        }
        self.standing.phase = RecommendationPhase::Applying;
        self.standing.method = Some(method);
        self.standing.step = Some(1);
        self.standing.step_since = None;
        self.standing.pods.clear();
        record::put(&mut self.standing.conditions, APPLICABLE, Holds::True, "Applicable", words);
        record::put(&mut self.standing.conditions, APPLIED, Holds::Unknown, "Applying", "");
        self.tell(EventType::Normal, "Applying", words.to_owned()).await;
        self.write().await
    }

    /// What is known of the workload and of our rights.
    async fn circumstances(&self, in_use: &InUse) -> Result<Circumstances, OperatorError> {
        let cluster = &self.context.cluster;
        let update = self.policy.as_ref().map_or(UpdateStrategy::default(), |policy| policy.update_strategy);
        let (kind, within) = (&*self.workload.kind, &*self.workload.namespace);
        let plural = WITH_TEMPLATE.iter().find(|(of, _)| *of == kind).map(|(_, plural)| *plural);
        let refused = |what: &str, refusal: act::Refusal| OperatorError::Refused {
            what: what.to_owned(),
            problem: refusal.in_words(),
        };
        let served = resizes_in_place(cluster).await;
        let may_resize = may_patch(cluster, within, ("", "pods", "resize")).await;
        let may_change = match plural {
            Some(plural) if update.allow_recreate => may_patch(cluster, within, ("apps", plural, "")).await,
            _ => Ok(false),
        };
        let used = in_use.get(&self.workload, clock::now());
        let pods = self.pods();
        Ok(Circumstances {
            allow_in_place: update.allow_in_place_resize,
            allow_recreate: update.allow_recreate,
            in_place_is_served: served.map_err(|refusal| refused("ask whether pods are resized in place", refusal))?,
            may_resize: may_resize.map_err(|refusal| refused("ask for our rights", refusal))?,
            has_template: plural.is_some(),
            may_change_template: may_change.map_err(|refusal| refused("ask for our rights", refusal))?,
            in_the_way: in_the_way(self.snapshot, &pods, |pod| difference(&self.spec.changes, pod), |_| used),
        })
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

    async fn skip(mut self, obstacles: &[Obstacle]) -> Result<(), OperatorError> {
        let reason = obstacles.first().map_or("Skipped", Obstacle::reason);
        let words: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
        let words = words.join("; ");
        let is_known = self
            .standing
            .conditions
            .iter()
            .any(|known| known.kind == APPLICABLE && known.status == Holds::False && known.reason == reason);
        if is_known {
            return Ok(());
        }
        self.context.metrics.rightsizing_skipped.get_or_create(&OfReason { reason: reason.to_owned() }).inc();
        self.tell(EventType::Warning, reason, format!("not applied: {words}")).await;
        self.standing.method = Some(Method::Skip);
        record::put(&mut self.standing.conditions, APPLICABLE, Holds::False, reason, words);
        self.write().await
    }

    /// Asks the API server without changing anything.
    async fn rehearse(mut self, method: Method, words: &str) -> Result<(), OperatorError> {
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
                if let Resized::Refused(why) =
                    resize(cluster, (&pod.namespace, &pod.name, &pod.uid), &after, true).await
                {
                    problem.get_or_insert(format!("pod {}: {why}", pod.name));
                }
            }
        } else {
            let (kind, of, name) = (&*self.workload.kind, &*self.workload.namespace, &*self.workload.name);
            problem = size_template(cluster, (kind, of, name), &after, true).await.err();
        }
        let (holds, words) = match problem {
            None => (Holds::True, format!("{words} once this is no dry run")),
            Some(problem) => (Holds::False, problem),
        };
        self.tell(EventType::Normal, DRY_RUN, words.clone()).await;
        self.standing.method = Some(method);
        record::put(&mut self.standing.conditions, APPLICABLE, holds, DRY_RUN, words);
        self.write().await
    }

    /// The step that is under way: a part of the pods get it, and are watched.
    async fn resize(mut self, known: &mut Known) -> Result<(), OperatorError> {
        if let Some(trouble) = self.trouble() {
            return self.roll_back("Unhealthy", trouble).await;
        }
        let pods = self.pods();
        let steps = self.policy.as_ref().map_or(vec![(100, 0)], OptimizationPolicySpec::steps);
        let at = (self.standing.step.unwrap_or(1).max(1) as usize).min(steps.len());
        let (percent, seconds) = steps[at - 1];
        let of_step = &pods[..(pods.len() * percent as usize).div_ceil(100).min(pods.len())];
        let without: Vec<&Pod> = of_step.iter().copied().filter(|pod| !has(&self.spec.changes, pod)).collect();
        if !without.is_empty() {
            return self.resize_all(&without).await;
        }
        let is_waiting = |pod: &&&Pod| !pod.resize_problem.is_empty() || pod.held != pod.requests;
        if let Some(waiting) = of_step.iter().find(is_waiting) {
            let since = *known.waits_since.get_or_insert_with(Instant::now);
            if since.elapsed() > MOST_PATIENCE {
                let why = if waiting.resize_problem.is_empty() { "is not done" } else { &*waiting.resize_problem };
                return self.roll_back("ResizePending", format!("the resize of pod {} {why}", waiting.name)).await;
            }
            return Ok(());
        }
        known.waits_since = None;
        let now = clock::now();
        let Some(since) = self.standing.step_since else {
            self.standing.step_since = Some(Moment(now));
            return self.write().await;
        };
        if now.seconds_since(since.0) < seconds {
            return Ok(());
        }
        if at < steps.len() {
            self.standing.step = Some(at as u32 + 1);
            self.standing.step_since = None;
            return self.write().await;
        }
        let words = format!("{} pods were resized; pods made from now on are sized as they are made", pods.len());
        self.applied(Method::InPlace, words).await
    }

    /// Writes down which pods and what they were like, and then resizes them.
    async fn resize_all(mut self, pods: &[&Pod]) -> Result<(), OperatorError> {
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
        self.write().await?;
        let after = sizes(&self.spec.changes, Side::After);
        for pod in pods {
            let cluster = &self.context.cluster;
            match resize(cluster, (&pod.namespace, &pod.name, &pod.uid), &after, false).await {
                Resized::Taken => {
                    let subject = Subject::Pod { namespace: &pod.namespace, name: &pod.name, uid: &pod.uid };
                    let words = format!("by recommendation {}", name(self.object));
                    events::tell(self.context, subject, EventType::Normal, "Resized", words).await;
                }
                Resized::AsIs | Resized::Gone => {}
                Resized::Refused(why) => {
                    return self.roll_back("Refused", format!("pod {}: {why}", pod.name)).await;
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
    async fn replace(mut self, known: &mut Known) -> Result<(), OperatorError> {
        let (kind, of, name) =
            (self.workload.kind.clone(), self.workload.namespace.clone(), self.workload.name.clone());
        let Some(since) = self.standing.step_since else {
            let after = sizes(&self.spec.changes, Side::After);
            if let Err(why) = size_template(&self.context.cluster, (&kind, &of, &name), &after, false).await {
                return self.reject("Refused", why).await;
            }
            self.standing.step_since = Some(Moment(clock::now()));
            return self.write().await;
        };
        let found = self.snapshot.workloads.binary_search_by(|known| known.reference.cmp(&self.workload)).ok();
        let rollout = found.map(|at| &self.snapshot.workloads[at].rollout);
        let pods = self.pods();
        let with = || pods.iter().filter(|pod| has(&self.spec.changes, pod));
        let trouble = with().find(|pod| pod.restarts > 0).map(|pod| format!("pod {} restarts", pod.name));
        if let Some(trouble) = trouble {
            return self.roll_back("Unhealthy", trouble).await;
        }
        if rollout == Some(&Rollout::Complete) && with().count() == pods.len() && pods.iter().all(|pod| pod.ready) {
            let words = format!("{} pods were replaced", pods.len());
            return self.applied(Method::Recreate, words).await;
        }
        let waits_since = *known.waits_since.get_or_insert_with(Instant::now);
        if waits_since.elapsed() > MOST_PATIENCE && clock::now().seconds_since(since.0) > MOST_PATIENCE.as_secs() as i64
        {
            let words = format!("new pods are not ready after {} minutes", MOST_PATIENCE.as_secs() / 60);
            return self.roll_back("NotReady", words).await;
        }
        Ok(())
    }

    async fn applied(mut self, method: Method, words: String) -> Result<(), OperatorError> {
        let of = if method == Method::InPlace { "InPlace" } else { "Recreate" };
        self.context.metrics.rightsizing_applied.get_or_create(&OfMethod { method: of }).inc();
        self.tell(EventType::Normal, "Applied", words.clone()).await;
        self.standing.phase = RecommendationPhase::Applied;
        self.standing.applied_at = Some(Moment(clock::now()));
        self.standing.step = None;
        self.standing.step_since = None;
        // What a template says needs no help of ours.
        self.standing.applied = if method == Method::InPlace { self.spec.changes.clone() } else { Vec::new() };
        record::put(&mut self.standing.conditions, APPLIED, Holds::True, "Applied", words);
        self.write().await
    }

    /// Brings back what was before, and says why.
    async fn roll_back(mut self, reason: &str, why: String) -> Result<(), OperatorError> {
        let before = sizes(&self.spec.changes, Side::Before);
        let cluster = &self.context.cluster;
        let mut left = Vec::new();
        if self.standing.method == Some(Method::Recreate) {
            let (kind, of, name) = (&*self.workload.kind, &*self.workload.namespace, &*self.workload.name);
            left.extend(size_template(cluster, (kind, of, name), &before, false).await.err());
        } else {
            for pod in &self.standing.pods {
                let of = (&*self.workload.namespace, &*pod.name, &*pod.uid);
                if let Resized::Refused(why) = resize(cluster, of, &before, false).await {
                    left.push(format!("pod {}: {why}", pod.name));
                }
            }
        }
        let words = match left.first() {
            None => why,
            Some(first) => format!("{why}; and not all is as it was: {first}"),
        };
        self.context.metrics.rightsizing_skipped.get_or_create(&OfReason { reason: reason.to_owned() }).inc();
        self.tell(EventType::Warning, "RolledBack", words.clone()).await;
        self.standing.phase = RecommendationPhase::RolledBack;
        self.standing.step_since = None;
        record::put(&mut self.standing.conditions, APPLIED, Holds::False, reason, words);
        self.write().await
    }

    async fn reject(mut self, reason: &str, why: String) -> Result<(), OperatorError> {
        self.context.metrics.rightsizing_skipped.get_or_create(&OfReason { reason: reason.to_owned() }).inc();
        self.tell(EventType::Warning, reason, why.clone()).await;
        self.standing.phase = RecommendationPhase::Rejected;
        record::put(&mut self.standing.conditions, APPLIED, Holds::False, reason, why);
        self.write().await
    }

    /// Pods that were made since, and were not sized as they were made.
    async fn keep_in_force(self) -> Result<(), OperatorError> {
        let Some(since) = self.standing.applied_at.filter(|_| !self.standing.applied.is_empty()) else { return Ok(()) };
        let after = sizes(&self.standing.applied, Side::After);
        for pod in self.pods() {
            let is_later = pod.created.is_some_and(|created| created >= since.0);
            if is_later && !has(&self.standing.applied, pod) {
                let of = (&*pod.namespace, &*pod.name, &*pod.uid);
                if let Resized::Refused(why) = resize(&self.context.cluster, of, &after, false).await {
                    warn!(pod = %pod.name, why, "a pod made since is not resized");
                }
            }
        }
        Ok(())
    }

    async fn tell(&self, kind: EventType, reason: &str, words: String) {
        let subject = Subject::Recommendation { namespace: namespace(self.object), name: name(self.object) };
        events::tell(self.context, subject, kind, reason, words).await;
    }

    async fn write(&mut self) -> Result<(), OperatorError> {
        self.standing.observed_generation = self.object.metadata.generation;
        let objects = &self.context.objects;
        let api = objects.api_in(&objects.recommendations, namespace(self.object));
        // A merge patch leaves alone what it does not name.
        let mut value = serde_json::to_value(&self.standing).unwrap_or_default();
        for (field, absent) in
            [("step", serde_json::Value::Null), ("stepSince", serde_json::Value::Null), ("pods", serde_json::json!([]))]
        {
            if value.get(field).is_none() {
                value[field] = absent;
            }
        }
        record::status(self.context, &api, &self.object.metadata, &value).await.map(|_| ())
    }
}
