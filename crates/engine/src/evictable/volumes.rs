//! Volumes that hold a pod where it is.

use std::collections::BTreeMap;

use model::storage::{AccessMode, VolumeSource};
use model::{FindingCode, Name, Pod, Snapshot, Volume};

use super::Blocker;

pub(super) fn blocker(snapshot: &Snapshot, pod: &Pod) -> Option<Blocker> {
    for volume in &pod.spec.volumes {
        if let Volume::HostPath { volume } = volume {
            let reason = format!("its volume {volume} is a hostPath: the data stays on the node");
            return Some(Blocker::new(FindingCode::HostPathVolume, reason).remedy("use a PersistentVolumeClaim"));
        }
        if let Volume::Ephemeral { volume } = volume {
            // A new pod gets a new claim; where that one can be bound is not known before it is made.
            let reason =
                format!("its generic ephemeral volume {volume} is made anew with the pod, in a place not known");
            return Some(Blocker::new(FindingCode::ClaimNotMovable, reason));
        }
    }
    for claim_name in pod.claims() {
        let key = (pod.namespace.clone(), claim_name);
        let Some(claim) = snapshot.claims.get(&key) else {
            let reason = format!("its claim {} is not there", key.1);
            return Some(Blocker::new(FindingCode::ClaimNotMovable, reason));
        };
        let Some(volume) = snapshot.volumes.get(&claim.volume) else { continue };
        if matches!(volume.source, VolumeSource::Local | VolumeSource::HostPath) {
            let reason = format!("its volume {} lives on one node", volume.name);
            return Some(Blocker::new(FindingCode::NodeLocalVolume, reason));
        }
    }
    None
}

pub(super) fn has_empty_dir(pod: &Pod) -> bool {
    pod.spec.volumes.iter().any(|volume| matches!(volume, Volume::EmptyDir { in_memory: false, .. }))
}

/// Live pods on nodes by claim, for claims that one node at a time may use.
pub(super) fn single_node_claims(snapshot: &Snapshot) -> BTreeMap<(Name, Name), Vec<u32>> {
    let mut users: BTreeMap<(Name, Name), Vec<u32>> = BTreeMap::new();
    for (number, pod) in snapshot.pods.iter().enumerate() {
        if pod.is_finished() || pod.node.is_none() {
            continue;
        }
        for claim in pod.claims() {
            let key = (pod.namespace.clone(), claim);
            let is_single_node = snapshot.claims.get(&key).is_some_and(|claim| {
                claim.access_modes.contains(&AccessMode::ReadWriteOnce)
                    && !claim.access_modes.contains(&AccessMode::ReadWriteMany)
            });
            if is_single_node {
                users.entry(key).or_default().push(number as u32);
            }
        }
    }
    users.retain(|_, pods| pods.len() > 1);
    users
}
