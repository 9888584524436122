//! The loop of the policies: from what containers use to what they should ask for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::optimization_policy::{PolicyMode, Provider, WorkloadStatus};
use crds::optimization_recommendation::RecommendationPhase;
use crds::{
    Holds, Moment, OptimizationPolicyStatus, OptimizationRecommendation, OptimizationRecommendationSpec,
    OptimizationRecommendationStatus,
};
use engine::rightsizing::{ContainerAdvice, Resource, rightsize, sort_by_urgency};
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use model::{Snapshot, Time, WorkloadRef};
use serde_json::json;
use tracing::warn;

use super::InUse;
use super::recommendation::{is_alike, is_danger, name_of, of_container, recommend};
use super::terms::{Terms, winners};
use super::usage::{self, Read, Unknown};
use crate::clock;
use crate::context::Context;
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
/// A policy's status has room for so many workloads; each has an OptimizationRecommendation of its own besides.
const MOST_WORKLOADS: usize = 100;
/// What was rolled back is not tried again for so long, unless something else is recommended by then.
const NOT_AGAIN_SECONDS: i64 = 86_400;
/// What was applied is left alone for so long, but for dangers.
const SETTLES_SECONDS: i64 = 3_600;

/// When a policy is looked at again, and which generation of it was looked at.
type Due = BTreeMap<(String, String), (Option<i64>, Time)>;

/// What of use is asked for: from whom, how many seconds back, and of which namespace where it is one.
type Asked = (Provider, i64, Option<String>);

/// Looks at policies when they are due.
pub async fn keep(context: &Arc<Context>, in_use: &InUse) -> Infallible {
    let mut due = Due::new();
    loop {
        if let Err(error) = come_round(context, in_use, &mut due).await {
            warn!(%error, "cannot bring policies forward");
            context.metrics.rightsizing_errors.inc();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn come_round(context: &Arc<Context>, in_use: &InUse, due: &mut Due) -> Result<(), OperatorError> {
    let policies = context.objects.policies.all();
    let key = |policy: &DynamicObject| (namespace(policy).to_owned(), name(policy).to_owned());
    due.retain(|known, _| policies.iter().any(|policy| key(policy) == *known));
    let now = clock::now();
    let is_due = |policy: &&Arc<DynamicObject>| {
        due.get(&key(policy)).is_none_or(|(seen, next)| *seen != policy.metadata.generation || *next <= now)
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
                due.insert(key(policy), (policy.metadata.generation, Time(now.0 + NOT_AGAIN_SECONDS)));
                refuse(context, policy, ACCEPTED, ("Invalid", wrong.clone())).await?;
                continue;
            }
        };
        let next = Time(clock::now().0.saturating_add(terms.spec.interval_seconds()));
        due.insert(key(policy), (policy.metadata.generation, next));
        let at = valid.iter().position(|known| known.reference() == terms.reference()).unwrap_or(usize::MAX);
        let conflict = conflicts.get(at).cloned().unwrap_or_default();
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
        let asked = (terms.spec.metrics_config.provider, terms.spec.window_seconds(), terms.only().map(str::to_owned));
        if !known.contains_key(&asked) {
            let read = usage::read(context, asked.0, asked.1, asked.2.as_deref()).await.map(Arc::new);
            known.insert(asked.clone(), read);
        }
        match &known[&asked] {
            Ok(read) => {
                let mine = |workload: usize| winners.get(workload).copied().flatten() == Some(at);
                let meant: Vec<WorkloadRef> = (0..snapshot.workloads.len())
                    .filter(|workload| mine(*workload))
                    .map(|workload| snapshot.workloads[workload].reference.clone())
                    .collect();
                look_at(context, in_use, policy, terms, (&snapshot, read), meant, &conflict).await?;
                context.metrics.rightsizing_duration.observe(start.elapsed().as_secs_f64());
            }
            Err(unknown) => {
                context.metrics.rightsizing_errors.inc();
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
    let prices = context.cluster.prices(snapshot);
    let (of, with, at, meant_here) = (snapshot.clone(), read.clone(), terms.clone(), meant.clone());
    let work = move || {
        let mut advice = rightsize(&of, &prices, &with.used, at.strategy, &at.settings);
        // The snapshot's workloads are in the order of their names.
        advice.retain(|container| meant_here.binary_search(&container.workload).is_ok());
        sort_by_urgency(&mut advice);
        advice
    };
    let advice = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| OperatorError::Refused { what: "rightsize".to_owned(), problem: error.to_string() })?;
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
    for (workload, containers) in &groups {
        remember(in_use, workload, containers);
        measured += usize::from(containers.iter().any(|container| container.usage.last().is_some()));
        let wanted = recommend(terms, containers);
        if let Some(wanted) = &wanted {
            count += 1;
            savings += wanted.estimated_savings.unwrap_or(0.0);
            unknown |= wanted.estimated_savings.is_none();
        }
        let standing = propose(context, terms, workload, wanted, is_danger(containers)).await?;
        last_application = last_application.max(standing.as_ref().and_then(|standing| standing.applied_at));
        if workloads.len() < MOST_WORKLOADS {
            workloads.push(status_of(workload, containers, standing, now));
        }
    }
    forget(context, terms, snapshot).await?;
    context.metrics.rightsizing_workloads.set(meant.len() as i64);
    context.metrics.rightsizing_recommendations.set(context.objects.recommendations.all().len() as i64);
    stand(context, policy, |status| {
        let put = |conditions: &mut Vec<_>, kind, holds, reason, message: String| {
            record::put(conditions, kind, holds, reason, message);
        };
        let conditions = &mut status.conditions;
        put(conditions, ACCEPTED, Holds::True, "Valid", terms.remark.clone());
        let (holds, reason) = if measured > 0 { (Holds::True, "Measured") } else { (Holds::False, "NoMetrics") };
        let mut words = format!("{measured} of {} workloads are measured", groups.len());
        read.warnings.iter().take(3).for_each(|warning| words += &format!("; {warning}"));
        put(conditions, METRICS_AVAILABLE, holds, reason, words);
        let is_alone = conflict.is_empty();
        let (holds, reason) = if is_alone { (Holds::False, "Alone") } else { (Holds::True, "OtherPolicy") };
        put(conditions, CONFLICT, holds, reason, conflict.trim_end().to_owned());
        put(
            conditions,
            READY,
            Holds::True,
            "Recommended",
            format!("{count} of {} workloads should change", meant.len()),
        );
        status.workload_count = u32::try_from(meant.len()).ok();
        status.recommendation_count = Some(count);
        status.potential_savings = (!unknown).then_some((savings * 100.0).round() / 100.0);
        status.last_recommendation = Some(Moment(now));
        status.last_application = last_application.or(status.last_application);
        status.workloads_omitted = u32::try_from(groups.len() - workloads.len()).ok().filter(|omitted| *omitted > 0);
        status.workloads = workloads.clone();
    })
    .await
}

/// What its pods were last seen to use.
fn remember(in_use: &InUse, workload: &WorkloadRef, containers: &[ContainerAdvice]) {
    let last = |container: &ContainerAdvice| container.usage.of(Resource::Memory).samples().last().copied();
    let Some(lasts) = containers.iter().map(last).collect::<Option<Vec<_>>>() else { return };
    let sum = lasts.iter().map(|sample| sample.amount).sum::<f64>();
    if let Some(at) = lasts.iter().map(|sample| sample.at).min() {
        in_use.put(workload.clone(), at, sum as i64);
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
    terms: &Terms,
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
    // Somebody else's, or about to be applied: it stays as it was agreed to.
    let is_ours = spec.policy.as_deref() == Some(&*terms.reference());
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
            record::delete(context, &api, &found.metadata).await?;
            return Ok(None);
        }
        return Ok(Some(standing));
    };
    let since = standing.conditions.iter().map(|condition| condition.last_transition_time.0).max();
    let age = since.map_or(i64::MAX, |since| clock::now().seconds_since(since));
    let is_same = is_alike(&spec.changes, &wanted.changes);
    let is_news = match standing.phase {
        RecommendationPhase::Applied => !is_same && (is_danger || age > SETTLES_SECONDS),
        RecommendationPhase::RolledBack | RecommendationPhase::Rejected => !is_same || age > NOT_AGAIN_SECONDS,
        // The same amounts may be surer by now.
        _ => !is_same || wanted.approved,
    };
    if !is_news {
        return Ok(Some(standing));
    }
    // Only as it was seen: who approves it meanwhile has agreed to what was there.
    let whole = json!({
        "metadata": {"resourceVersion": found.metadata.resource_version, "uid": found.metadata.uid},
        "spec": with_absent(&wanted),
    });
    match record::merge(context, &api, &name, whole).await {
        Ok(()) => {}
        Err(error) => {
            warn!(recommendation = name, %error, "it changes meanwhile");
            return Ok(Some(standing));
        }
    }
    let again = OptimizationRecommendationStatus { applied: standing.applied.clone(), ..Default::default() };
    let anew = json!({"applied": again.applied, "phase": again.phase, "method": null, "approvedBy": null, "appliedAt": standing.applied_at,
        "step": null, "stepSince": null, "pods": [], "conditions": []});
    record::status(context, &api, &found.metadata, &anew).await?;
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
        let workload =
            WorkloadRef { kind: text("kind").into(), namespace: namespace(&found).into(), name: text("name").into() };
        let is_there = snapshot.workloads.binary_search_by(|known| known.reference.cmp(&workload)).is_ok();
        if is_ours && !is_there {
            let api = objects.api_in(&objects.recommendations, namespace(&found));
            record::delete(context, &api, &found.metadata).await?;
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
    events::tell(context, subject, EventType::Warning, reason, problem.clone()).await;
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
