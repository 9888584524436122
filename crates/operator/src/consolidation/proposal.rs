//! MigrationPlans made by the loop: a new one where there is none, or where the last one is of no use any more.

use std::sync::Arc;

use crds::{Holds, MigrationPlan, MigrationPlanSpec, MigrationPlanStatus, Moment, Phase};
use kube::api::DynamicObject;
use kube::runtime::events::EventType;
use model::{Plan, UsdPerHour};
use serde_json::json;

use super::analysis::Found;
use super::part;
use super::terms::Terms;
use crate::clock;
use crate::context::Context;
use crate::error::OperatorError;
use crate::events::{self, Subject};
use crate::objects::{annotation, name, part, status};
use crate::record;

/// The configuration that made a plan, and on whose terms it is carried out.
pub const CONFIG: &str = "optimizer.io/config";
/// Who agreed, where nobody had to.
const BY_ITSELF: &str = "plimsoll-operator, as mode";
/// Another plan takes the place of one that waits only where it saves more by this percentage.
const BETTER_BY_PERCENT: i64 = 10;
/// A plan of whose steps a larger part is gone is of no use any more, in percent.
const MOST_GONE_PERCENT: usize = 20;

/// Makes sure that the best plan is there; its name, where there is one that waits or is to be carried out.
pub async fn propose(
    context: &Context,
    config: &str,
    terms: &Terms,
    found: &Found,
) -> Result<Option<String>, OperatorError> {
    let plans = context.objects.plans.all();
    let is_ours = |plan: &&Arc<DynamicObject>| annotation(plan, CONFIG) == Some(config);
    for plan in plans.iter().filter(is_ours) {
        let standing: MigrationPlanStatus = status(plan);
        match standing.phase {
            phase if phase.is_final() => {}
            Phase::Pending if !is_approved(plan) => {
                if let Some(reason) = why_useless(plan, found) {
                    expire(context, plan, standing, reason).await?;
                } else {
                    return Ok(Some(name(plan).to_owned()));
                }
            }
            _ => return Ok(Some(name(plan).to_owned())),
        }
    }
    let next = found.next();
    if next.nodes.remove.is_empty() && next.nodes.add.is_empty() {
        return Ok(None);
    }
    if let Some(same) = plans.iter().find(|plan| name(plan) == next.name) {
        let standing: MigrationPlanStatus = status(same);
        if is_ours(&same) && standing.phase.is_final() {
            // The same plan on the same cluster came to nothing: once it is gone it is made again, and tried again.
            let objects = &context.objects;
            record::delete(context, &objects.api(&objects.plans), &same.metadata).await?;
            return Ok(None);
        }
        // Somebody else's plan says the same.
        return Ok(Some(next.name.clone()));
    }
    create(context, config, terms, found).await
}

fn is_approved(plan: &DynamicObject) -> bool {
    plan.data["spec"]["approved"] == true
}

/// Why a plan that waits is of no use any more.
fn why_useless(object: &DynamicObject, found: &Found) -> Option<String> {
    let plan = match read(object) {
        Ok(plan) => plan,
        Err(problem) => return Some(problem),
    };
    let rest = act::rest_of(&plan, &found.snapshot, &found.prices, &found.policy);
    if let Some(fault) = rest.faults.first() {
        return Some(format!("the cluster has moved away from it: {fault}"));
    }
    if rest.steps_gone * 100 > plan.migrations.len() * MOST_GONE_PERCENT {
        return Some(format!("{} of its {} pods are gone", rest.steps_gone, plan.migrations.len()));
    }
    let (saves, could) = (plan.summary.saved(), found.next().summary.saved());
    if could > saves + saves.share(BETTER_BY_PERCENT, 100) && could > UsdPerHour::ZERO {
        return Some(format!("another plan saves {could} in place of {saves}"));
    }
    None
}

/// The plan that an object is.
pub fn read(object: &DynamicObject) -> Result<Plan, String> {
    let spec: MigrationPlanSpec = part(object, "spec")?;
    Plan::try_from(MigrationPlan::new(name(object), spec)).map_err(|error| error.to_string())
}

async fn expire(
    context: &Context,
    plan: &DynamicObject,
    mut standing: MigrationPlanStatus,
    reason: String,
) -> Result<(), OperatorError> {
    standing.phase = Phase::Expired;
    standing.finished_at = Some(Moment(clock::now()));
    record::put(&mut standing.conditions, "Ready", Holds::False, "Expired", reason.clone());
    events::tell(context, Subject::Plan(name(plan)), EventType::Normal, "Expired", reason).await;
    let objects = &context.objects;
    record::status(context, &objects.api(&objects.plans), &plan.metadata, &standing).await.map(|_| ())
}

async fn create(
    context: &Context,
    config: &str,
    terms: &Terms,
    found: &Found,
) -> Result<Option<String>, OperatorError> {
    let plan = found.next();
    let mut object = MigrationPlan::from(plan);
    while !part::fits(&object) {
        if !part::explain_less(&mut object) {
            let note = format!("its plan of {} moves is too large for one object", plan.migrations.len());
            events::tell(context, Subject::Config(config), EventType::Warning, "PlanTooLarge", note).await;
            return Ok(None);
        }
    }
    let mut object = serde_json::to_value(object).unwrap_or_default();
    object["metadata"]["annotations"] = json!({CONFIG: config});
    if !found.needs_approval {
        let mode = serde_json::to_value(terms.spec.mode).unwrap_or_default();
        object["spec"]["approved"] = true.into();
        object["spec"]["approvedBy"] = format!("{BY_ITSELF} {}", mode.as_str().unwrap_or_default()).into();
    }
    let objects = &context.objects;
    let Ok(object) = serde_json::from_value(object) else { return Ok(None) };
    if !record::create(context, &objects.api(&objects.plans), &object).await? {
        return Ok(None);
    }
    let note = format!(
        "{} moves, ${:.2} a month{}{}",
        plan.migrations.len(),
        plan.summary.saved().dollars_per_month(),
        match found.part {
            Some(_) => format!(" of ${:.2}: one object holds no more", found.plan.summary.saved().dollars_per_month()),
            None => String::new(),
        },
        if found.needs_approval { "; waits for approval" } else { "" }
    );
    events::tell(context, Subject::Plan(&plan.name), EventType::Normal, "Planned", note).await;
    Ok(Some(plan.name.clone()))
}
