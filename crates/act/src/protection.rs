//! Nodes to which a plan moves pods: Karpenter is kept from taking them away meanwhile, and left alone again afterwards.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use model::{Name, Plan};
use serde_json::{Value, json};

use crate::addition::stand_in::{DO_NOT_DISRUPT, PROTECTED_BY};
use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::error::ActError;
use crate::marks;
use crate::node_claims::NODE_POOL;

/// When that is of no use any more. A node that was added for a plan bears another mark besides, and has none of these.
pub const PROTECTED_UNTIL: &str = "optimizer.io/protected-until";
const MOST_TRIES: usize = 10;

/// The nodes that the plan moves pods to and none from: what says so to Karpenter keeps pods where they are.
pub(crate) fn targets(plan: &Plan) -> BTreeSet<&Name> {
    let left: BTreeSet<&Name> = plan.migrations.iter().map(|step| &step.from_node).collect();
    plan.migrations.iter().map(|step| &step.to_node).filter(|node| !left.contains(node)).collect()
}

/// Keeps Karpenter from disrupting the node, where it is one of Karpenter's and nobody else has said so.
pub(crate) async fn protect(cluster: &Cluster, node: &Name, plan: &str, lasts: SignedDuration) -> Result<(), ActError> {
    for _ in 0..MOST_TRIES {
        let Some(found) = marks::get(cluster, node).await? else { return Ok(()) };
        let is_karpenters = found.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(NODE_POOL));
        let annotation = |key: &str| found.metadata.annotations.as_ref().and_then(|all| all.get(key));
        // Another plan's, while that holds; and what was added for one stays its own.
        let another = found.metadata.annotations.as_ref().and_then(protected_by).filter(|(by, _)| *by != plan);
        let is_done = match another {
            Some((_, has_expired)) => !has_expired,
            None => annotation(DO_NOT_DISRUPT).is_some(),
        };
        if !is_karpenters || is_done {
            return Ok(());
        }
        let until = (Timestamp::now() + lasts).to_string();
        let annotations = json!({DO_NOT_DISRUPT: "true", PROTECTED_BY: plan, PROTECTED_UNTIL: until});
        match marks::patch(cluster, &found, annotations, None).await {
            Ok(()) | Err(Refusal::Gone) => return Ok(()),
            Err(refusal) => marks::retry(node, "protect", refusal).await?,
        }
    }
    Err(marks::too_often("protect", node))
}

/// Takes back what plans have said to Karpenter of nodes that they move pods to: of these, by name, and past its time or not.
pub(crate) async fn release(
    cluster: &Cluster,
    nodes: &[ObjectMeta],
    is_over: impl Fn(&str, bool) -> bool,
) -> Result<(), ActError> {
    for node in nodes {
        let Some((plan, has_expired)) = node.annotations.as_ref().and_then(protected_by) else { continue };
        if is_over(plan, has_expired) {
            unprotect(cluster, &node.name.as_deref().unwrap_or_default().into(), plan).await?;
        }
    }
    Ok(())
}

/// The plan that protects a node, and whether that is of no use any more.
fn protected_by(annotations: &BTreeMap<String, String>) -> Option<(&str, bool)> {
    let until = annotations.get(PROTECTED_UNTIL)?;
    let has_expired = until.parse::<Timestamp>().is_ok_and(|until| until < Timestamp::now());
    Some((annotations.get(PROTECTED_BY)?, has_expired))
}

async fn unprotect(cluster: &Cluster, node: &Name, plan: &str) -> Result<(), ActError> {
    for _ in 0..MOST_TRIES {
        let Some(found) = marks::get(cluster, node).await? else { return Ok(()) };
        let by = found.metadata.annotations.as_ref().and_then(protected_by);
        if by.is_none_or(|(by, _)| by != plan) {
            return Ok(());
        }
        let annotations = json!({DO_NOT_DISRUPT: Value::Null, PROTECTED_BY: null, PROTECTED_UNTIL: null});
        match marks::patch(cluster, &found, annotations, None).await {
            Ok(()) | Err(Refusal::Gone) => return Ok(()),
            Err(refusal) => marks::retry(node, "unprotect", refusal).await?,
        }
    }
    Err(marks::too_often("unprotect", node))
}
