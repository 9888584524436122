//! Changed requests as files to review: objects to apply, a kustomization, values of a chart. Nothing but requests is in
//! them, and limits only where they were asked to follow.

use std::collections::BTreeMap;
use std::io::Write;

use engine::rightsizing::{ContainerAdvice, Resource};
use model::WorkloadRef;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::output::Output;
use crate::render::document::yaml;
use crate::talk;

/// Objects one after the other, each with the changed requests of one workload.
pub fn patches(advice: &[ContainerAdvice], out: &mut Output) -> Result<(), Failure> {
    for (_, patch) in objects(advice) {
        writeln!(out, "---")?;
        yaml(out, &patch)?;
    }
    Ok(())
}

/// A kustomization with the same as patches.
pub fn kustomization(advice: &[ContainerAdvice], out: &mut Output) -> Result<(), Failure> {
    let mut patches = Vec::new();
    for (workload, patch) in objects(advice) {
        let mut text = Vec::new();
        yaml(&mut text, &patch)?;
        let target = json!({ "kind": &*workload.kind, "name": &*workload.name, "namespace": &*workload.namespace });
        patches.push(json!({ "target": target, "patch": String::from_utf8_lossy(&text) }));
    }
    let document =
        json!({ "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "patches": patches });
    yaml(out, &document)
}

/// `WORKLOAD: {CONTAINER: {resources: …}}`, to be put where the chart has them.
pub fn helm_values(advice: &[ContainerAdvice], out: &mut Output) -> Result<(), Failure> {
    let mut values: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for container in advice {
        if let Some(resources) = resources(container) {
            let of_workload = values.entry(container.workload.name.to_string()).or_default();
            of_workload.insert(container.container.to_string(), json!({ "resources": resources }));
        }
    }
    writeln!(out, "# By workload and container; a chart may have other names for them.")?;
    yaml(out, &values)
}

/// The changed workloads, each as an object with nothing but its changes.
fn objects(advice: &[ContainerAdvice]) -> Vec<(WorkloadRef, Value)> {
    let mut of_workload: BTreeMap<&WorkloadRef, [Vec<Value>; 2]> = BTreeMap::new();
    for container in advice {
        if let Some(resources) = resources(container) {
            let place = usize::from(container.is_sidecar);
            let entry = json!({ "name": &*container.container, "resources": resources });
            of_workload.entry(&container.workload).or_default()[place].push(entry);
        }
    }
    let mut objects = Vec::new();
    for (workload, [containers, sidecars]) in of_workload {
        let mut spec = Map::new();
        for (field, list) in [("containers", containers), ("initContainers", sidecars)] {
            if !list.is_empty() {
                spec.insert(field.to_owned(), Value::Array(list));
            }
        }
        let template = json!({ "template": { "spec": spec } });
        let (api_version, spec) = match &*workload.kind {
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => ("apps/v1", template),
            "CronJob" => ("batch/v1", json!({ "jobTemplate": { "spec": template } })),
            other => {
                talk::note(format!(
                    "warning: {workload}: the template of a {other} cannot be changed this way; left out"
                ));
                continue;
            }
        };
        let metadata = json!({ "name": &*workload.name, "namespace": &*workload.namespace });
        let object = json!({ "apiVersion": api_version, "kind": &*workload.kind, "metadata": metadata, "spec": spec });
        objects.push((workload.clone(), object));
    }
    objects
}

/// The new requests of a container, where any changes.
fn resources(container: &ContainerAdvice) -> Option<Value> {
    let mut requests = Map::new();
    for resource in Resource::ALL {
        if let Some(new) = container.advice[resource.index()].change() {
            requests.insert(resource.name().to_owned(), resource.quantity(new).into());
        }
    }
    if requests.is_empty() {
        return None;
    }
    let mut resources = Map::new();
    let mut limits = Map::new();
    for resource in Resource::ALL {
        let advice = &container.advice[resource.index()];
        if let Some(new) = advice.new_limit.filter(|new| Some(*new) != advice.limit) {
            limits.insert(resource.name().to_owned(), resource.quantity(new).into());
        }
    }
    if !limits.is_empty() {
        resources.insert("limits".to_owned(), limits.into());
    }
    resources.insert("requests".to_owned(), requests.into());
    Some(resources.into())
}
