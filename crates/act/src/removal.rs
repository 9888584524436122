//! Nodes that a plan has emptied: left, deleted, or handed to whoever made them.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Preconditions};
use model::Name;
use serde::de::DeserializeOwned;

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::error::ActError;
use crate::marks::{self, Mark, mark, refused};
use crate::node_claims::{self, NODE_POOL};
use crate::options::NodeRemoval;
use crate::pool_budget::allows_one_more;

/// What became of an emptied node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is marked or on its way out.
    Done,
    /// It stays: the reason.
    Kept(String),
    /// It may not go yet: the reason.
    Later(String),
}

/// Tries where the server is busy.
const MOST_TRIES: usize = 5;

/// Takes away a node that bears the plan's mark and holds nothing but what goes with it. Looks once more before.
pub async fn remove(cluster: &Cluster, node: &Name, plan: &str, removal: NodeRemoval) -> Result<Removed, ActError> {
    let Some(found) = marks::get(cluster, node).await? else { return Ok(Removed::Done) };
    if found.metadata.deletion_timestamp.is_some() {
        return Ok(Removed::Done);
    }
    if !matches!(mark(&found, plan, jiff::Timestamp::now()), Mark::Ours | Mark::CordonedByOthers) {
        return Ok(Removed::Kept("its cordon was lifted".to_owned()));
    }
    if removal == NodeRemoval::Karpenter
        && let Some(pool) = found.metadata.labels.as_ref().and_then(|labels| labels.get(NODE_POOL))
        && let Err(reason) = allows_one_more(cluster, pool).await
    {
        return Ok(Removed::Later(reason));
    }
    marks::mark_emptied(cluster, node, plan).await?;
    match removal {
        NodeRemoval::None => Ok(Removed::Done),
        NodeRemoval::Node => match left_on(cluster, node).await? {
            Some(pod) => Ok(Removed::Kept(format!("{pod} is on it"))),
            None => delete_node(cluster, &found).await,
        },
        NodeRemoval::Karpenter => match left_on(cluster, node).await? {
            Some(pod) => Ok(Removed::Kept(format!("{pod} is on it"))),
            None => delete_claim(cluster, node).await,
        },
    }
}

/// A pod that is on the node and would be lost with it, asked of the API server itself rather than of our watch.
pub(crate) async fn left_on(cluster: &Cluster, node: &Name) -> Result<Option<String>, ActError> {
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    let on_node = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let pods = cluster.answer(pods.list(&on_node)).await.map_err(|refusal| refused("list pods", &refusal))?;
    Ok(pods.items.into_iter().find(|pod| !goes_with_node(pod)).map(|pod| {
        let of = |text: Option<String>| text.unwrap_or_default();
        format!("{}/{}", of(pod.metadata.namespace), of(pod.metadata.name))
    }))
}

fn goes_with_node(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    let is_daemon = owners
        .iter()
        .any(|owner| owner.controller == Some(true) && (owner.kind == "DaemonSet" || owner.kind == "Node"));
    is_daemon || matches!(phase, Some("Succeeded" | "Failed"))
}

async fn delete_node(cluster: &Cluster, node: &Node) -> Result<Removed, ActError> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let name = node.metadata.name.clone().unwrap_or_default();
    let params = only(node.metadata.uid.clone());
    delete(cluster, &api, &name, &params).await
}

/// The NodeClaim, once nothing but daemons is left: with pods on it Karpenter would buy a node for them, and would pass
/// by the budgets of its pool.
async fn delete_claim(cluster: &Cluster, node: &Name) -> Result<Removed, ActError> {
    let api = node_claims::claims(cluster);
    let claims = node_claims::all(cluster).await.map_err(|refusal| refused("list nodeclaims", &refusal))?;
    let Some(claim) = claims.iter().find(|claim| node_claims::node_of(claim) == Some(node)) else {
        return Ok(Removed::Kept("it has no NodeClaim: Karpenter did not make it".to_owned()));
    };
    let name = claim.metadata.name.clone().unwrap_or_default();
    let params = only(claim.metadata.uid.clone());
    delete(cluster, &api, &name, &params).await
}

pub(crate) fn only(uid: Option<String>) -> DeleteParams {
    DeleteParams { preconditions: Some(Preconditions { uid, resource_version: None }), ..DeleteParams::default() }
}

/// Deletes, and asks again while the server is busy.
pub(crate) async fn delete<K>(
    cluster: &Cluster,
    api: &Api<K>,
    name: &str,
    params: &DeleteParams,
) -> Result<Removed, ActError>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut refusal = None;
    for _ in 0..MOST_TRIES {
        match cluster.write(api.delete(name, params)).await {
            Ok(_) | Err(Refusal::Gone) => return Ok(Removed::Done),
            Err(Refusal::Changed) => refusal = Some(Refusal::Changed),
            Err(Refusal::Busy(wait, why)) => {
                tokio::time::sleep(wait).await;
                refusal = Some(Refusal::Busy(wait, why));
            }
            Err(last) => return Ok(Removed::Kept(last.in_words())),
        }
    }
    Ok(Removed::Kept(refusal.map_or_else(String::new, |refusal| refusal.in_words())))
}
