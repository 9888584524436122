//! Other requests for a workload: running pods in place, or its template, whose controller then replaces the pods.

use std::time::{Duration, Instant};

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};

use crate::answer::Refusal;
use crate::cluster::Cluster;

/// Who changes templates, to server-side apply.
const FIELD_MANAGER: &str = "plimsoll-rightsizing";
const PARTS: [&str; 2] = ["requests", "limits"];
const RESOURCES: [&str; 2] = ["cpu", "memory"];
/// A busy server, or an object that changes all the time, is asked for so long.
const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(200);

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

/// Why a template is not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// The reason.
    Refused(String),
    /// Nobody has answered for now.
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
    let until = Instant::now() + PATIENCE;
    let mut wait = FIRST_WAIT;
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
        let pause = match &refusal {
            Refusal::Gone => return Resized::Gone,
            Refusal::Final(message) => return Resized::Refused(message.clone()),
            Refusal::Changed | Refusal::Budget(_) => wait,
            Refusal::Busy(pause, _) => wait.max(*pause),
        };
        if Instant::now() + pause > until {
            return Resized::Later(refusal.in_words());
        }
        tokio::time::sleep(pause).await;
        wait *= 2;
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

/// Changes the template of a Deployment, StatefulSet or DaemonSet by server-side apply: its controller replaces the pods.
pub async fn size_template(
    cluster: &Cluster,
    (kind, namespace, name): (&str, &str, &str),
    sizes: &[Size],
    dry_run: bool,
) -> Result<(), Unchanged> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", kind));
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client.clone(), namespace, &resource);
    let until = Instant::now() + PATIENCE;
    let mut wait = FIRST_WAIT;
    loop {
        let refusal = match template(cluster, &api, name, sizes, dry_run).await {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        let pause = match &refusal {
            Refusal::Gone | Refusal::Final(_) => return Err(Unchanged::Refused(refusal.in_words())),
            Refusal::Changed | Refusal::Budget(_) => wait,
            Refusal::Busy(pause, _) => wait.max(*pause),
        };
        if Instant::now() + pause > until {
            return Err(Unchanged::Later(refusal.in_words()));
        }
        tokio::time::sleep(pause).await;
        wait *= 2;
    }
}

async fn template(
    cluster: &Cluster,
    api: &Api<DynamicObject>,
    name: &str,
    sizes: &[Size],
    dry_run: bool,
) -> Result<(), Refusal> {
    // Read first: an apply to what is gone would make it anew.
    let found = cluster.answer(api.get(name)).await?;
    let fields = found.metadata.managed_fields.as_deref().unwrap_or_default();
    if let Some(manager) = fields.iter().filter_map(|entry| entry.manager.as_deref()).find(|name| is_git_ops(name)) {
        let words =
            format!("{manager} keeps its template as Git has it: change it there (plimsoll rightsize -o patch)");
        return Err(Refusal::Final(words));
    }
    let own = fields.iter().filter(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER));
    let own: Vec<&Value> = own.filter_map(|entry| Some(&entry.fields_v1.as_ref()?.0)).collect();
    let spec = template_spec(&found.data["spec"]["template"]["spec"], &own, sizes).map_err(Refusal::Final)?;
    let types = found.types.clone().unwrap_or_default();
    let change = json!({
        "apiVersion": types.api_version, "kind": types.kind,
        "metadata": {"name": name, "uid": found.metadata.uid},
        "spec": {"template": {"spec": spec}},
    });
    let params = PatchParams { dry_run, ..PatchParams::apply(FIELD_MANAGER).force() };
    let change = Patch::Apply(&change);
    let asked = api.patch(name, &params, &change);
    if dry_run { cluster.answer(asked).await.map(|_| ()) } else { cluster.write(asked).await.map(|_| ()) }
}

/// Controllers that would put a template back as it was.
fn is_git_ops(manager: &str) -> bool {
    manager.starts_with("argocd") || matches!(manager, "kustomize-controller" | "helm-controller")
}

/// What we say of the template: the new sizes, and with them all that we have said before, since what a manager does not
/// repeat is taken away.
fn template_spec(template: &Value, own: &[&Value], sizes: &[Size]) -> Result<Value, String> {
    let mut said = json!({});
    let lists = ["containers", "initContainers"];
    let mut known: Vec<(&str, &str)> = Vec::new();
    for list in lists {
        let containers = template[list].as_array().into_iter().flatten();
        for (name, container) in containers.filter_map(|container| Some((container["name"].as_str()?, container))) {
            known.push((list, name));
            let key = format!("k:{}", json!({"name": name}));
            for (part, resource) in PARTS.into_iter().flat_map(|part| RESOURCES.map(|resource| (part, resource))) {
                let path =
                    ["f:spec", "f:template", "f:spec", &format!("f:{list}"), &key, "f:resources"].map(str::to_owned);
                let path = path.into_iter().chain([format!("f:{part}"), format!("f:{resource}")]);
                let path: Vec<String> = path.collect();
                let is_own =
                    own.iter().any(|fields| path.iter().try_fold(*fields, |fields, name| fields.get(name)).is_some());
                let now = &container["resources"][part][resource];
                if is_own && now.is_string() {
                    said[list][name][part][resource] = now.clone();
                }
            }
        }
    }
    for size in sizes {
        let meant = |(list, name): &&(&str, &str)| match size.container.as_deref() {
            Some(wanted) => *name == wanted,
            None => *list == "containers",
        };
        let found: Vec<&(&str, &str)> = known.iter().filter(meant).collect();
        let (list, name) = match (found.as_slice(), size.container.as_deref()) {
            ([only], _) => **only,
            ([], name) => return Err(format!("there is no container {}", name.unwrap_or_default())),
            (several, _) => return Err(format!("its {} containers cannot be told apart", several.len())),
        };
        for (part, amounts) in [("requests", &size.requests), ("limits", &size.limits)] {
            for (resource, amount) in amounts {
                said[list][name][part][*resource] = amount.as_str().into();
            }
        }
    }
    let mut spec = json!({});
    for list in lists {
        let containers = said[list].as_object().into_iter().flatten();
        let entries: Vec<Value> =
            containers.map(|(name, resources)| json!({"name": name, "resources": resources})).collect();
        if !entries.is_empty() {
            spec[list] = entries.into();
        }
    }
    Ok(spec)
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

    #[test]
    fn what_was_said_of_a_template_before_is_said_again() {
        let template = json!({"containers": [
            {"name": "a", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}},
            {"name": "b", "resources": {"requests": {"cpu": "2"}}},
        ]});
        let own = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"a\"}": {"f:resources": {"f:requests": {"f:cpu": {}, "f:memory": {}}}},
        }}}}});
        let spec = template_spec(&template, &[&own], &[size(Some("a"), "250m")]).unwrap();
        let resources = json!({"requests": {"cpu": "250m", "memory": "1Gi"}});
        assert_eq!(spec, json!({"containers": [{"name": "a", "resources": resources}]}));
        assert!(template_spec(&template, &[], &[size(None, "1")]).unwrap_err().contains("cannot be told apart"));
        assert!(template_spec(&json!({}), &[], &[size(Some("a"), "1")]).unwrap_err().contains("no container a"));
    }
}
