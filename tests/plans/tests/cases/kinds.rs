//! Kinds of pods: who runs them, and what they hold on to.

use std::sync::Arc;

use model::storage::{AccessMode, VolumeSource};
use model::{PodSpec, Policy, Volume};

use super::support::{World, claim_volume, owner};
use super::{gone, pair, planned_with};

fn of(kind: &str) -> World {
    pair(|world| world.pod_mut("api-0").controller = Some(owner(kind, "api")))
}

fn with(change: impl FnOnce(&mut PodSpec)) -> World {
    pair(|world| {
        world.claim("disk", AccessMode::ReadWriteOnce, VolumeSource::Local);
        change(Arc::make_mut(&mut world.pod_mut("api-0").spec));
    })
}

/// Group 16, drain_test: pods of controllers that make them anew.
#[test]
fn pods_of_controllers_move() {
    for kind in ["ReplicaSet", "ReplicationController", "StatefulSet", "CustomThing"] {
        assert_eq!(gone(&of(kind)), ["a"], "{kind}");
    }
}

/// Group 16: bare pods, Jobs, owners that are being deleted.
#[test]
fn pods_that_nobody_makes_anew_stay() {
    assert!(gone(&of("Job")).is_empty());
    assert!(gone(&pair(|world| world.pod_mut("api-0").controller = None)).is_empty());
    assert!(gone(&pair(|world| world.snapshot.workloads[0].owner_gone = true)).is_empty());
}

/// Group 16: a pod that is long in going still holds its room.
#[test]
fn a_pod_being_deleted_is_waited_for() {
    assert!(gone(&pair(|world| world.pod_mut("api-0").terminating = true)).is_empty());
}

/// Group 16: local volumes.
#[test]
fn local_volumes_stay_and_empty_dirs_as_the_policy_says() {
    assert!(gone(&with(|spec| spec.volumes.push(Volume::HostPath { volume: "x".into() }))).is_empty());
    assert!(gone(&with(|spec| spec.volumes.push(claim_volume("disk")))).is_empty());
    let scratch = with(|spec| spec.volumes.push(Volume::EmptyDir { volume: "x".into(), in_memory: false }));
    assert_eq!(gone(&scratch), ["a"]);
    let careful = Policy { keep_empty_dir: true, ..Policy::default() };
    assert!(planned_with(&scratch, &scratch.prices(), &careful).nodes.remove.is_empty());
}

/// Group 18, DRA; group 20, ResourceClaims.
#[test]
fn pods_with_resource_claims_stay() {
    assert!(gone(&with(|spec| spec.has_resource_claims = true)).is_empty());
}

/// Group 20, D defaultevictor: minReplicas.
#[test]
fn workloads_of_few_replicas_stay_where_the_policy_says_so() {
    let world = pair(|_| {});
    let policy = Policy { fewest_replicas: 2, ..Policy::default() };
    assert!(planned_with(&world, &world.prices(), &policy).nodes.remove.is_empty());
    assert_eq!(gone(&world), ["a"]);
}
