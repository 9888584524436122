//! Which real node stands for which planned one, written on the real one.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::api::ObjectMeta;
use model::Name;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::error::ActError;
use crate::marks::{self, refused};
use crate::node_claims::NODE_POOL;

/// The plan for which the node was added.
pub const ADDED_BY: &str = "optimizer.io/added-by";
/// The plan's name for the node.
pub const STANDS_FOR: &str = "optimizer.io/stands-for";
/// When that is of no use any more.
pub const ADDED_UNTIL: &str = "optimizer.io/added-until";
/// The plan for which Karpenter keeps from disrupting the node: what says so to Karpenter is ours, and goes with it.
pub const PROTECTED_BY: &str = "optimizer.io/protected-by";
/// Karpenter's own word for it.
pub const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";
const MOST_TRIES: usize = 10;

/// What a node says of itself that was added for a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// The plan.
    pub plan: String,
    /// The plan's name for the node.
    pub planned: Name,
    /// When that is of no use any more.
    pub until: Option<Timestamp>,
}

/// What marking came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// It bears the mark.
    Done,
    /// It has changed meanwhile: it is to be looked at again.
    Changed,
}

impl StandIn {
    /// The mark of a node of this plan.
    pub fn new(plan: &str, planned: &Name, until: Timestamp) -> StandIn {
        StandIn { plan: plan.to_owned(), planned: planned.clone(), until: Some(until) }
    }

    /// Does it stand for the same?
    pub fn is_same(&self, other: &StandIn) -> bool {
        (&self.plan, &self.planned) == (&other.plan, &other.planned)
    }

    /// Is it of no use any more, whatever became of the plan?
    pub fn is_expired(&self) -> bool {
        self.until.is_some_and(|until| until < Timestamp::now())
    }

    /// As annotations.
    pub fn annotations(&self) -> Value {
        json!({
            ADDED_BY: self.plan,
            STANDS_FOR: self.planned,
            ADDED_UNTIL: self.until.map(|until| until.to_string()),
        })
    }
}

/// What the node says of itself.
pub fn read(node: &Node) -> Option<StandIn> {
    of(&node.metadata)
}

/// What a node says of itself, or the NodeClaim that it comes of.
pub fn of(metadata: &ObjectMeta) -> Option<StandIn> {
    let annotation = |key: &str| metadata.annotations.as_ref()?.get(key);
    Some(StandIn {
        plan: annotation(ADDED_BY)?.clone(),
        planned: annotation(STANDS_FOR)?.as_str().into(),
        until: annotation(ADDED_UNTIL).and_then(|until| until.parse().ok()),
    })
}

/// Writes it on the node as it was seen, and keeps Karpenter from taking it away meanwhile.
pub async fn mark(cluster: &Cluster, node: &Node, stand_in: &StandIn) -> Result<Marked, ActError> {
    let mut annotations = stand_in.annotations();
    let has_label = node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(NODE_POOL));
    let is_protected = node.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(DO_NOT_DISRUPT));
    if has_label && !is_protected {
        annotations[DO_NOT_DISRUPT] = "true".into();
        annotations[PROTECTED_BY] = stand_in.plan.as_str().into();
    }
    match marks::patch(cluster, node, annotations, None).await {
        Ok(()) => Ok(Marked::Done),
        Err(Refusal::Gone | Refusal::Changed | Refusal::Busy(..)) => Ok(Marked::Changed),
        Err(refusal) => {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            Err(refused(&format!("mark node {name}"), &refusal))
        }
    }
}

/// Takes back what the plan has written on the node.
pub async fn unmark(cluster: &Cluster, node: &Name, plan: &str) -> Result<(), ActError> {
    for _ in 0..MOST_TRIES {
        let Some(found) = marks::get(cluster, node).await? else { return Ok(()) };
        if read(&found).is_none_or(|stand_in| stand_in.plan != plan) {
            return Ok(());
        }
        let had = found.metadata.annotations.as_ref();
        let annotations = unmarked(had.is_some_and(|all| all.contains_key(PROTECTED_BY)));
        match marks::patch(cluster, &found, annotations, None).await {
            Ok(()) | Err(Refusal::Gone) => return Ok(()),
            Err(refusal) => marks::retry(node, "unmark", refusal).await?,
        }
    }
    Err(marks::too_often("unmark", node))
}

/// Annotations without the marks, and without the protection where that is ours.
pub fn unmarked(is_protection_ours: bool) -> Value {
    let mut annotations = json!({ADDED_BY: null, STANDS_FOR: null, ADDED_UNTIL: null});
    if is_protection_ours {
        annotations[PROTECTED_BY] = Value::Null;
        annotations[DO_NOT_DISRUPT] = Value::Null;
    }
    annotations
}

/// Of these nodes those that stand for planned ones.
pub fn all(nodes: &[ObjectMeta]) -> Vec<(Name, StandIn)> {
    nodes.iter().filter_map(|node| Some((node.name.as_deref()?.into(), of(node)?))).collect()
}
