//! Other requests for a pod that runs, in place.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::patience::Patience;

/// What a container is to ask for, and its limits; quantities as manifests have them. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// The container; the only one where absent.
    pub container: Option<String>,
    /// By resource.
    pub requests: Vec<(&'static str, String)>,
    /// By resource.
    pub limits: Vec<(&'static str, String)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resized {
    /// The API server has taken it.
    Taken,
    /// The pod asks for that already.
    AsIs,
    /// It is gone, or another has its name.
    Gone,
    /// It stays as it is: the reason.
    Refused(String),
    /// It stays as it is for now: nobody has refused it, and nobody has answered.
    Later(String),
}

/// Does the API server resize pods in place? It has done so by default since Kubernetes 1.33.
pub async fn resizes_in_place(cluster: &Cluster) -> Result<bool, Refusal> {
    let core = cluster.answer(cluster.client.list_core_api_resources("v1")).await?;
    Ok(core.resources.iter().any(|resource| resource.name == "pods/resize"))
}

/// May we patch this in the namespace? Such as `("", "pods", "resize")`.
pub async fn may_patch(
    cluster: &Cluster,
    namespace: &str,
    (group, resource, subresource): (&str, &str, &str),
) -> Result<bool, Refusal> {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let attributes = ResourceAttributes {
        namespace: text(namespace),
        verb: text("patch"),
        group: text(group),
        resource: text(resource),
        subresource: text(subresource),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answer = cluster.answer(reviews.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Resizes this very pod, all its containers in one write; refuses what would restart one.
pub async fn resize(
    cluster: &Cluster,
    (namespace, name, uid): (&str, &str, &str),
    sizes: &[Size],
    dry_run: bool,
) -> Resized {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let mut patience = Patience::default();
    loop {
        let refusal = match cluster.answer(pods.get(name)).await {
            Ok(pod) if pod.metadata.uid.as_deref() != Some(uid) || pod.metadata.deletion_timestamp.is_some() => {
                return Resized::Gone;
            }
            Ok(pod) => match change(&pod, sizes) {
                Err(reason) => return Resized::Refused(reason),
                Ok(None) => return Resized::AsIs,
                Ok(Some(change)) => match write(cluster, &pods, name, &change, dry_run).await {
                    Ok(()) => return Resized::Taken,
                    Err(refusal) => refusal,
                },
            },
            Err(refusal) => refusal,
        };
        if !patience.is_left_after(&refusal).await {
            return match refusal {
                Refusal::Gone => Resized::Gone,
                Refusal::Final(message) => Resized::Refused(message),
                busy => Resized::Later(busy.in_words()),
            };
        }
    }
}

async fn write(cluster: &Cluster, pods: &Api<Pod>, name: &str, change: &Value, dry_run: bool) -> Result<(), Refusal> {
    let params = PatchParams { dry_run, ..PatchParams::default() };
    let patch = Patch::Strategic(change);
    let asked = pods.patch_subresource("resize", name, &params, &patch);
    if dry_run { cluster.answer(asked).await.map(|_| ()) } else { cluster.write(asked).await.map(|_| ()) }
}

/// The patch that gives the pod these sizes; none where it has them.
fn change(pod: &Pod, sizes: &[Size]) -> Result<Option<Value>, String> {
    let Some(spec) = &pod.spec else { return Err("the pod has no spec".to_owned()) };
    let sidecars = spec.init_containers.iter().flatten();
    let lists = [("containers", spec.containers.iter().collect::<Vec<_>>()), ("initContainers", sidecars.collect())];
    let mut changed = json!({"metadata": {"uid": pod.metadata.uid, "resourceVersion": pod.metadata.resource_version}});
    let mut is_any = false;
    for size in sizes {
        let found = match &size.container {
            None if spec.containers.len() == 1 => Some(("containers", &spec.containers[0])),
            None => return Err(format!("its {} containers cannot be told apart", spec.containers.len())),
            Some(name) => lists
                .iter()
                .find_map(|(list, all)| Some((*list, *all.iter().find(|container| container.name == *name)?))),
        };
        let (list, container) =
            found.ok_or_else(|| format!("there is no container {}", size.container.as_deref().unwrap_or_default()))?;
        let Some(resources) = of_container(container, size) else { continue };
        would_restart(container, &resources)?;
        is_any = true;
        let entry = json!({"name": container.name, "resources": resources});
        match changed["spec"][list].as_array_mut() {
            Some(entries) => entries.push(entry),
            None => changed["spec"][list] = json!([entry]),
        }
    }
    Ok(is_any.then_some(changed))
}

/// What of the container's resources changes.
fn of_container(container: &Container, size: &Size) -> Option<Value> {
    let now = container.resources.clone().unwrap_or_default();
    let mut changed = Map::new();
    for (part, wanted, has) in [("requests", &size.requests, now.requests), ("limits", &size.limits, now.limits)] {
        let has = has.unwrap_or_default();
        let is_other =
            |resource: &str, amount: &str| has.get(resource).is_none_or(|has| !is_same_amount(&has.0, amount));
        for (resource, amount) in wanted.iter().filter(|(resource, amount)| is_other(resource, amount)) {
            changed.entry(part).or_insert_with(|| json!({}))[*resource] = amount.as_str().into();
        }
    }
    (!changed.is_empty()).then_some(Value::Object(changed))
}

fn is_same_amount(one: &str, other: &str) -> bool {
    let value = |text: &str| model::Quantity::parse(text).ok().map(model::Quantity::milli_value);
    value(one).is_some() && value(one) == value(other)
}

/// A resize that restarts the container is no resize in place.
fn would_restart(container: &Container, resources: &Value) -> Result<(), String> {
    for policy in container.resize_policy.iter().flatten().filter(|policy| policy.restart_policy == "RestartContainer")
    {
        let is_changed = ["requests", "limits"].iter().any(|part| !resources[*part][&*policy.resource_name].is_null());
        if is_changed {
            let (container, resource) = (&container.name, &policy.resource_name);
            return Err(format!("container {container} restarts when its {resource} is resized (resizePolicy)"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(containers: Value) -> Pod {
        let pod =
            json!({"metadata": {"name": "p", "uid": "u", "resourceVersion": "7"}, "spec": {"containers": containers}});
        serde_json::from_value(pod).unwrap()
    }

    fn size(container: Option<&str>, cpu: &str) -> Size {
        Size { container: container.map(str::to_owned), requests: vec![("cpu", cpu.to_owned())], limits: Vec::new() }
    }

    #[test]
    fn only_what_differs_is_written_and_all_containers_at_once() {
        let pod = pod(json!([
            {"name": "a", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}},
            {"name": "b"},
        ]));
        let sizes = [size(Some("a"), "1000m"), size(Some("b"), "2")];
        let change = change(&pod, &sizes).unwrap().unwrap();
        assert_eq!(change["spec"], json!({"containers": [{"name": "b", "resources": {"requests": {"cpu": "2"}}}]}));
        assert_eq!(change["metadata"], json!({"uid": "u", "resourceVersion": "7"}));
        assert_eq!(super::change(&pod, &[size(Some("a"), "1")]), Ok(None));
    }

    #[test]
    fn what_would_restart_or_cannot_be_told_is_refused() {
        let policy = json!([{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]);
        let one = pod(json!([{"name": "a", "resizePolicy": policy}]));
        assert!(change(&one, &[size(None, "1")]).unwrap_err().contains("restarts when its cpu is resized"));
        let memory = Size { requests: vec![("memory", "1Gi".to_owned())], ..Size::default() };
        assert!(change(&one, &[memory]).unwrap().is_some());
        let two = pod(json!([{"name": "a"}, {"name": "b"}]));
        assert!(change(&two, &[size(None, "1")]).unwrap_err().contains("cannot be told apart"));
        assert!(change(&two, &[size(Some("c"), "1")]).unwrap_err().contains("no container c"));
    }
}
