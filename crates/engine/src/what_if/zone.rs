//! One zone lost.

use model::{Name, Snapshot};

use super::PremiseError;
use super::nodes;

pub(super) fn apply(snapshot: &mut Snapshot, zone: &Name) -> Result<Option<String>, PremiseError> {
    match nodes::lose(snapshot, |node| node.zone() == Some(zone)) {
        0 => {
            let zones = snapshot.nodes.iter().filter_map(|node| node.zone()).map(ToString::to_string);
            Err(PremiseError::new(format!("no node is in a zone {zone}"), zones))
        }
        lost => Ok(Some(format!("zone {zone} still has its nodes ({lost})"))),
    }
}
