//! Writing down: status of our objects, conditions in it, and objects of our own making.

use crds::{Condition, Holds, Moment};
use kube::api::{Api, DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use serde::Serialize;
use serde_json::json;

use crate::clock;
use crate::context::Context;
use crate::error::OperatorError;
use act::Refusal;

/// Who we are to server-side apply.
pub const FIELD_MANAGER: &str = "plimsoll-operator";

/// Puts a condition in place of the one of its type; its time is that of the last change of what it holds.
pub fn put(conditions: &mut Vec<Condition>, kind: &str, holds: Holds, reason: &str, message: impl Into<String>) {
    /// The API server takes 32,768 characters; nobody reads more than these.
    const LONGEST: usize = 2_000;
    let message: String = message.into().chars().take(LONGEST).collect();
    let now = Moment(clock::now());
    let before = conditions.iter().position(|condition| condition.kind == kind);
    let since = before.map(|at| &conditions[at]).filter(|before| before.status == holds);
    let condition = Condition {
        kind: kind.to_owned(),
        status: holds,
        reason: reason.to_owned(),
        message,
        last_transition_time: since.map_or(now, |before| before.last_transition_time),
        observed_generation: None,
    };
    match before {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}

/// Writes the status of this very object, not of another that has its name by now, and returns it as it is now. One that
/// is gone needs none.
pub async fn status(
    context: &Context,
    api: &Api<DynamicObject>,
    object: &ObjectMeta,
    status: &impl Serialize,
) -> Result<Option<DynamicObject>, OperatorError> {
    let uid = json!({"uid": object.uid});
    write_status(context, api, object, uid, status).await
}

/// The same, only while nobody else has changed the object since it was seen; none where somebody has.
pub async fn status_as_seen(
    context: &Context,
    api: &Api<DynamicObject>,
    object: &ObjectMeta,
    status: &impl Serialize,
) -> Result<Option<DynamicObject>, OperatorError> {
    let seen = json!({"uid": object.uid, "resourceVersion": object.resource_version});
    write_status(context, api, object, seen, status).await
}

async fn write_status(
    context: &Context,
    api: &Api<DynamicObject>,
    object: &ObjectMeta,
    seen: serde_json::Value,
    status: &impl Serialize,
) -> Result<Option<DynamicObject>, OperatorError> {
    let name = object.name.as_deref().unwrap_or_default();
    let (params, patch) = (PatchParams::default(), Patch::Merge(json!({"metadata": seen, "status": status})));
    let written = context.cluster.write(api.patch_status(name, &params, &patch)).await;
    unless_changed(format!("write the status of {name}"), written)
}

/// What was written; none where the object is gone, or another than was seen.
fn unless_changed<T>(what: String, written: Result<T, Refusal>) -> Result<Option<T>, OperatorError> {
    match written {
        Ok(written) => Ok(Some(written)),
        Err(Refusal::Gone | Refusal::Changed) => Ok(None),
        Err(refusal) => Err(refused(what, &refusal)),
    }
}

/// Changes this object, only while nobody else has since it was seen; none where somebody has.
pub async fn merge_as_seen(
    context: &Context,
    api: &Api<DynamicObject>,
    object: &ObjectMeta,
    mut change: serde_json::Value,
) -> Result<Option<DynamicObject>, OperatorError> {
    let name = object.name.as_deref().unwrap_or_default();
    change["metadata"] = json!({"uid": object.uid, "resourceVersion": object.resource_version});
    let (params, patch) = (PatchParams::default(), Patch::Merge(change));
    unless_changed(format!("change {name}"), context.cluster.write(api.patch(name, &params, &patch)).await)
}

/// Deletes this object as it was seen: what somebody has changed since stays.
pub async fn delete_as_seen(
    context: &Context,
    api: &Api<DynamicObject>,
    object: &ObjectMeta,
) -> Result<(), OperatorError> {
    let preconditions = Preconditions { uid: object.uid.clone(), resource_version: object.resource_version.clone() };
    delete_where(context, api, object, preconditions).await
}

/// Makes an object that is not there yet; false where another has its name.
pub async fn create(
    context: &Context,
    api: &Api<DynamicObject>,
    object: &DynamicObject,
) -> Result<bool, OperatorError> {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match context.cluster.write(api.create(&params, object)).await {
        Ok(_) => Ok(true),
        Err(Refusal::Changed) => Ok(false),
        Err(refusal) => Err(refused(format!("make {name}"), &refusal)),
    }
}

/// Writes an object of our own making, whole.
pub async fn apply(
    context: &Context,
    api: &Api<DynamicObject>,
    name: &str,
    object: &(impl Serialize + std::fmt::Debug),
) -> Result<DynamicObject, OperatorError> {
    let params = PatchParams::apply(FIELD_MANAGER).force();
    match context.cluster.write(api.patch(name, &params, &Patch::Apply(object))).await {
        Ok(written) => Ok(written),
        Err(refusal) => Err(refused(format!("write {name}"), &refusal)),
    }
}

/// Changes a part of an object.
pub async fn merge(
    context: &Context,
    api: &Api<DynamicObject>,
    name: &str,
    change: serde_json::Value,
) -> Result<(), OperatorError> {
    match context.cluster.write(api.patch(name, &PatchParams::default(), &Patch::Merge(change))).await {
        Ok(_) | Err(Refusal::Gone) => Ok(()),
        Err(refusal) => Err(refused(format!("change {name}"), &refusal)),
    }
}

/// Deletes this very object. One that is gone is deleted.
pub async fn delete(context: &Context, api: &Api<DynamicObject>, object: &ObjectMeta) -> Result<(), OperatorError> {
    let preconditions = Preconditions { uid: object.uid.clone(), resource_version: None };
    delete_where(context, api, object, preconditions).await
}

async fn delete_where(
    context: &Context,
    api: &Api<DynamicObject>,
    object: &ObjectMeta,
    preconditions: Preconditions,
) -> Result<(), OperatorError> {
    let name = object.name.as_deref().unwrap_or_default();
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    let deleted = context.cluster.write(api.delete(name, &params)).await;
    unless_changed(format!("delete {name}"), deleted).map(|_| ())
}

fn refused(what: String, refusal: &Refusal) -> OperatorError {
    OperatorError::Refused { what, problem: refusal.in_words() }
}
