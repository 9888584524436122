//! What was collected becomes a snapshot: sorted, workloads found, and every oddity a finding.

mod findings;
mod owners;

use std::fmt::Write;

use model::Snapshot;
use sha2::{Digest, Sha256};

use crate::collect::Collected;

/// Makes the snapshot. `cluster` is used where the input does not name its cluster itself.
pub(crate) fn assemble(mut collected: Collected, cluster: &str) -> Snapshot {
    let taken_at = collected.taken_at();
    let kinds = collected.kinds();
    let named = collected.info.as_ref().map(|info| info.cluster.clone()).filter(|name| !name.is_empty());
    collected.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    collected.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    collected.budgets.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    collected.limit_ranges.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    collected.quotas.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    collected.csi_capacities.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    collected.volume_attachments.sort_by(|a, b| a.name.cmp(&b.name));

    let owners = owners::resolve(&mut collected.pods, &collected.controllers, &collected.autoscalers, &kinds);
    let mut snapshot = Snapshot {
        cluster: named.unwrap_or_else(|| cluster.to_owned()),
        taken_at,
        digest: digest(collected.sha256.into_iter().map(|(_, sha256)| sha256).collect()),
        nodes: collected.nodes,
        pods: collected.pods,
        namespaces: collected.namespaces,
        workloads: owners.workloads,
        budgets: collected.budgets,
        limit_ranges: collected.limit_ranges,
        quotas: collected.quotas,
        volumes: collected.volumes,
        claims: collected.claims,
        storage_classes: collected.storage_classes,
        csi_nodes: collected.csi_nodes,
        csi_drivers: collected.csi_drivers,
        csi_capacities: collected.csi_capacities,
        volume_attachments: collected.volume_attachments,
        node_pools: collected.node_pools,
        usage: collected.usage,
        kinds,
        findings: Vec::new(),
    };
    snapshot.findings = findings::of_notes(&collected.notes);
    snapshot.findings.extend(owners.findings);
    findings::mark_unreadable_nodes(&mut snapshot, &collected.notes);
    let noticed = findings::of_snapshot(&snapshot);
    snapshot.findings.extend(noticed);
    snapshot
}

/// `sha256:…` over the sorted digests of all objects, so that neither order nor source matters.
fn digest(mut of_objects: Vec<[u8; 32]>) -> String {
    of_objects.sort_unstable();
    let mut hasher = Sha256::new();
    for one in &of_objects {
        hasher.update(one);
    }
    let mut text = "sha256:".to_owned();
    for byte in hasher.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
