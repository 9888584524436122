//! Other requests for a workload's template, whose controller then replaces the pods.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::patience::Patience;
use crate::resize::Size;

/// Who changes templates, to server-side apply.
const FIELD_MANAGER: &str = "plimsoll-rightsizing";
const PARTS: [&str; 2] = ["requests", "limits"];
const RESOURCES: [&str; 2] = ["cpu", "memory"];

/// Why a template is not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// The reason.
    Refused(String),
    /// Nobody has answered for now.
    Later(String),
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
    let mut patience = Patience::default();
    loop {
        let refusal = match template(cluster, &api, name, sizes, dry_run).await {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        if !patience.is_left_after(&refusal).await {
            return Err(match refusal {
                Refusal::Gone | Refusal::Final(_) => Unchanged::Refused(refusal.in_words()),
                busy => Unchanged::Later(busy.in_words()),
            });
        }
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

    fn size(container: Option<&str>, cpu: &str) -> Size {
        Size { container: container.map(str::to_owned), requests: vec![("cpu", cpu.to_owned())], limits: Vec::new() }
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
