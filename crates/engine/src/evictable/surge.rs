//! Surge: the new pod comes up before the old one goes, where a Deployment of one replica is restarted.

use model::placement::WhenUnsatisfiable;
use model::storage::AccessMode;
use model::{Method, Pod, Snapshot, Volume};

use super::Evictable;

/// The only topology over which rules about other pods let a new pod run beside the old one, on another node.
const HOSTNAME: &str = "kubernetes.io/hostname";

impl Evictable<'_> {
    /// How the pod moves, where it may.
    pub fn method(&self, number: usize) -> Method {
        if self.surges[number] { Method::Surge } else { Method::Evict }
    }

    /// Why the new pod cannot come up first, in words about the pod; `None` where it can.
    pub(super) fn no_surge(&self, pod: &Pod) -> Option<&'static str> {
        let workload = self.snapshot.workload_of(pod);
        let is_of_replica_set = pod.controller.as_ref().is_some_and(|owner| &*owner.kind == "ReplicaSet");
        if workload.is_none_or(|workload| &*workload.reference.kind != "Deployment") || !is_of_replica_set {
            return Some("no Deployment runs it, which could bring its new pod up first");
        }
        let seen = pod.workload.and_then(|workload| self.seen.get(workload as usize));
        if workload.and_then(|workload| workload.replicas) != Some(1) || seen != Some(&1) {
            return Some("to bring a new pod up first would restart all pods of its Deployment");
        }
        if !workload.is_some_and(|workload| workload.surges) {
            return Some("its Deployment does not bring a new pod up first (maxSurge above 0, maxUnavailable 0)");
        }
        if !volumes_can_be_shared(self.snapshot, pod) {
            return Some("its volumes cannot be on two nodes, as they were with its new pod up first");
        }
        if looks_beyond_its_node(pod) {
            return Some(
                "its affinity or spread looks at more than its node, so its new pod may have no place beside it",
            );
        }
        None
    }
}

/// Can a pod on another node use all of its volumes at the same time?
fn volumes_can_be_shared(snapshot: &Snapshot, pod: &Pod) -> bool {
    pod.spec.volumes.iter().all(|volume| match volume {
        Volume::Claim { claim } => {
            let claim = snapshot.claims.get(&(pod.namespace.clone(), claim.clone()));
            claim.is_some_and(|claim| {
                [AccessMode::ReadWriteMany, AccessMode::ReadOnlyMany]
                    .iter()
                    .any(|mode| claim.access_modes.contains(mode))
            })
        }
        Volume::GcePersistentDisk { read_only, .. }
        | Volume::Iscsi { read_only, .. }
        | Volume::Rbd { read_only, .. } => *read_only,
        Volume::Ephemeral { .. } | Volume::AwsElasticBlockStore { .. } | Volume::InTree { .. } => false,
        Volume::EmptyDir { .. } | Volume::HostPath { .. } | Volume::Other => true,
    })
}

fn looks_beyond_its_node(pod: &Pod) -> bool {
    let spec = &pod.spec;
    let is_hard = |when: WhenUnsatisfiable| when == WhenUnsatisfiable::DoNotSchedule;
    let spread = spec.topology_spread.iter().filter(|constraint| is_hard(constraint.when_unsatisfiable));
    !spec.pod_affinity.is_empty()
        || spec.pod_anti_affinity.iter().any(|term| &*term.topology_key != HOSTNAME)
        || spread.map(|constraint| &*constraint.topology_key).any(|key| key != HOSTNAME)
}
