//! Marks on nodes: what is under way is written where everybody sees it, and where the next start finds it.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use model::Name;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::cluster::Cluster;
use crate::error::ActError;

/// What all that plans write begins with.
const PREFIX: &str = "optimizer.io/";
/// The plan that has cordoned the node.
pub const CORDONED_BY: &str = "optimizer.io/cordoned-by";
/// When that cordon is of no use any more.
pub const CORDONED_UNTIL: &str = "optimizer.io/cordoned-until";
/// The plan that has emptied the node.
pub const EMPTIED_BY: &str = "optimizer.io/emptied-by";

/// Nodes read at once.
const PAGE: u32 = 500;
/// Tries where somebody else writes the node at the same moment: kubelets do so every few seconds.
const MOST_TRIES: usize = 10;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nobody has cordoned it.
    Free,
    /// Somebody else has cordoned it.
    CordonedByOthers,
    /// This plan has.
    Ours,
    /// This plan had, and somebody has lifted it.
    Lifted,
    /// Another plan has.
    Another(String),
}

/// The mark of a node, as seen by this plan.
pub fn mark(node: &Node, plan: &str, now: Timestamp) -> Mark {
    let annotation = |key: &str| node.metadata.annotations.as_ref().and_then(|annotations| annotations.get(key));
    let is_cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    let Some(by) = annotation(CORDONED_BY) else {
        return if is_cordoned { Mark::CordonedByOthers } else { Mark::Free };
    };
    if by == plan {
        return if is_cordoned { Mark::Ours } else { Mark::Lifted };
    }
    let until = annotation(CORDONED_UNTIL).and_then(|until| until.parse::<Timestamp>().ok());
    let has_expired = until.is_some_and(|until| until < now);
    // Emptied nodes have no expiry: whoever emptied them has done with them.
    let is_over = has_expired || annotation(EMPTIED_BY).is_some();
    match (is_over, is_cordoned) {
        (false, _) => Mark::Another(by.clone()),
        (true, true) => Mark::CordonedByOthers,
        (true, false) => Mark::Free,
    }
}

/// What cordoning came to.
pub enum Cordon {
    /// The node is cordoned: by us, or by somebody else before.
    Done,
    /// Somebody has lifted our cordon.
    Lifted,
    /// The node is gone.
    Gone,
}

/// Cordons the node, and marks that with the plan's name and its expiry.
pub async fn cordon(cluster: &Cluster, node: &Name, plan: &str, lasts: SignedDuration) -> Result<Cordon, ActError> {
    for _ in 0..MOST_TRIES {
        let Some(found) = get(cluster, node).await? else { return Ok(Cordon::Gone) };
        match mark(&found, plan, Timestamp::now()) {
            Mark::Free => {}
            Mark::CordonedByOthers | Mark::Ours => return Ok(Cordon::Done),
            Mark::Lifted => return Ok(Cordon::Lifted),
            Mark::Another(other) => return Err(ActError::Busy { plan: other, node: node.to_string() }),
        }
        let until = (Timestamp::now() + lasts).to_string();
        let marks = json!({CORDONED_BY: plan, CORDONED_UNTIL: until, EMPTIED_BY: null});
        match patch(cluster, &found, marks, Some(true)).await {
            Ok(()) => return Ok(Cordon::Done),
            Err(Refusal::Gone) => return Ok(Cordon::Gone),
            Err(refusal) => retry(node, "cordon", refusal).await?,
        }
    }
    Err(too_often("cordon", node))
}

/// Takes back the plan's cordon and mark. Those of others stay.
pub async fn uncordon(cluster: &Cluster, node: &Name, plan: &str) -> Result<(), ActError> {
    for _ in 0..MOST_TRIES {
        let Some(found) = get(cluster, node).await? else { return Ok(()) };
        let is_ours = match mark(&found, plan, Timestamp::now()) {
            Mark::Ours => Some(false),
            // The marks alone are left.
            Mark::Lifted => None,
            _ => return Ok(()),
        };
        let marks = json!({CORDONED_BY: null, CORDONED_UNTIL: null, EMPTIED_BY: null});
        match patch(cluster, &found, marks, is_ours).await {
            Ok(()) | Err(Refusal::Gone) => return Ok(()),
            Err(refusal) => retry(node, "uncordon", refusal).await?,
        }
    }
    Err(too_often("uncordon", node))
}

/// Marks that the plan has emptied the node, which stays cordoned from now on.
pub async fn mark_emptied(cluster: &Cluster, node: &Name, plan: &str) -> Result<(), ActError> {
    for _ in 0..MOST_TRIES {
        let Some(found) = get(cluster, node).await? else { return Ok(()) };
        if mark(&found, plan, Timestamp::now()) != Mark::Ours {
            return Ok(());
        }
        match patch(cluster, &found, json!({CORDONED_UNTIL: null, EMPTIED_BY: plan}), None).await {
            Ok(()) | Err(Refusal::Gone) => return Ok(()),
            Err(refusal) => retry(node, "mark", refusal).await?,
        }
    }
    Err(too_often("mark", node))
}

/// A node that bears a plan's mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The node.
    pub node: Name,
    /// The plan.
    pub plan: String,
    /// The mark is of no use any more.
    pub is_expired: bool,
    /// The plan has emptied it.
    pub is_emptied: bool,
}

/// What nodes on which plans have written anything say of themselves. Read a page at a time: of all other nodes nothing is
/// kept.
pub(crate) async fn written_on(cluster: &Cluster) -> Result<Vec<ObjectMeta>, ActError> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let (mut found, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let list = cluster.answer(api.list_metadata(&page)).await.map_err(|refusal| refused("list nodes", &refusal))?;
        let is_written_on = |metadata: &ObjectMeta| {
            metadata.annotations.as_ref().is_some_and(|all| all.keys().any(|key| key.starts_with(PREFIX)))
        };
        found.extend(list.items.into_iter().map(|node| node.metadata).filter(is_written_on));
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = ListParams::default().limit(PAGE).continue_token(&token),
            None => return Ok(found),
        }
    }
}

/// Of these nodes those that bear a plan's mark.
pub(crate) fn marked(nodes: &[ObjectMeta]) -> Vec<Marked> {
    let now = Timestamp::now();
    let mark_of = |node: &ObjectMeta| {
        let annotations = node.annotations.as_ref()?;
        let until = annotations.get(CORDONED_UNTIL).and_then(|until| until.parse::<Timestamp>().ok());
        Some(Marked {
            node: node.name.as_deref()?.into(),
            plan: annotations.get(CORDONED_BY)?.clone(),
            is_expired: until.is_some_and(|until| until < now),
            is_emptied: annotations.contains_key(EMPTIED_BY),
        })
    };
    nodes.iter().filter_map(mark_of).collect()
}

pub(crate) async fn get(cluster: &Cluster, node: &Name) -> Result<Option<Node>, ActError> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    for _ in 0..MOST_TRIES {
        match cluster.answer(api.get(node)).await {
            Ok(found) => return Ok(Some(found)),
            Err(Refusal::Gone) => return Ok(None),
            Err(refusal) => retry(node, "get", refusal).await?,
        }
    }
    Err(too_often("get", node))
}

/// Changes the node as it was seen, or not at all.
pub(crate) async fn patch(
    cluster: &Cluster,
    seen: &Node,
    annotations: Value,
    cordoned: Option<bool>,
) -> Result<(), Refusal> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let mut change = json!({"metadata": {
        "uid": seen.metadata.uid,
        "resourceVersion": seen.metadata.resource_version,
        "annotations": annotations,
    }});
    if let Some(cordoned) = cordoned {
        change["spec"] = json!({"unschedulable": cordoned.then_some(true)});
    }
    let name = seen.metadata.name.clone().unwrap_or_default();
    cluster.write(api.patch(&name, &PatchParams::default(), &Patch::Merge(change))).await.map(|_| ())
}

/// Waits before the next try, where there is to be one.
pub(crate) async fn retry(node: &Name, what: &str, refusal: Refusal) -> Result<(), ActError> {
    match refusal {
        Refusal::Changed => Ok(()),
        Refusal::Busy(wait, _) => {
            tokio::time::sleep(wait).await;
            Ok(())
        }
        refusal => Err(refused(&format!("{what} node {node}"), &refusal)),
    }
}

pub(crate) fn too_often(what: &str, node: &Name) -> ActError {
    let problem = format!("it was tried {MOST_TRIES} times");
    ActError::Refused { what: format!("{what} node {node}"), problem }
}

pub(crate) fn refused(what: &str, refusal: &Refusal) -> ActError {
    ActError::Refused { what: what.to_owned(), problem: refusal.in_words() }
}
