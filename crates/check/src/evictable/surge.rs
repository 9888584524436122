//! Where a restart of the pod's Deployment brings the new pod up first, and takes no other pod along.

use model::placement::WhenUnsatisfiable;
use model::storage::AccessMode;
use model::{Pod, Volume};

use super::{Blocker, Evictions};

pub(super) fn allows(evictions: &Evictions<'_>, pod: &Pod) -> Result<(), Blocker> {
    let not = |why: &'static str| Err(Blocker::CannotSurge(why));
    let Some(workload) = evictions.snapshot.workload_of(pod) else { return not("nobody knows its workload") };
    let controller = pod.controller.as_ref().map(|controller| &*controller.kind);
    if &*workload.reference.kind != "Deployment" || controller != Some("ReplicaSet") {
        return not("no Deployment runs it");
    }
    let live = pod.workload.and_then(|workload| evictions.unfinished.get(workload as usize)).copied();
    if workload.replicas != Some(1) || live != Some(1) {
        return not("it is not the only pod of its Deployment, and all would be restarted");
    }
    if !workload.surges {
        return not("its Deployment takes the old pod away first, or may");
    }
    if pod.spec.volumes.iter().any(|volume| !is_shareable(evictions, pod, volume)) {
        return not("a volume of it can be used on one node alone");
    }
    const BY_NODE: &str = "kubernetes.io/hostname";
    let spec = &pod.spec;
    let is_filter = |when: WhenUnsatisfiable| when == WhenUnsatisfiable::DoNotSchedule;
    let spread_over = spec.topology_spread.iter().filter(|constraint| is_filter(constraint.when_unsatisfiable));
    let keeps_off = spec.pod_anti_affinity.iter().map(|term| &*term.topology_key);
    let mut domains = spread_over.map(|constraint| &*constraint.topology_key).chain(keeps_off);
    if !spec.pod_affinity.is_empty() || domains.any(|key| key != BY_NODE) {
        return not("what it asks of other pods looks beyond its node, and the old pod is one of them");
    }
    Ok(())
}

fn is_shareable(evictions: &Evictions<'_>, pod: &Pod, volume: &Volume) -> bool {
    match volume {
        Volume::Claim { claim } => {
            let found = evictions.snapshot.claims.get(&(pod.namespace.clone(), claim.clone()));
            let is_shared = |mode: &AccessMode| matches!(mode, AccessMode::ReadWriteMany | AccessMode::ReadOnlyMany);
            found.is_some_and(|claim| claim.access_modes.iter().any(is_shared))
        }
        Volume::Ephemeral { .. } | Volume::AwsElasticBlockStore { .. } | Volume::InTree { .. } => false,
        Volume::GcePersistentDisk { read_only, .. } => *read_only,
        Volume::Iscsi { read_only, .. } => *read_only,
        Volume::Rbd { read_only, .. } => *read_only,
        Volume::EmptyDir { .. } | Volume::HostPath { .. } | Volume::Other => true,
    }
}
