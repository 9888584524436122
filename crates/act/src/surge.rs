//! The new pod first, then the old one goes: a Deployment of one replica is rolled out anew, as `kubectl rollout restart`
//! does it. Its own strategy brings the replacement up before it takes the old pod away.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use model::Migration;
use serde_json::json;

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::eviction::{Evicted, is_there};
use crate::pods::Watched;

/// The template's annotation that makes a new rollout: the uid of the pod that it moves, so that it is asked for once.
const MOVED: &str = "optimizer.io/moved-pod";
/// A Deployment's status follows its pods by about a second.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const MOST_TRIES: usize = 10;

/// Begins the rollout that replaces the step's pod.
pub async fn surge(cluster: &Cluster, step: &Migration) -> Evicted {
    let deployments = deployments(cluster, step);
    for _ in 0..MOST_TRIES {
        match is_there(cluster, step).await {
            Ok(true) => {}
            Ok(false) => return Evicted::Gone,
            Err(reason) => return Evicted::Refused(reason),
        }
        let refusal = match cluster.answer(deployments.get(&step.workload.name)).await {
            Ok(found) if moves_already(&found, step) => return Evicted::Granted,
            Ok(found) => {
                let change = json!({
                    "metadata": {"uid": found.metadata.uid, "resourceVersion": found.metadata.resource_version},
                    "spec": {"template": {"metadata": {"annotations": {MOVED: step.uid}}}},
                });
                let change = Patch::Merge(change);
                let ours = PatchParams::default();
                match cluster.write(deployments.patch(&step.workload.name, &ours, &change)).await {
                    Ok(_) => return Evicted::Granted,
                    Err(refusal) => refusal,
                }
            }
            Err(refusal) => refusal,
        };
        match refusal {
            Refusal::Changed => {}
            Refusal::Busy(wait, _) => tokio::time::sleep(wait).await,
            refusal => return Evicted::Refused(refusal.in_words()),
        }
    }
    Evicted::Refused(format!("its Deployment could not be changed in {MOST_TRIES} tries"))
}

/// Waits until the rollout is complete and the old pod is gone; the error says what it waited for in vain.
pub async fn is_over(cluster: &Cluster, step: &Migration, pods: &Watched, within: Duration) -> Result<(), String> {
    let start = Instant::now();
    let left = || within.saturating_sub(start.elapsed());
    if !pods.until(within, |pods| !pods.by_uid.contains_key(&step.uid)).await {
        return Err(format!("waited {} s for the replacement of {}/{}", within.as_secs(), step.namespace, step.pod));
    }
    let deployments = deployments(cluster, step);
    loop {
        let found = cluster.answer(deployments.get(&step.workload.name)).await;
        match found {
            Ok(found) if is_complete(&found) => return Ok(()),
            Err(Refusal::Gone) => return Ok(()),
            _ if left().is_zero() => {
                return Err(format!("waited {} s for the rollout of {}", within.as_secs(), step.workload));
            }
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

fn deployments(cluster: &Cluster, step: &Migration) -> Api<Deployment> {
    Api::namespaced(cluster.client.clone(), &step.workload.namespace)
}

fn moves_already(deployment: &Deployment, step: &Migration) -> bool {
    let template = deployment.spec.template.metadata.as_ref();
    let annotations = template.and_then(|metadata| metadata.annotations.as_ref());
    annotations.and_then(|annotations| annotations.get(MOVED)).is_some_and(|uid| **uid == *step.uid)
}

fn is_complete(deployment: &Deployment) -> bool {
    let Some(status) = &deployment.status else { return false };
    let wanted = deployment.spec.replicas.unwrap_or(1);
    status.observed_generation == deployment.metadata.generation
        && status.updated_replicas.unwrap_or(0) == wanted
        && status.replicas.unwrap_or(0) == wanted
        && status.ready_replicas.unwrap_or(0) == wanted
}
