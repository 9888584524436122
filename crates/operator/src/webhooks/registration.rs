//! What the API server is told of the webhooks, kept as it should be by whoever leads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::{Reached, Webhooks};
use crate::context::Context;
use crate::error::OperatorError;
use crate::record::FIELD_MANAGER;
use crate::rightsizing::sizing;

/// Both configurations bear it.
pub const NAME: &str = "plimsoll";
/// Where pods that are made are asked about.
pub const SIZE: &str = "/size";
/// The API server waits no longer.
const TIMEOUT_SECONDS: u32 = 2;
/// The authority that the configuration knows.
const AUTHORITY: &str = "optimizer.io/authority";

/// Tells the API server how the webhooks are reached, where it does not know yet.
pub async fn register(context: &Context, webhooks: &Webhooks, authority: &str) -> Result<(), OperatorError> {
    let every = json!([
        "migrationplans",
        "optimizationconfigs",
        "optimizationpolicies",
        "optimizationprofiles",
        "optimizationrecommendations",
        "optimizationreports",
        "workloadprofiles"
    ]);
    let approved = json!(["migrationplans", "optimizationrecommendations"]);
    let of_ours = |name: &str, path: &str, resources: Value| {
        json!({
            "name": format!("{name}.optimizer.io"),
            "clientConfig": client_config(context, webhooks, path, authority),
            "rules": [{
                "apiGroups": ["optimizer.io"], "apiVersions": ["v1alpha1"],
                "operations": ["CREATE", "UPDATE"], "resources": resources, "scope": "*",
            }],
            // Of our own kinds alone: nothing else waits for us.
            "failurePolicy": "Fail", "matchPolicy": "Equivalent", "sideEffects": "None",
            "timeoutSeconds": TIMEOUT_SECONDS, "admissionReviewVersions": ["v1"],
        })
    };
    put(context, "ValidatingWebhookConfiguration", &[of_ours("validate", "/validate", every)]).await?;
    let mut mutating = vec![of_ours("stamp", "/stamp", approved)];
    let namespaces = sizing::namespaces(context);
    if !namespaces.is_empty() {
        mutating.push(json!({
            "name": "size.optimizer.io",
            "clientConfig": client_config(context, webhooks, SIZE, authority),
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
                "scope": "Namespaced",
            }],
            "namespaceSelector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces},
            ]},
            "matchConditions": [{"name": "owned", "expression": "has(object.metadata.ownerReferences)"}],
            // A pod of another size is better than none.
            "failurePolicy": "Ignore", "matchPolicy": "Equivalent", "sideEffects": "None",
            "timeoutSeconds": TIMEOUT_SECONDS, "admissionReviewVersions": ["v1"],
        }));
    }
    put(context, "MutatingWebhookConfiguration", &mutating).await
}

fn client_config(context: &Context, webhooks: &Webhooks, path: &str, authority: &str) -> Value {
    let bundle = STANDARD.encode(authority);
    match &webhooks.reached {
        Reached::Service(name) => json!({
            "caBundle": bundle,
            "service": {"namespace": context.settings.namespace, "name": name, "path": path, "port": 443},
        }),
        Reached::Host(host) => {
            let url = format!("https://{host}:{}{path}", webhooks.address.port());
            json!({"caBundle": bundle, "url": url})
        }
    }
}

async fn put(context: &Context, kind: &str, webhooks: &[Value]) -> Result<(), OperatorError> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind));
    let api = Api::<DynamicObject>::all_with(context.client(), &resource);
    let refused = |problem: String| OperatorError::Refused { what: format!("write {kind} {NAME}"), problem };
    // What is as it should be is not written every time.
    let mark: String = webhooks.iter().map(Value::to_string).collect();
    let found = context.cluster.answer(api.get_opt(NAME)).await.map_err(|refusal| refused(refusal.in_words()))?;
    let is_known = found.is_some_and(|found| {
        found.annotations().get(AUTHORITY) == Some(&mark)
            && found.data["webhooks"].as_array().is_some_and(|all| all.len() == webhooks.len())
    });
    if is_known {
        return Ok(());
    }
    let object = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": NAME, "annotations": {AUTHORITY: mark}},
        "webhooks": webhooks,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let written = context.cluster.write(api.patch(NAME, &params, &Patch::Apply(&object))).await;
    written.map(|_| ()).map_err(|refusal| refused(refusal.in_words()))
}
