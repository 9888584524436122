//! One recommendation: whether it may be applied now, how, and what is written of it.

use std::sync::Arc;
use std::time::Instant;

use act::{Resized, Unchanged, resize, size_template};
use crds::optimization_policy::{PolicyMode, UpdateStrategy};
use crds::optimization_recommendation::{Change, Method, RecommendationPhase};
use crds::{Holds, Moment, OptimizationRecommendationSpec, OptimizationRecommendationStatus};
use engine::rightsizing::Resource;
use engine::rightsizing::method::{self, Circumstances, InTheWay, Obstacle, in_the_way};
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use model::{Phase, Pod, Rollout, Snapshot, Workload, WorkloadRef};

use super::rights::Rights;
use super::threshold::Thresholds;
use super::{AGAIN, Done, Known};
use crate::clock;
use crate::context::Context;
use crate::error::OperatorError;
use crate::events::{self, Subject};
use crate::metrics::{OfMethod, OfReason};
use crate::objects::{name, namespace, part, status};
use crate::record;
use crate::rightsizing::InUse;
use crate::rightsizing::recommendation::{BY_POLICY, Side, difference, memory, overlaid, sizes};
use crate::rightsizing::terms::Terms;

/// The condition that says whether and how it could be applied.
pub(super) const APPLICABLE: &str = "Applicable";
/// The condition that says whether it is in force.
pub(super) const APPLIED: &str = "Applied";
/// Why it is not: what was before is being brought back.
pub(super) const ROLLING_BACK: &str = "RollingBack";
/// Kinds whose template can change.
const WITH_TEMPLATE: [(&str, &str); 3] =
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")];

/// One recommendation, as it is seen now.
pub struct Case<'c> {
    pub(super) context: &'c Context,
    /// As it was seen, or as we wrote it since.
    pub(super) object: DynamicObject,
    pub(super) spec: OptimizationRecommendationSpec,
    pub(super) standing: OptimizationRecommendationStatus,
    pub(super) workload: WorkloadRef,
    pub(super) policy: Policy,
    pub(super) snapshot: &'c Snapshot,
}

/// Whose rules hold.
pub(super) enum Policy {
    /// Nobody's: somebody has written the recommendation.
    None,
    Of(Box<Terms>),
    /// The one that it names is not there, is not understood, or does not mean the workload.
    Missing(String),
}

impl<'c> Case<'c> {
    /// And what is wrong with it, where something is.
    pub(super) fn of(
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

    pub(super) async fn bring_forward(
        self,
        in_use: &InUse,
        known: &mut Known,
        (rights, thresholds): (&mut Rights, &mut Thresholds),
        is_approved: bool,
    ) -> Done {
        let is_rolling_back =
            self.standing.conditions.iter().any(|known| known.kind == APPLIED && known.reason == ROLLING_BACK);
        match (self.standing.phase, self.standing.method) {
            (RecommendationPhase::Pending, _) if is_approved => self.approve().await,
            (RecommendationPhase::Approved, _) if is_approved => self.begin(in_use, known, (rights, thresholds)).await,
            (RecommendationPhase::Applying, _) if is_rolling_back => self.take_back(known).await,
            (RecommendationPhase::Applying, Some(Method::Recreate)) => self.replace(known, thresholds).await,
            (RecommendationPhase::Applying, _) => self.resize(in_use, known, thresholds).await,
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
    async fn begin(
        mut self,
        in_use: &InUse,
        known: &mut Known,
        (rights, thresholds): (&mut Rights, &mut Thresholds),
    ) -> Done {
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
        if let Some((reason, words)) = self.threshold_forbids(thresholds).await {
            known.again = Some(Instant::now() + AGAIN);
            return self.skip(reason, words).await;
        }
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
    pub(super) fn stopped(&self) -> Option<(&'static str, String)> {
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

    pub(super) fn found(&self) -> Option<&'c Workload> {
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

    pub(super) fn in_the_way(&self, changes: &[Change], pods: &[&Pod], in_use: &InUse) -> Option<InTheWay> {
        let now = clock::now();
        let used = |container: &str| in_use.get(&self.workload, container, now);
        in_the_way(self.snapshot, pods, |pod| difference(changes, pod), |pod| memory(changes, pod), used)
    }

    /// Its pods that run, in the order of their names.
    pub(super) fn pods(&self) -> Vec<&'c Pod> {
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

    pub(super) async fn skip(mut self, reason: &str, words: String) -> Done {
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

    pub(super) async fn applied(mut self, method: Method, words: String) -> Done {
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

    pub(super) async fn reject(mut self, reason: &str, why: String) -> Done {
        self.standing.phase = RecommendationPhase::Rejected;
        record::put(&mut self.standing.conditions, APPLIED, Holds::False, reason, why.clone());
        if self.write().await? {
            self.context.metrics.rightsizing_skipped.get_or_create(&OfReason { reason: reason.to_owned() }).inc();
            self.tell(EventType::Warning, reason, why).await;
        }
        Ok(())
    }

    pub(super) async fn tell(&self, kind: EventType, reason: &str, words: String) {
        let subject = Subject::Recommendation { namespace: namespace(&self.object), name: name(&self.object) };
        events::tell(self.context, subject, kind, reason, words).await;
    }

    /// Writes how it stands; false where somebody has changed it since it was seen, and nothing is to follow.
    pub(super) async fn write(&mut self) -> Result<bool, OperatorError> {
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
