//! VolumeRestrictions: in-tree disks that two pods cannot mount on one node, and ReadWriteOncePod claims.

use model::storage::AccessMode;
use model::{Pod, Volume};

use crate::rule::{Rejection, Rule};
use crate::state::State;

pub(super) fn rejects(state: &State, pod: &Pod, node: usize) -> Option<Rejection> {
    for volume in &pod.spec.volumes {
        let Volume::Claim { claim } = volume else { continue };
        let key = (pod.namespace.clone(), claim.clone());
        let Some(found) = state.snapshot.claims.get(&key) else {
            return Some(Rejection::new(Rule::VolumeRestrictions, format!("claim {claim} does not exist")));
        };
        let in_use = state.claim_users.get(&key).is_some_and(|users| *users > 0);
        if in_use && found.access_modes.contains(&AccessMode::ReadWriteOncePod) {
            let detail = format!("claim {claim} is ReadWriteOncePod and another pod uses it");
            return Some(Rejection::new(Rule::VolumeRestrictions, detail));
        }
    }
    for volume in pod.spec.volumes.iter().filter(|volume| is_restricted(volume)) {
        for other in &state.nodes[node].pods {
            let other = &state.pods[*other].pod;
            if other.spec.volumes.iter().any(|taken| conflict(volume, taken)) {
                let detail = format!("{} has the same disk on the node", other.key());
                return Some(Rejection::new(Rule::VolumeRestrictions, detail));
            }
        }
    }
    None
}

fn is_restricted(volume: &Volume) -> bool {
    matches!(
        volume,
        Volume::GcePersistentDisk { .. }
            | Volume::AwsElasticBlockStore { .. }
            | Volume::Iscsi { .. }
            | Volume::Rbd { .. }
    )
}

/// The same disk twice, unless all mount it read-only; EBS never twice.
fn conflict(one: &Volume, other: &Volume) -> bool {
    match (one, other) {
        (
            Volume::GcePersistentDisk { name, read_only },
            Volume::GcePersistentDisk { name: other_name, read_only: other_read_only },
        ) => name == other_name && !(*read_only && *other_read_only),
        (Volume::AwsElasticBlockStore { id }, Volume::AwsElasticBlockStore { id: other_id }) => id == other_id,
        (Volume::Iscsi { iqn, read_only }, Volume::Iscsi { iqn: other_iqn, read_only: other_read_only }) => {
            iqn == other_iqn && !(*read_only && *other_read_only)
        }
        (
            Volume::Rbd { monitors, pool, image, read_only },
            Volume::Rbd { monitors: other_monitors, pool: other_pool, image: other_image, read_only: other_read_only },
        ) => {
            monitors.iter().any(|monitor| other_monitors.contains(monitor))
                && pool == other_pool
                && image == other_image
                && !(*read_only && *other_read_only)
        }
        _ => false,
    }
}
