//! Takes back what plans have left in the cluster: cordons, marks and hints. Pods stay where they are.

use model::Name;

use crate::cluster::Cluster;
use crate::error::ActError;
use crate::{addition, hints, marks, protection};

/// What was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Nodes that take pods again.
    pub uncordoned: Vec<Name>,
    /// Hints could not be taken back: why.
    pub hints_left: Option<String>,
}

/// Uncordons every node that the plan has cordoned, emptied ones too, and takes back its hints and its marks on nodes
/// that were added for it.
pub async fn undo(cluster: &Cluster, plan: &str) -> Result<Undone, ActError> {
    let undone = lift_cordons(cluster, plan).await?;
    addition::release(cluster, &marks::written_on(cluster).await?, |stand_in| stand_in.plan == plan).await?;
    Ok(undone)
}

/// The same, but for the nodes that were added: a plan that waits goes on with them.
pub async fn lift_cordons(cluster: &Cluster, plan: &str) -> Result<Undone, ActError> {
    let mut undone = Undone { hints_left: hints::take_back(cluster, Some(plan)).await.err(), ..Undone::default() };
    let nodes = marks::written_on(cluster).await?;
    for marked in marks::marked(&nodes).into_iter().filter(|marked| marked.plan == plan) {
        marks::uncordon(cluster, &marked.node, plan).await?;
        undone.uncordoned.push(marked.node);
    }
    protection::release(cluster, &nodes, |by, _| by == plan).await?;
    Ok(undone)
}

/// The same of every plan.
pub async fn undo_all(cluster: &Cluster) -> Result<Undone, ActError> {
    let mut undone = Undone { hints_left: hints::take_back(cluster, None).await.err(), ..Undone::default() };
    let nodes = marks::written_on(cluster).await?;
    for marked in marks::marked(&nodes) {
        marks::uncordon(cluster, &marked.node, &marked.plan).await?;
        undone.uncordoned.push(marked.node);
    }
    protection::release(cluster, &nodes, |_, _| true).await?;
    addition::release(cluster, &nodes, |_| true).await?;
    Ok(undone)
}

/// How a plan stands that has left a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody is carrying it out, or will.
    Alive,
    /// Nobody will go on with it.
    Over,
    /// Nobody here knows: its marks say themselves how long they hold.
    Unknown,
}

/// Uncordons the nodes that plans have left cordoned which nobody goes on with, and takes back their marks on nodes that
/// were added. Those that were emptied stay cordoned.
pub async fn sweep(cluster: &Cluster, standing: impl Fn(&str) -> Standing) -> Result<Vec<Name>, ActError> {
    let is_left = |plan: &str, is_expired: bool| match standing(plan) {
        Standing::Alive => false,
        Standing::Over => true,
        Standing::Unknown => is_expired,
    };
    let (mut uncordoned, mut refused) = (Vec::new(), None);
    let nodes = marks::written_on(cluster).await?;
    for marked in marks::marked(&nodes).into_iter().filter(|marked| !marked.is_emptied) {
        if is_left(&marked.plan, marked.is_expired) {
            // One that cannot be uncordoned is in nobody's way.
            match marks::uncordon(cluster, &marked.node, &marked.plan).await {
                Ok(()) => uncordoned.push(marked.node),
                Err(error) => refused = Some(error),
            }
        }
    }
    protection::release(cluster, &nodes, is_left).await?;
    addition::release(cluster, &nodes, |stand_in| is_left(&stand_in.plan, stand_in.is_expired())).await?;
    match refused {
        Some(error) if uncordoned.is_empty() => Err(error),
        _ => Ok(uncordoned),
    }
}
