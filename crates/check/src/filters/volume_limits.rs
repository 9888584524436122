//! NodeVolumeLimits: how many volumes a node's CSI drivers can attach, each volume counted once.

use model::storage::{CsiNode, PersistentVolumeClaim, VolumeSource};
use model::{Name, Pod, Snapshot, Volume};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::rule::{Rejection, Rule};
use crate::state::State;

/// A driver and the handle of a volume of it.
type Attachment = (Name, String);

/// What is wrong with a claim; the scheduler then refuses the node.
struct BadClaim(String);

pub(super) fn rejects(state: &State, pod: &Pod, node: usize) -> Option<Rejection> {
    let reject = |detail: String| Some(Rejection::new(Rule::NodeVolumeLimits, detail));
    if pod.spec.volumes.is_empty() {
        return None;
    }
    let snapshot = state.snapshot;
    let csi_node = snapshot.csi_nodes.get(&state.nodes[node].node.name);
    let mut new = FxHashSet::default();
    if let Err(BadClaim(detail)) = add_volumes(snapshot, pod, csi_node, MissingClaim::Refuses, &mut new) {
        return reject(detail);
    }
    let limits: FxHashMap<&Name, i64> = csi_node
        .iter()
        .flat_map(|csi_node| &csi_node.drivers)
        .filter_map(|(driver, limit)| Some((driver, (*limit)?)))
        .collect();
    if new.is_empty() || limits.is_empty() {
        return None;
    }
    let mut in_use = FxHashSet::default();
    for other in &state.nodes[node].pods {
        let other = &state.pods[*other].pod;
        if let Err(BadClaim(detail)) = add_volumes(snapshot, other, csi_node, MissingClaim::IsSkipped, &mut in_use) {
            return reject(detail);
        }
    }
    new.retain(|volume| !in_use.contains(volume));
    for at in state.attached.get(&node).into_iter().flatten() {
        let attachment = &snapshot.volume_attachments[*at];
        let volume = attachment.volume.as_ref().and_then(|volume| snapshot.volumes.get(volume));
        if let Some(VolumeSource::Csi { handle, .. }) = volume.map(|volume| &volume.source)
            && !attachment.attacher.is_empty()
        {
            in_use.insert((attachment.attacher.clone(), handle.to_string()));
        }
    }
    let mut drivers: Vec<&Name> = new.iter().map(|(driver, _)| driver).collect();
    drivers.sort_unstable();
    drivers.dedup();
    for driver in drivers {
        let Some(limit) = limits.get(driver) else { continue };
        let count = |volumes: &FxHashSet<Attachment>| volumes.iter().filter(|(of, _)| of == driver).count() as i64;
        let (have, more) = (count(&in_use), count(&new));
        if have + more > *limit {
            return reject(format!("driver {driver} attaches {limit} volumes, {have} are there and {more} more come"));
        }
    }
    None
}

/// What a claim that does not exist means: an incoming pod needs it, one that is there does not count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MissingClaim {
    Refuses,
    IsSkipped,
}

fn add_volumes(
    snapshot: &Snapshot,
    pod: &Pod,
    csi_node: Option<&CsiNode>,
    missing: MissingClaim,
    volumes: &mut FxHashSet<Attachment>,
) -> Result<(), BadClaim> {
    for volume in &pod.spec.volumes {
        let (name, is_ephemeral) = match volume {
            Volume::Claim { claim } => (claim.clone(), false),
            Volume::Ephemeral { volume } => (format!("{}-{volume}", pod.name).into(), true),
            inline => {
                volumes.extend(inline_volume(inline, csi_node));
                continue;
            }
        };
        let Some(claim) = snapshot.claims.get(&(pod.namespace.clone(), name.clone())) else {
            match missing {
                MissingClaim::Refuses => return Err(BadClaim(format!("claim {name} does not exist"))),
                MissingClaim::IsSkipped => continue,
            }
        };
        if is_ephemeral && claim.controller_uid.as_ref() != Some(&pod.uid) {
            return Err(BadClaim(format!("claim {name} does not belong to {}", pod.key())));
        }
        volumes.extend(volume_of_claim(snapshot, claim, csi_node));
    }
    Ok(())
}

/// The CSI volume behind a claim: its PersistentVolume, or the one that its class is going to make.
fn volume_of_claim(
    snapshot: &Snapshot,
    claim: &PersistentVolumeClaim,
    csi_node: Option<&CsiNode>,
) -> Option<Attachment> {
    let attachment = match snapshot.volumes.get(&claim.volume).filter(|_| !claim.volume.is_empty()) {
        Some(volume) => match &volume.source {
            VolumeSource::Csi { driver, handle } => (driver.clone(), handle.to_string()),
            VolumeSource::InTree { plugin, handle } => (counted_driver(plugin, csi_node)?, handle.to_string()),
            VolumeSource::Local | VolumeSource::HostPath | VolumeSource::Other => return None,
        },
        None => {
            let class = snapshot.storage_classes.get(claim.storage_class.as_ref()?)?;
            let driver = match csi_driver(&class.provisioner) {
                Some(_) => counted_driver(&class.provisioner, csi_node)?,
                None => class.provisioner.clone(),
            };
            // No volume has a handle like this, so it counts as one of its own.
            (driver, format!("\0unbound {}/{}", claim.namespace, claim.name))
        }
    };
    (!attachment.0.is_empty() && !attachment.1.is_empty()).then_some(attachment)
}

/// An in-tree volume in the pod's own spec, where its plugin counts as migrated.
fn inline_volume(volume: &Volume, csi_node: Option<&CsiNode>) -> Option<Attachment> {
    let (plugin, handle) = match volume {
        Volume::GcePersistentDisk { name, .. } => {
            ("kubernetes.io/gce-pd", format!("projects/UNSPECIFIED/zones/UNSPECIFIED/disks/{name}"))
        }
        // `aws://zone/vol-1` and `vol-1` are one volume.
        Volume::AwsElasticBlockStore { id } => {
            let bare = id.strip_prefix("aws://").and_then(|rest| rest.split_once('/')).map_or(&**id, |(_, path)| path);
            ("kubernetes.io/aws-ebs", bare.trim_matches('/').to_owned())
        }
        Volume::InTree { plugin, handle } => (&**plugin, handle.to_string()),
        _ => return None,
    };
    Some((counted_driver(plugin, csi_node)?, handle))
}

/// The CSI driver of an in-tree plugin, where the node has a CSINode and the plugin's migration is on for good.
fn counted_driver(plugin: &str, csi_node: Option<&CsiNode>) -> Option<Name> {
    const ALWAYS_MIGRATED: [&str; 5] = [
        "kubernetes.io/aws-ebs",
        "kubernetes.io/portworx-volume",
        "kubernetes.io/gce-pd",
        "kubernetes.io/azure-disk",
        "kubernetes.io/cinder",
    ];
    csi_node?;
    csi_driver(plugin).filter(|_| ALWAYS_MIGRATED.contains(&plugin)).map(Name::from)
}

/// The CSI driver that took over from an in-tree plugin.
fn csi_driver(plugin: &str) -> Option<&'static str> {
    Some(match plugin {
        "kubernetes.io/aws-ebs" => "ebs.csi.aws.com",
        "kubernetes.io/gce-pd" => "pd.csi.storage.gke.io",
        "kubernetes.io/cinder" => "cinder.csi.openstack.org",
        "kubernetes.io/azure-disk" => "disk.csi.azure.com",
        "kubernetes.io/azure-file" => "file.csi.azure.com",
        "kubernetes.io/vsphere-volume" => "csi.vsphere.vmware.com",
        "kubernetes.io/portworx-volume" => "pxd.portworx.com",
        _ => return None,
    })
}
