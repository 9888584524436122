//! Volumes that nobody uses: released or never claimed, and claims that no pod mounts. What they cost is unknown: no
//! price per GiB is known here.

use std::collections::BTreeSet;

use model::storage::VolumeSource;
use model::{Finding, FindingCode, Name, Severity, Snapshot, Subject};

use super::Ground;

pub(super) fn find(ground: &Ground<'_>) -> Vec<Finding> {
    let snapshot = ground.snapshot;
    let mut findings = unclaimed(snapshot);
    // A claim is unused only where all pods were seen.
    if snapshot.has("Pod") {
        findings.extend(unmounted(snapshot));
    }
    findings
}

fn unclaimed(snapshot: &Snapshot) -> Vec<Finding> {
    // A disk or folder of a node is paid for with the node.
    let is_of_a_node = |source: &VolumeSource| matches!(source, VolumeSource::Local | VolumeSource::HostPath);
    let mut findings = Vec::new();
    for (name, volume) in
        snapshot.volumes.iter().filter(|(_, volume)| !is_of_a_node(&volume.source) && !volume.terminating)
    {
        let (state, hint) = match &*volume.phase {
            "Released" => ("its claim is gone", "delete it, and the disk behind it, if its data is not needed"),
            "Failed" => ("its reclamation failed", "delete it, and the disk behind it, if its data is not needed"),
            "Available" => ("no claim has taken it", "delete it, and the disk behind it, if none is to come"),
            _ => continue,
        };
        let message = format!("{} GiB, and {state}", gib(volume.capacity));
        findings.push(orphan("PersistentVolume", name.to_string(), message, hint));
    }
    findings
}

fn unmounted(snapshot: &Snapshot) -> Vec<Finding> {
    let mut mounted: BTreeSet<(Name, Name)> = BTreeSet::new();
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        mounted.extend(pod.claims().map(|claim| (pod.namespace.clone(), claim)));
    }
    let mut findings = Vec::new();
    for (key, claim) in snapshot.claims.iter().filter(|(key, _)| !mounted.contains(*key)) {
        // Unbound, there is no disk.
        if &*claim.phase != "Bound" || claim.terminating {
            continue;
        }
        let message = format!("{} GiB, and no pod mounts it", gib(claim.request));
        let hint = "a stateful set scaled to zero keeps its claims; otherwise delete it if its data is not needed";
        findings.push(orphan("PersistentVolumeClaim", format!("{}/{}", key.0, key.1), message, hint));
    }
    findings
}

fn orphan(kind: &str, name: String, message: String, hint: &str) -> Finding {
    let subject = Subject::Object { kind: kind.to_owned(), name, source: String::new() };
    Finding::new(FindingCode::OrphanedVolume, subject, message).severity(Severity::Warning).hint(hint)
}

/// Whole GiB, rounded up.
fn gib(bytes: i64) -> i64 {
    (bytes.max(0) >> 30) + i64::from(bytes.max(0) & ((1 << 30) - 1) != 0)
}

#[cfg(test)]
mod tests {
    use crate::analyze::testing::{Cluster, GIB};
    use model::FindingCode;
    use model::storage::{PersistentVolume, PersistentVolumeClaim, VolumeSource};

    fn volume(name: &str, phase: &str, source: VolumeSource) -> PersistentVolume {
        PersistentVolume { name: name.into(), phase: phase.into(), capacity: 10 * GIB, source, ..Default::default() }
    }

    #[test]
    fn volumes_without_a_claim_are_orphans_of_unknown_cost_but_not_those_of_nodes() {
        let mut cluster = Cluster::new();
        for (name, phase, source) in [
            ("bound", "Bound", VolumeSource::Other),
            ("local", "Available", VolumeSource::Local),
            ("released", "Released", VolumeSource::Other),
        ] {
            cluster.snapshot.volumes.insert(name.into(), volume(name, phase, source));
        }
        let found = cluster.analyze().of(FindingCode::OrphanedVolume);
        assert_eq!(found, ["PersistentVolume released unknown: 10 GiB, and its claim is gone"]);
    }

    #[test]
    fn a_claim_that_no_pod_mounts_is_an_orphan_where_all_pods_were_seen() {
        let mut cluster = Cluster::new();
        for name in ["used", "unused"] {
            let claim = PersistentVolumeClaim { phase: "Bound".into(), request: GIB + 1, ..Default::default() };
            cluster.snapshot.claims.insert(("default".into(), name.into()), claim);
        }
        let cluster = cluster.node("a", 1_000, GIB, None).workload("w", None).pod("w", "a", 1, 1).mounting("used");
        assert!(cluster.clone().without_kind("Pod").analyze().of(FindingCode::OrphanedVolume).is_empty());
        let found = cluster.analyze().of(FindingCode::OrphanedVolume);
        assert_eq!(found, ["PersistentVolumeClaim default/unused unknown: 2 GiB, and no pod mounts it"]);
    }
}
