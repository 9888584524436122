//! Takes back what plans have left in the cluster: cordons, marks and hints. Pods stay where they are.

use model::Name;

use crate::cluster::Cluster;
use crate::error::ActError;
use crate::{hints, marks};

/// What was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Nodes that take pods again.
    pub uncordoned: Vec<Name>,
    /// Hints could not be taken back: why.
    pub hints_left: Option<String>,
}

/// Uncordons every node that the plan has cordoned, emptied ones too, and takes back its hints.
pub async fn undo(cluster: &Cluster, plan: &str) -> Result<Undone, ActError> {
    let mut undone = Undone { hints_left: hints::take_back(cluster, Some(plan)).await.err(), ..Undone::default() };
    for (node, by) in marks::marked(cluster).await? {
        if by == plan {
            marks::uncordon(cluster, &node, plan).await?;
            undone.uncordoned.push(node);
        }
    }
    Ok(undone)
}
