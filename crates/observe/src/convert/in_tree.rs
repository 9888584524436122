//! Volumes of pods and what backs PersistentVolumes; in-tree ones with the CSI handle they translate to
//! (`k8s.io/csi-translation-lib`).

use model::storage::VolumeSource;
use model::{Name, Volume};

use crate::intern::Interner;
use crate::wire::pod;
use crate::wire::storage::{AzureDisk, AzureFile, PersistentVolume};

pub(crate) fn pod_volume(volume: &pod::Volume, namespace: &str, interner: &Interner) -> Volume {
    let name = |text: &str| interner.name(text);
    let in_tree = |plugin: &str, handle: &str| Volume::InTree { plugin: name(plugin), handle: name(handle) };
    if let Some(claim) = &volume.persistent_volume_claim {
        return Volume::Claim { claim: name(&claim.claim_name) };
    }
    if volume.ephemeral.is_some() {
        return Volume::Ephemeral { volume: name(&volume.name) };
    }
    if let Some(empty_dir) = &volume.empty_dir {
        return Volume::EmptyDir { volume: name(&volume.name), in_memory: empty_dir.medium == "Memory" };
    }
    if volume.host_path.is_some() {
        return Volume::HostPath { volume: name(&volume.name) };
    }
    if let Some(disk) = &volume.gce_persistent_disk {
        return Volume::GcePersistentDisk { name: name(&disk.pd_name), read_only: disk.read_only };
    }
    if let Some(disk) = &volume.aws_elastic_block_store {
        return Volume::AwsElasticBlockStore { id: name(&disk.volume_id) };
    }
    if let Some(target) = &volume.iscsi {
        return Volume::Iscsi { iqn: name(&target.iqn), read_only: target.read_only };
    }
    if let Some(rbd) = &volume.rbd {
        return Volume::Rbd {
            monitors: rbd.monitors.iter().map(|one| name(one)).collect(),
            pool: name(if rbd.pool.is_empty() { "rbd" } else { &rbd.pool }),
            image: name(&rbd.image),
            read_only: rbd.read_only,
        };
    }
    if let Some(disk) = volume.azure_disk.as_ref().filter(|disk| is_managed(disk)) {
        return in_tree("kubernetes.io/azure-disk", &disk.disk_uri);
    }
    if let Some(file) = &volume.azure_file {
        let namespace = if namespace.is_empty() { "default" } else { namespace };
        return in_tree("kubernetes.io/azure-file", &azure_file_handle("", file, &volume.name, namespace));
    }
    if let Some(disk) = &volume.cinder {
        return in_tree("kubernetes.io/cinder", &disk.volume_id);
    }
    if let Some(disk) = &volume.portworx_volume {
        return in_tree("kubernetes.io/portworx-volume", &disk.volume_id);
    }
    if let Some(disk) = &volume.vsphere_volume {
        return in_tree("kubernetes.io/vsphere-volume", &disk.volume_path);
    }
    Volume::Other
}

pub(crate) fn volume_source(volume: &PersistentVolume, interner: &Interner) -> VolumeSource {
    let spec = &volume.spec;
    let name = |text: &str| interner.name(text);
    let in_tree = |plugin: &str, handle: Name| VolumeSource::InTree { plugin: name(plugin), handle };
    if let Some(csi) = &spec.csi {
        return VolumeSource::Csi { driver: name(&csi.driver), handle: name(&csi.volume_handle) };
    }
    if spec.local.is_some() {
        return VolumeSource::Local;
    }
    if spec.host_path.is_some() {
        return VolumeSource::HostPath;
    }
    if let Some(disk) = &spec.gce_persistent_disk {
        return match gce_handle(volume, &disk.pd_name) {
            Some(handle) => in_tree("kubernetes.io/gce-pd", name(&handle)),
            None => VolumeSource::Other,
        };
    }
    if let Some(disk) = &spec.aws_elastic_block_store {
        return match ebs_handle(&disk.volume_id) {
            Some(handle) => in_tree("kubernetes.io/aws-ebs", name(handle)),
            None => VolumeSource::Other,
        };
    }
    if let Some(disk) = spec.azure_disk.as_ref().filter(|disk| is_managed(disk)) {
        return in_tree("kubernetes.io/azure-disk", name(&disk.disk_uri));
    }
    if let Some(file) = &spec.azure_file {
        let claim_namespace = spec.claim_ref.as_ref().map(|claim| claim.namespace.as_str());
        let namespace = file.secret_namespace.as_deref().or(claim_namespace).unwrap_or_default();
        if namespace.is_empty() {
            return VolumeSource::Other;
        }
        let handle = azure_file_handle("", file, &volume.metadata.name, namespace);
        return in_tree("kubernetes.io/azure-file", name(&handle));
    }
    if let Some(disk) = &spec.cinder {
        return in_tree("kubernetes.io/cinder", name(&disk.volume_id));
    }
    if let Some(disk) = &spec.portworx_volume {
        return in_tree("kubernetes.io/portworx-volume", name(&disk.volume_id));
    }
    if let Some(disk) = &spec.vsphere_volume {
        return in_tree("kubernetes.io/vsphere-volume", name(&disk.volume_path));
    }
    VolumeSource::Other
}

/// Only managed disks migrate.
fn is_managed(disk: &AzureDisk) -> bool {
    disk.kind.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("Managed"))
}

/// The storage account's name stands in the secret's: `azure-storage-account-NAME-secret`.
fn azure_file_handle(resource_group: &str, file: &AzureFile, volume: &str, namespace: &str) -> String {
    let secret = file.secret_name.as_str();
    let account = secret.strip_prefix("azure-storage-account-").and_then(|rest| rest.strip_suffix("-secret"));
    let account = account.filter(|account| !account.is_empty()).unwrap_or(secret);
    format!("{resource_group}#{account}#{}#{volume}#{namespace}", file.share_name)
}

/// `vol-…` from `aws://ZONE/vol-…`; a bare id is taken as it is.
fn ebs_handle(id: &str) -> Option<&str> {
    let Some(rest) = id.strip_prefix("aws://") else { return Some(id) };
    let (_, path) = rest.split_once('/')?;
    let volume = path.trim_matches('/');
    // The translation asks for `^vol-[^/]*$`, no more.
    let rest = volume.strip_prefix("vol-")?;
    (!rest.contains('/')).then_some(volume)
}

/// Zonal, regional or unspecified, by the volume's zone label (`a__b` are two zones).
fn gce_handle(volume: &PersistentVolume, disk: &str) -> Option<String> {
    const UNSPECIFIED: &str = "UNSPECIFIED";
    let labels = &volume.metadata.labels;
    let old = labels.get("failure-domain.beta.kubernetes.io/zone").filter(|zone| !zone.is_empty());
    let zones = old.or_else(|| labels.get("topology.kubernetes.io/zone")).map_or("", String::as_str);
    let mut each = zones.split("__");
    let first = each.next().unwrap_or_default();
    if each.next().is_none() {
        let zone = if first.is_empty() { UNSPECIFIED } else { first };
        return Some(format!("projects/{UNSPECIFIED}/zones/{zone}/disks/{disk}"));
    }
    // A zone is its region and one more part: europe-west1-b.
    let region = |zone: &str| zone.rsplit_once('-').map(|(region, _)| region.to_owned());
    let of_first = region(first)?;
    let all_alike = zones.split("__").all(|zone| region(zone).as_ref() == Some(&of_first));
    all_alike.then(|| format!("projects/{UNSPECIFIED}/regions/{of_first}/disks/{disk}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ebs_ids_lose_their_zone() {
        assert_eq!(ebs_handle("vol-0a1"), Some("vol-0a1"));
        assert_eq!(ebs_handle("aws://eu-west-1a/vol-0a1"), Some("vol-0a1"));
        assert_eq!(ebs_handle("aws:///vol-0a1"), Some("vol-0a1"));
        assert_eq!(ebs_handle("aws://eu-west-1a/disk-1"), None);
    }

    #[test]
    fn gce_disks_are_named_by_their_zones() {
        let volume = |zones: &str| -> PersistentVolume {
            let labels = serde_json::json!({ "topology.kubernetes.io/zone": zones });
            serde_json::from_value(serde_json::json!({ "metadata": { "labels": labels } })).unwrap()
        };
        let handle = |zones| gce_handle(&volume(zones), "d").unwrap();
        assert_eq!(handle(""), "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d");
        assert_eq!(handle("europe-west1-b"), "projects/UNSPECIFIED/zones/europe-west1-b/disks/d");
        assert_eq!(handle("europe-west1-b__europe-west1-c"), "projects/UNSPECIFIED/regions/europe-west1/disks/d");
        assert_eq!(gce_handle(&volume("europe-west1-b__us-east1-c"), "d"), None);
    }
}
