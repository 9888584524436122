//! What is left of the nodes of a plan that is over: they are nodes like any other from then on, and NodeClaims that came to
//! nothing go.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::json;

use super::stand_in::{self, PROTECTED_BY, StandIn};
use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::error::ActError;
use crate::marks::refused;
use crate::node_claims::{all, claims, node_of};
use crate::removal::{Removed, delete, left_on, only};

/// Tries where the server is busy, or Karpenter writes at the same moment.
const MOST_TRIES: usize = 5;

/// Takes back the marks of plans that are over, and gives back the NodeClaims that were made for them and hold nothing.
pub(crate) async fn release(
    cluster: &Cluster,
    nodes: &[ObjectMeta],
    is_over: impl Fn(&StandIn) -> bool,
) -> Result<(), ActError> {
    for (claim, found) in claims_of_plans(cluster).await? {
        if is_over(&found) {
            give_back(cluster, &claim).await?;
        }
    }
    for (node, found) in stand_in::all(nodes) {
        if is_over(&found) {
            stand_in::unmark(cluster, &node, &found.plan).await?;
        }
    }
    Ok(())
}

/// NodeClaims that were made for plans. Whoever may not read them can hardly have made them.
pub(super) async fn claims_of_plans(cluster: &Cluster) -> Result<Vec<(DynamicObject, StandIn)>, ActError> {
    let mut tries = 1;
    let claims = loop {
        match all(cluster).await {
            Ok(claims) => break claims,
            Err(Refusal::Final(_)) => break Vec::new(),
            Err(Refusal::Busy(wait, _)) if tries < MOST_TRIES => tokio::time::sleep(wait).await,
            Err(refusal) => return Err(refused("list nodeclaims", &refusal)),
        }
        tries += 1;
    };
    Ok(claims.into_iter().filter_map(|claim| stand_in::of(&claim.metadata).map(|found| (claim, found))).collect())
}

/// Deletes a NodeClaim with nothing but daemons on its node; takes the marks off another.
async fn give_back(cluster: &Cluster, claim: &DynamicObject) -> Result<(), ActError> {
    let (api, name) = (claims(cluster), claim.metadata.name.as_deref().unwrap_or_default());
    if claim.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let is_in_use = match node_of(claim) {
        Some(node) => left_on(cluster, &node.into()).await?.is_some(),
        None => false,
    };
    if !is_in_use {
        return match delete(cluster, &api, name, &only(claim.metadata.uid.clone())).await? {
            Removed::Done => Ok(()),
            Removed::Kept(problem) | Removed::Later(problem) => {
                Err(ActError::Refused { what: format!("delete NodeClaim {name}"), problem })
            }
        };
    }
    let is_protection_ours = claim.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(PROTECTED_BY));
    let annotations = stand_in::unmarked(is_protection_ours);
    let change = json!({"metadata": {"uid": claim.metadata.uid, "annotations": annotations}});
    let mut refusal = Refusal::Changed;
    for _ in 0..MOST_TRIES {
        match cluster.write(api.patch(name, &PatchParams::default(), &Patch::Merge(&change))).await {
            Ok(_) | Err(Refusal::Gone) => return Ok(()),
            Err(Refusal::Busy(wait, why)) => {
                tokio::time::sleep(wait).await;
                refusal = Refusal::Busy(wait, why);
            }
            Err(other) => refusal = other,
        }
    }
    Err(refused(&format!("unmark NodeClaim {name}"), &refusal))
}
