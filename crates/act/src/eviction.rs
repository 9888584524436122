//! One pod's eviction: the very pod that the plan names, or none.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use model::Migration;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::patience::Patience;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evicted {
    /// The API server has granted it.
    Granted,
    /// The pod had gone before, or is going.
    Gone,
    /// It stays: the reason.
    Refused(String),
}

/// Does it, or only asks whether it would be done?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Does it.
    Real,
    /// Only asks.
    Dry,
}

/// Evicts the pod; asks again for so long while a budget or a busy server refuses.
pub async fn evict(cluster: &Cluster, step: &Migration, run: Run, patience: Duration) -> Evicted {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &step.namespace);
    let mut patience = Patience::of(patience);
    // A budget is debited before the server compares the uid, so that is looked at first; by whoever only asks, nothing is.
    let mut looks_first = run == Run::Real;
    loop {
        let is_there = match looks_first {
            true => cluster.answer(pods.get(&step.pod)).await.map(|pod| is_meant(&pod, step)),
            false => Ok(Ok(true)),
        };
        looks_first = true;
        let refusal = match is_there {
            Ok(Ok(true)) => match ask(cluster, &pods, step, run).await {
                Ok(()) => return Evicted::Granted,
                Err(refusal) => refusal,
            },
            Ok(Ok(false)) => return Evicted::Gone,
            Ok(Err(reason)) => return Evicted::Refused(reason),
            Err(refusal) => refusal,
        };
        // Looking again tells what has changed.
        if patience.is_left_after(&refusal).await {
            continue;
        }
        return match refusal {
            Refusal::Gone => Evicted::Gone,
            Refusal::Final(message) => Evicted::Refused(message),
            refusal => Evicted::Refused(refusal.in_words()),
        };
    }
}

/// Is the step's pod there to be moved? False where it has gone; an error where it is elsewhere or cannot be looked at.
pub async fn is_there(cluster: &Cluster, step: &Migration) -> Result<bool, String> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &step.namespace);
    match cluster.answer(pods.get(&step.pod)).await {
        Ok(pod) => is_meant(&pod, step),
        Err(Refusal::Gone) => Ok(false),
        Err(refusal) => Err(refusal.in_words()),
    }
}

/// Is it the plan's pod, there to be moved? False where it has gone; an error where it is elsewhere.
fn is_meant(pod: &Pod, step: &Migration) -> Result<bool, String> {
    let is_same = pod.metadata.uid.as_deref() == Some(&*step.uid);
    if !is_same || pod.metadata.deletion_timestamp.is_some() {
        return Ok(false);
    }
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("no node");
    if node == &*step.from_node { Ok(true) } else { Err(format!("the pod is on {node}, not on {}", step.from_node)) }
}

/// Written by hand: `Api::evict` of kube 5.0 sends the options under a name that the API server does not know, and so
/// evicts whatever pod bears the name, in a dry run too.
async fn ask(cluster: &Cluster, pods: &Api<Pod>, step: &Migration, run: Run) -> Result<(), Refusal> {
    let mut eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"namespace": step.namespace, "name": step.pod},
        "deleteOptions": {"preconditions": {"uid": step.uid}},
    });
    if run == Run::Dry {
        eviction["deleteOptions"]["dryRun"] = json!(["All"]);
    }
    let params = PostParams { dry_run: run == Run::Dry, ..PostParams::default() };
    let asked = pods.create_subresource::<Value, Value>("eviction", &step.pod, &params, &eviction);
    let answer = match run {
        Run::Real => cluster.write_eviction(asked).await,
        Run::Dry => cluster.answer(asked).await,
    };
    answer.map(|_| ())
}
