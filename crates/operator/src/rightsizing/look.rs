//! The loop of the policies: from what containers use to what they should ask for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::optimization_policy::{PolicyMode, WorkloadStatus};
use crds::optimization_recommendation::RecommendationPhase;
use crds::{
    Holds, Moment, OptimizationPolicyStatus, OptimizationRecommendation, OptimizationRecommendationSpec,
    OptimizationRecommendationStatus,
};
use engine::rightsizing::{ContainerAdvice, Resource};
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use model::{Snapshot, Time, WorkloadRef};
use serde_json::json;
use tracing::warn;

use super::InUse;
use super::choosing::advise;
use super::providers::{self, Asked, NOT_YET, Read, Unknown};
use super::recommendation::{is_alike, is_danger, name_of, of_container, recommend};
use super::terms::{Terms, winners};
use crate::clock;
use crate::context::Context;
use crate::due::Due;
use crate::error::OperatorError;
use crate::events::{self, Subject};
use crate::objects::{name, namespace, part, status};
use crate::record;

/// The condition that says whether the policy is understood.
const ACCEPTED: &str = "Accepted";
/// The condition that says whether there is an answer.
const READY: &str = "Ready";
/// The condition that says whether use is known.
const METRICS_AVAILABLE: &str = "MetricsAvailable";
/// The condition that says whether another policy means the same workloads.
const CONFLICT: &str = "Conflict";

/// Whether something is due is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Nothing is recommended on what was heard longer ago.
const STALE: Duration = Duration::from_secs(300);
/// What is about to be sampled is looked at again so soon.
const SOON_SECONDS: i64 = 2;
/// A policy's status has room for so many workloads; each has an OptimizationRecommendation of its own besides.
const MOST_WORKLOADS: usize = 100;
/// etcd takes objects of 1.5 MiB.
const MOST_BYTES: usize = 700_000;
/// What was rolled back is not tried again for so long, unless something else is recommended by then.
const NOT_AGAIN_SECONDS: i64 = 86_400;
/// What was applied is left alone for so long, but for dangers.
const SETTLES_SECONDS: i64 = 3_600;

/// By namespace and name of the policy.
type Turns = BTreeMap<(String, String), Turn>;

/// When a policy is looked at again.
struct Turn {
    /// The generation that was looked at.
    seen: Option<i64>,
    next: Due,
    /// Workloads that it reaches.
    workloads: usize,
}

/// Looks at policies when they are due.
pub async fn keep(context: &Arc<Context>, in_use: &InUse) -> Infallible {
    let mut turns = Turns::new();
    loop {
        if let Err(error) = come_round(context, in_use, &mut turns).await {
            warn!(%error, "cannot bring policies forward");
            context.metrics.rightsizing_errors.inc();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn come_round(context: &Arc<Context>, in_use: &InUse, turns: &mut Turns) -> Result<(), OperatorError> {
    let policies = context.objects.policies.all();
    let key = |policy: &DynamicObject| (namespace(policy).to_owned(), name(policy).to_owned());
    turns.retain(|known, _| policies.iter().any(|policy| key(policy) == *known));
    let now = clock::now();
    let is_due = |policy: &&Arc<DynamicObject>| {
        turns.get(&key(policy)).is_none_or(|turn| turn.seen != policy.metadata.generation || turn.next.is_reached(now))
    };
    let coming: Vec<Arc<DynamicObject>> = policies.iter().filter(is_due).cloned().collect();
    if coming.is_empty() {
        return Ok(());
    }
    let all: Vec<(Arc<DynamicObject>, Result<Terms, String>)> =
        policies.into_iter().map(|policy| (policy.clone(), Terms::of(context, &policy))).collect();
    let valid: Vec<Terms> = all.iter().filter_map(|(_, terms)| terms.as_ref().ok().cloned()).collect();
    let snapshot = Arc::new(context.followed.snapshot(now));
    let (winners, conflicts) = winners(&snapshot, &valid);
    // Of one provider and window use is read once, however many policies look at it.
    let mut known: BTreeMap<Asked, Result<Arc<Read>, Unknown>> = BTreeMap::new();
    for (policy, terms) in all.iter().filter(|(policy, _)| coming.iter().any(|coming| Arc::ptr_eq(coming, policy))) {
        let terms = match terms {
            Ok(terms) => terms,
            Err(wrong) => {
                let next = Due::after(NOT_AGAIN_SECONDS);
                turns.insert(key(policy), Turn { seen: policy.metadata.generation, next, workloads: 0 });
                refuse(context, policy, ACCEPTED, ("Invalid", wrong.clone())).await?;
                continue;
            }
        };
        let next = Due::after(terms.spec.interval_seconds());
        let at = valid.iter().position(|known| known.reference() == terms.reference()).unwrap_or(usize::MAX);
        let conflict = conflicts.get(at).cloned().unwrap_or_default();
        let mine = |workload: &usize| winners.get(*workload).copied().flatten() == Some(at);
        let meant: Vec<WorkloadRef> = (0..snapshot.workloads.len())
            .filter(mine)
            .map(|workload| snapshot.workloads[workload].reference.clone())
            .collect();
        turns.insert(key(policy), Turn { seen: policy.metadata.generation, next, workloads: meant.len() });
        context.metrics.rightsizing_workloads.set(turns.values().map(|turn| turn.workloads as i64).sum());
        if terms.spec.mode == PolicyMode::Disabled {
            // What was found stays as it is.
            stand(context, policy, |status| {
                record::put(&mut status.conditions, ACCEPTED, Holds::True, "Valid", terms.remark.clone());
                record::put(&mut status.conditions, READY, Holds::False, "Disabled", "mode is Disabled");
            })
            .await?;
            continue;
        }
        let silent = context.followed.silent_for();
        if silent > STALE || !snapshot.has("Pod") {
            let problem = format!("the API server has said nothing for {} s, or not all", silent.as_secs());
            refuse(context, policy, READY, ("StaleCache", problem)).await?;
            continue;
        }
        let start = Instant::now();
        let asked = Asked {
            provider: terms.spec.metrics_config.provider,
            window_seconds: terms.spec.window_seconds(),
            namespace: terms.only().map(str::to_owned),
        };
        if !known.contains_key(&asked) {
            let read = providers::read(context, &asked).await.map(Arc::new);
            known.insert(asked.clone(), read);
        }
        match &known[&asked] {
            Ok(read) => {
                look_at(context, in_use, policy, terms, (&snapshot, read), meant, &conflict).await?;
                context.metrics.rightsizing_duration.observe(start.elapsed().as_secs_f64());
            }
            Err(unknown) => {
                if unknown.reason != NOT_YET {
                    context.metrics.rightsizing_errors.inc();
                } else if let Some(turn) = turns.get_mut(&key(policy)) {
                    turn.next = Due::after(SOON_SECONDS);
                }
                refuse(context, policy, METRICS_AVAILABLE, (unknown.reason, unknown.problem.clone())).await?;
            }
        }
    }
    Ok(())
}

/// From use to recommendations, of one policy's workloads.
async fn look_at(
    context: &Context,
    in_use: &InUse,
    policy: &Arc<DynamicObject>,
    terms: &Terms,
    (snapshot, read): (&Arc<Snapshot>, &Arc<Read>),
    meant: Vec<WorkloadRef>,
    conflict: &str,
) -> Result<(), OperatorError> {
    let count_meant = meant.len();
    let advice = match advise(context, terms, snapshot, read, meant).await? {
        Ok(advice) => advice,
        Err(unknown) => {
            context.metrics.rightsizing_errors.inc();
            return refuse(context, policy, READY, (unknown.reason, unknown.problem)).await;
        }
    };
    let now = clock::now();
    let mut groups: Vec<(WorkloadRef, Vec<ContainerAdvice>)> = Vec::new();
    let mut places: BTreeMap<WorkloadRef, usize> = BTreeMap::new();
    for container in advice {
        let place = *places.entry(container.workload.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((container.workload.clone(), Vec::new()));
        }
        groups[place].1.push(container);
    }
    let mut workloads = Vec::new();
    let (mut count, mut savings, mut unknown, mut measured) = (0, 0.0, false, 0);
    let mut last_application = None;
    let (mut problems, mut size) = (Vec::new(), 0);
    in_use.forget(now);
    for (workload, containers) in &groups {
        remember(in_use, workload, containers);
        measured += usize::from(containers.iter().any(|container| container.usage.last().is_some()));
        let wanted = recommend(terms, containers);
        if let Some(wanted) = &wanted {
            count += 1;
            savings += wanted.estimated_savings.unwrap_or(0.0);
            unknown |= wanted.estimated_savings.is_none();
        }
        // What is in the way of one workload is in the way of no other.
        let proposed = match wanted.as_ref().map(crds::validate).as_deref() {
            Some([wrong, ..]) => Err(format!("no recommendation can be written: {wrong}")),
            _ => propose(context, workload, wanted, is_danger(containers)).await.map_err(|error| error.to_string()),
        };
        let standing = proposed.as_ref().ok().cloned().flatten();
        last_application = last_application.max(standing.as_ref().and_then(|standing| standing.applied_at));
        let mut found = status_of(workload, containers, standing, now);
        if let Err(problem) = proposed {
            problems.push(format!("{workload}: {problem}"));
            found.skipped = Some(problem);
        }
        size += serde_json::to_string(&found).map_or(0, |text| text.len());
        if workloads.len() < MOST_WORKLOADS && size < MOST_BYTES {
            workloads.push(found);
        }
    }
    forget(context, terms, snapshot).await?;
    if !problems.is_empty() {
        context.metrics.rightsizing_errors.inc();
    }
    context.metrics.rightsizing_recommendations.set(context.objects.recommendations.all().len() as i64);
    stand(context, policy, |status| {
        let put = |conditions: &mut Vec<_>, kind, holds, reason, message: String| {
            record::put(conditions, kind, holds, reason, message);
        };
        let conditions = &mut status.conditions;
        put(conditions, ACCEPTED, Holds::True, "Valid", terms.remark.clone());
        let (holds, reason) = if measured > 0 { (Holds::True, "Measured") } else { (Holds::False, "NoMetrics") };
        let by = providers::name(terms.spec.metrics_config.provider);
        let mut words = format!("{measured} of {} workloads are measured by provider {by}", groups.len());
        read.warnings.iter().take(3).for_each(|warning| words += &format!("; {warning}"));
        put(conditions, METRICS_AVAILABLE, holds, reason, words);
        let is_alone = conflict.is_empty();
        let (holds, reason) = if is_alone { (Holds::False, "Alone") } else { (Holds::True, "OtherPolicy") };
        put(conditions, CONFLICT, holds, reason, conflict.trim_end().to_owned());
        put(conditions, READY, Holds::True, "Recommended", format!("{count} of {count_meant} workloads should change"));
        status.workload_count = u32::try_from(count_meant).ok();
        status.recommendation_count = Some(count);
        status.potential_savings = (!unknown).then_some((savings * 100.0).round() / 100.0);
        status.last_recommendation = Some(Moment(now));
        status.last_application = last_application.or(status.last_application);
        status.workloads_omitted = u32::try_from(groups.len() - workloads.len()).ok().filter(|omitted| *omitted > 0);
        status.workloads = workloads.clone();
    })
    .await
}

/// What its containers were last seen to use.
fn remember(in_use: &InUse, workload: &WorkloadRef, containers: &[ContainerAdvice]) {
    for container in containers {
        if let Some(last) = container.usage.of(Resource::Memory).samples().last() {
            in_use.put(workload.clone(), container.container.clone(), last.at, last.amount as i64);
        }
    }
}

fn status_of(
    workload: &WorkloadRef,
    containers: &[ContainerAdvice],
    standing: Option<OptimizationRecommendationStatus>,
    now: Time,
) -> WorkloadStatus {
    let skipped = standing.as_ref().and_then(|standing| {
        let mut why = standing.conditions.iter();
        why.find(|condition| condition.status == Holds::False && !condition.message.is_empty())
            .map(|condition| format!("{}: {}", condition.reason, condition.message))
    });
    WorkloadStatus {
        kind: workload.kind.to_string(),
        namespace: workload.namespace.to_string(),
        name: workload.name.to_string(),
        containers: containers.iter().map(of_container).collect(),
        method: standing.as_ref().and_then(|standing| standing.method),
        skipped,
        last_recommendation: Some(Moment(now)),
        last_application: standing.and_then(|standing| standing.applied_at),
    }
}

/// Brings the workload's recommendation to what is wanted, where it is not being applied; how it stands.
async fn propose(
    context: &Context,
    workload: &WorkloadRef,
    wanted: Option<OptimizationRecommendationSpec>,
    is_danger: bool,
) -> Result<Option<OptimizationRecommendationStatus>, OperatorError> {
    let objects = &context.objects;
    let recommendations = &objects.recommendations;
    let (within, name) = (&*workload.namespace, name_of(workload));
    let api = objects.api_in(recommendations, within);
    let Some(found) = recommendations.get_in(within, &name) else {
        let Some(spec) = wanted else { return Ok(None) };
        let mut object = OptimizationRecommendation::new(&name, spec);
        object.metadata.namespace = Some(within.to_owned());
        let Ok(object) = serde_json::to_value(&object).and_then(serde_json::from_value) else { return Ok(None) };
        record::create(context, &api, &object).await?;
        return Ok(Some(OptimizationRecommendationStatus::default()));
    };
    let standing: OptimizationRecommendationStatus = status(&found);
    let Ok(spec) = part::<OptimizationRecommendationSpec>(&found, "spec") else { return Ok(Some(standing)) };
    // Somebody's own, or about to be applied: it stays as it was agreed to. What another policy has made is ours by now.
    let is_ours = spec.policy.is_some();
    let is_open = !spec.approved && standing.phase == RecommendationPhase::Pending;
    let is_over = matches!(
        standing.phase,
        RecommendationPhase::Applied | RecommendationPhase::RolledBack | RecommendationPhase::Rejected
    );
    if !is_ours || !(is_open || is_over) {
        return Ok(Some(standing));
    }
    let Some(wanted) = wanted else {
        // It fits by now. What is in force goes on being so.
        if is_open && standing.applied.is_empty() {
            record::delete_as_seen(context, &api, &found.metadata).await?;
            return Ok(None);
        }
        return Ok(Some(standing));
    };
    let since = standing.conditions.iter().map(|condition| condition.last_transition_time.0).max();
    let age = since.map_or(i64::MAX, |since| clock::now().seconds_since(since));
    let is_same = is_alike(&spec.changes, &wanted.changes);
    let is_of_another = spec.policy != wanted.policy;
    let is_news = match standing.phase {
        RecommendationPhase::Applied => !is_same && (is_danger || age > SETTLES_SECONDS),
        RecommendationPhase::RolledBack | RecommendationPhase::Rejected => !is_same || age > NOT_AGAIN_SECONDS,
        // The same amounts may be surer by now.
        _ => !is_same || wanted.approved || is_of_another,
    };
    if !is_news {
        return Ok(Some(standing));
    }
    // Only as it was seen: who approves it meanwhile has agreed to what was there.
    let change = json!({"spec": with_absent(&wanted)});
    let Some(written) = record::merge_as_seen(context, &api, &found.metadata, change).await? else {
        return Ok(Some(standing));
    };
    let again = OptimizationRecommendationStatus { applied: standing.applied.clone(), ..Default::default() };
    // What is not written here is told by the generation: a status of another one says nothing of this.
    let anew = json!({
        "applied": again.applied, "phase": again.phase, "method": null, "approvedBy": null, "step": null,
        "stepSince": null, "pods": standing.pods, "conditions": [], "observedGeneration": null,
    });
    record::status_as_seen(context, &api, &written.metadata, &anew).await?;
    Ok(Some(again))
}

/// A merge patch leaves alone what it does not name.
fn with_absent(spec: &OptimizationRecommendationSpec) -> serde_json::Value {
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    for field in ["estimatedSavings", "confidence", "riskReasons", "approvedBy"] {
        if value.get(field).is_none() {
            value[field] = serde_json::Value::Null;
        }
    }
    value
}

/// Recommendations of this policy for workloads that are gone go too.
async fn forget(context: &Context, terms: &Terms, snapshot: &Snapshot) -> Result<(), OperatorError> {
    let objects = &context.objects;
    for found in objects.recommendations.all() {
        let target = &found.data["spec"]["targetWorkload"];
        let text = |field: &str| target[field].as_str().unwrap_or_default();
        let is_ours = found.data["spec"]["policy"].as_str() == Some(&*terms.reference());
        let kind = text("kind");
        let workload =
            WorkloadRef { kind: kind.into(), namespace: namespace(&found).into(), name: text("name").into() };
        let is_there = snapshot.workloads.binary_search_by(|known| known.reference.cmp(&workload)).is_ok();
        let standing: OptimizationRecommendationStatus = status(&found);
        // Of a kind that is not read, a workload without pods is not seen.
        if is_ours && !is_there && snapshot.has(kind) && !standing.phase.is_under_way() {
            let api = objects.api_in(&objects.recommendations, namespace(&found));
            record::delete_as_seen(context, &api, &found.metadata).await?;
        }
    }
    Ok(())
}

/// There is no answer: its status and an event say why, and nothing is changed.
async fn refuse(
    context: &Context,
    policy: &Arc<DynamicObject>,
    condition: &'static str,
    (reason, problem): (&'static str, String),
) -> Result<(), OperatorError> {
    let subject = Subject::Policy { namespace: namespace(policy), name: name(policy) };
    // What is only a moment away is no news.
    if reason != NOT_YET {
        events::tell(context, subject, EventType::Warning, reason, problem.clone()).await;
    }
    stand(context, policy, |status| {
        record::put(&mut status.conditions, condition, Holds::False, reason, problem.clone());
        if condition != READY {
            record::put(&mut status.conditions, READY, Holds::False, reason, problem.clone());
        }
    })
    .await
}

/// Writes its status, where that changes.
async fn stand(
    context: &Context,
    policy: &Arc<DynamicObject>,
    change: impl Fn(&mut OptimizationPolicyStatus),
) -> Result<(), OperatorError> {
    let objects = &context.objects;
    let latest = objects.policies.get_in(namespace(policy), name(policy)).unwrap_or_else(|| policy.clone());
    let before: OptimizationPolicyStatus = status(&latest);
    let mut after = before.clone();
    change(&mut after);
    after.observed_generation = policy.metadata.generation;
    if after == before {
        return Ok(());
    }
    let api = objects.api_in(&objects.policies, namespace(policy));
    record::status(context, &api, &policy.metadata, &after).await.map(|_| ())
}
