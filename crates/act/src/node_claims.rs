//! Karpenter's NodeClaims and NodePools, as far as we ask for them, count them and give them back.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;

use crate::answer::Refusal;
use crate::cluster::Cluster;

/// The label by which pools know what is theirs.
pub const NODE_POOL: &str = "karpenter.sh/nodepool";

/// All NodeClaims.
pub fn claims(cluster: &Cluster) -> Api<DynamicObject> {
    api(cluster, "NodeClaim", "nodeclaims")
}

/// All NodePools.
pub fn pools(cluster: &Cluster) -> Api<DynamicObject> {
    api(cluster, "NodePool", "nodepools")
}

fn api(cluster: &Cluster, kind: &str, plural: &str) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk("karpenter.sh", "v1", kind);
    Api::all_with(cluster.client.clone(), &ApiResource::from_gvk_with_plural(&gvk, plural))
}

/// Every NodeClaim; none where there is no Karpenter.
pub async fn all(cluster: &Cluster) -> Result<Vec<DynamicObject>, Refusal> {
    listed(cluster, &ListParams::default()).await
}

/// Those of one pool.
pub async fn of_pool(cluster: &Cluster, pool: &str) -> Result<Vec<DynamicObject>, Refusal> {
    listed(cluster, &ListParams::default().labels(&format!("{NODE_POOL}={pool}"))).await
}

async fn listed(cluster: &Cluster, which: &ListParams) -> Result<Vec<DynamicObject>, Refusal> {
    match cluster.answer(claims(cluster).list(which)).await {
        Ok(list) => Ok(list.items),
        Err(Refusal::Gone) => Ok(Vec::new()),
        Err(refusal) => Err(refusal),
    }
}

/// The node that it became.
pub fn node_of(claim: &DynamicObject) -> Option<&str> {
    claim.data["status"]["nodeName"].as_str().filter(|name| !name.is_empty())
}

/// Is this condition of it True?
pub fn is_true(claim: &DynamicObject, condition: &str) -> bool {
    conditions(claim).iter().any(|found| found["type"] == condition && found["status"] == "True")
}

/// Its conditions.
pub fn conditions(claim: &DynamicObject) -> &[Value] {
    claim.data["status"]["conditions"].as_array().map_or(&[], Vec::as_slice)
}
