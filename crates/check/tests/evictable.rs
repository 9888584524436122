//! What may not be evicted, each reason by name, and the pod as it was, which may.

mod support;

use std::sync::Arc;

use check::{Blocker, evictable};
use model::placement::{Toleration, TolerationOperator};
use model::storage::{AccessMode, VolumeSource};
use model::{Phase, Pod, PodSpec, Policy, Protected, Risk, Rollout, SystemPods, TaintEffect, Time, Volume};
use support::*;

fn world() -> World {
    let mut world = World::new(&[("a", "z1")]);
    world.claim("shared", AccessMode::ReadWriteOnce, VolumeSource::Other);
    world.claim("disk", AccessMode::ReadWriteOnce, VolumeSource::Local);
    world.deployment("api", 100, &["a", "a"], |_| {});
    world
}

#[track_caller]
fn blocked(change: impl FnOnce(&mut World), policy: Policy) -> Option<Blocker> {
    let mut world = world();
    change(&mut world);
    evictable(&world.snapshot, &policy, world.pod("api-0")).err()
}

fn by_pod(change: impl FnOnce(&mut Pod)) -> Option<Blocker> {
    blocked(|world| change(world.pod_mut("api-0")), Policy::default())
}

fn by_spec(change: impl FnOnce(&mut PodSpec)) -> Option<Blocker> {
    by_pod(|pod| change(Arc::make_mut(&mut pod.spec)))
}

#[test]
fn an_ordinary_pod_may_be_evicted() {
    assert_eq!(by_pod(|_| {}), None);
    assert_eq!(by_spec(|spec| spec.volumes.push(claim_volume("shared"))), None);
    assert_eq!(by_spec(|spec| spec.volumes.push(Volume::EmptyDir { volume: "tmp".into(), in_memory: false })), None);
    assert_eq!(
        by_pod(|pod| pod.annotations = labels(&[("karpenter.sh/do-not-disrupt", "1h")])),
        None,
        "it is a day old"
    );
}

#[test]
fn the_pod_itself_blocks() {
    assert_eq!(by_pod(|pod| pod.phase = Phase::Failed), Some(Blocker::Finished));
    assert_eq!(by_pod(|pod| pod.terminating = true), Some(Blocker::Terminating));
    assert_eq!(by_pod(|pod| pod.node = None), Some(Blocker::NotOnNode));
    assert_eq!(by_pod(|pod| pod.node = Some("gone".into())), Some(Blocker::NotOnNode));
    assert_eq!(by_pod(|pod| pod.annotations = labels(&[("kubernetes.io/config.mirror", "x")])), Some(Blocker::Static));
    assert_eq!(by_pod(|pod| pod.controller = Some(owner("Node", "a"))), Some(Blocker::Static));
    assert_eq!(by_pod(|pod| pod.controller = Some(owner("DaemonSet", "log"))), Some(Blocker::DaemonSet));
    assert_eq!(by_pod(|pod| pod.controller = Some(owner("Job", "load"))), Some(Blocker::Job));
    assert_eq!(by_pod(|pod| pod.controller = None), Some(Blocker::Bare));
    let key = "cluster-autoscaler.kubernetes.io/safe-to-evict";
    assert_eq!(by_pod(|pod| pod.annotations = labels(&[(key, "false")])), Some(Blocker::Annotation(key.into())));
    let key = "karpenter.sh/do-not-disrupt";
    let young = |pod: &mut Pod| {
        pod.annotations = labels(&[(key, "1h")]);
        pod.created = Some(Time(NOW.0 - 600));
    };
    assert_eq!(by_pod(young), Some(Blocker::Annotation(key.into())));
}

#[test]
fn its_spec_blocks() {
    let host_path = Volume::HostPath { volume: "var".into() };
    assert_eq!(by_spec(|spec| spec.volumes.push(host_path)), Some(Blocker::HostPath("var".into())));
    assert_eq!(
        by_spec(|spec| spec.volumes.push(claim_volume("disk"))),
        Some(Blocker::NodeLocalVolume("pv-disk".into()))
    );
    let cordon = Toleration {
        key: "node.kubernetes.io/unschedulable".into(),
        operator: TolerationOperator::Exists,
        value: "".into(),
        effect: Some(TaintEffect::NoSchedule),
    };
    assert_eq!(by_spec(|spec| spec.tolerations.push(cordon)), Some(Blocker::ToleratesCordon));
    assert_eq!(by_spec(|spec| spec.has_resource_claims = true), Some(Blocker::ResourceClaims));
    assert_eq!(by_spec(|spec| spec.gang = Some("g".into())), Some(Blocker::Gang("g".into())));
    assert_eq!(by_spec(|spec| spec.scheduler_name = "volcano".into()), Some(Blocker::OtherScheduler("volcano".into())));
    assert_eq!(by_spec(|spec| spec.scheduling_gates = vec!["g".into()]), Some(Blocker::Gated("g".into())));
}

#[test]
fn its_workload_blocks() {
    let by_workload =
        |change: fn(&mut model::Workload)| blocked(|world| change(&mut world.snapshot.workloads[0]), Policy::default());
    assert_eq!(by_workload(|workload| workload.is_job = true), Some(Blocker::Job));
    assert_eq!(by_workload(|workload| workload.owner_gone = true), Some(Blocker::OwnerGone));
    let moving = |workload: &mut model::Workload| workload.rollout = Rollout::InProgress("1 of 2".to_owned());
    assert_eq!(by_workload(moving), Some(Blocker::RolloutInProgress("1 of 2".to_owned())));
    let none_ready = |world: &mut World| world.snapshot.pods.iter_mut().for_each(|pod| pod.ready = false);
    assert_eq!(blocked(none_ready, Policy::default()), Some(Blocker::NoReadyReplica));
}

#[test]
fn budgets_block() {
    let with = |change: fn(&mut World)| blocked(change, Policy::default());
    assert_eq!(with(|world| _ = world.budget("api", 1)), None);
    assert_eq!(with(|world| _ = world.budget("api", 0)), Some(Blocker::BudgetExhausted("web/api".to_owned())));
    let not_observed = |world: &mut World| {
        world.budget("api", 1);
        world.snapshot.budgets[0].generation = 2;
    };
    assert_eq!(with(not_observed), Some(Blocker::BudgetNotObserved("web/api".to_owned())));
    let two = |world: &mut World| _ = world.budget("api", 1).budget("api", 1);
    assert_eq!(with(two), Some(Blocker::BudgetDoubled("web/api, web/api".to_owned())));
    let system = |world: &mut World| {
        for pod in &mut world.snapshot.pods {
            pod.namespace = "kube-system".into();
        }
    };
    let mut in_system = world();
    system(&mut in_system);
    let found = evictable(&in_system.snapshot, &Policy::default(), &in_system.snapshot.pods[0]);
    assert_eq!(found, Err(Blocker::SystemPodWithoutBudget));
    in_system.budget("api", 1);
    in_system.snapshot.budgets[0].namespace = "kube-system".into();
    assert_eq!(evictable(&in_system.snapshot, &Policy::default(), &in_system.snapshot.pods[0]), Ok(()));
    let keep = Policy { system_pods: SystemPods::None, ..Policy::default() };
    assert_eq!(evictable(&in_system.snapshot, &keep, &in_system.snapshot.pods[0]), Err(Blocker::SystemPodKept));
    in_system.snapshot.budgets.clear();
    let all = Policy { system_pods: SystemPods::All, ..Policy::default() };
    assert_eq!(evictable(&in_system.snapshot, &all, &in_system.snapshot.pods[0]), Ok(()));
}

#[test]
fn the_policy_blocks_what_it_keeps() {
    let empty_dir = |world: &mut World| {
        let volume = Volume::EmptyDir { volume: "tmp".into(), in_memory: true };
        Arc::make_mut(&mut world.pod_mut("api-0").spec).volumes.push(volume);
    };
    let keep = Policy { keep_empty_dir: true, ..Policy::default() };
    assert_eq!(blocked(empty_dir, keep), Some(Blocker::EmptyDirKept("tmp".into())));
    let keep = Policy { keep_without_budget: true, ..Policy::default() };
    assert_eq!(blocked(|_| {}, keep.clone()), Some(Blocker::WithoutBudgetKept));
    assert_eq!(blocked(|world| _ = world.budget("api", 1), keep), None);
    let protecting = |protected: Protected| blocked(|_| {}, Policy { protected, ..Policy::default() });
    let namespaces = ["web".into()].into();
    assert_eq!(
        protecting(Protected { namespaces, ..Protected::default() }),
        Some(Blocker::NamespaceProtected("web".into()))
    );
    let workloads = |namespace: &str| [(namespace.into(), "api".into())].into();
    assert_eq!(
        protecting(Protected { workloads: workloads("web"), ..Protected::default() }),
        Some(Blocker::WorkloadProtected("Deployment web/api".to_owned()))
    );
    assert_eq!(protecting(Protected { workloads: workloads("shop"), ..Protected::default() }), None);
    let few =
        |policy: Policy, replicas: i64| blocked(|world| world.snapshot.workloads[0].replicas = Some(replicas), policy);
    let keep = Policy { fewest_replicas: 3, ..Policy::default() };
    assert_eq!(few(keep.clone(), 3), None);
    assert_eq!(few(keep, 2), Some(Blocker::FewReplicasKept(2)));
    assert_eq!(few(Policy::default(), 0), None, "scaled to zero, and still there");
}

#[test]
fn pods_younger_than_the_policy_wants_stay() {
    let at = |age: i64| {
        let policy = Policy { least_age_seconds: 3_600, ..Policy::default() };
        blocked(|world| world.pod_mut("api-0").created = Some(Time(NOW.0 - age)), policy)
    };
    assert_eq!(at(3_600), None);
    assert_eq!(at(3_599), Some(Blocker::TooYoung(3_599)));
    let made_later = |world: &mut World| world.pod_mut("api-0").created = Some(Time(NOW.0 + 60));
    assert_eq!(blocked(made_later, Policy::default()), None, "clocks differ");
}

#[test]
fn risk_above_the_policys_blocks() {
    let at = |most_risk: Risk, change: fn(&mut World)| blocked(change, Policy { most_risk, ..Policy::default() });
    let steady = |_: &mut World| {};
    let only = |world: &mut World| world.snapshot.workloads[0].replicas = Some(1);
    let system = |world: &mut World| Arc::make_mut(&mut world.pod_mut("api-0").spec).priority = 2_000_001_000;
    let stateful = |world: &mut World| world.pod_mut("api-0").controller = Some(owner("StatefulSet", "api"));
    let restarted = |world: &mut World| world.pod_mut("api-0").restarts = 7;
    let attached =
        |world: &mut World| Arc::make_mut(&mut world.pod_mut("api-0").spec).volumes.push(claim_volume("shared"));
    assert_eq!(at(Risk::Low, steady), None);
    for change in [only, system] {
        assert_eq!(at(Risk::Medium, change), Some(Blocker::TooRisky(Risk::High)));
        assert_eq!(at(Risk::High, change), None);
    }
    for change in [stateful, restarted, attached] {
        assert_eq!(at(Risk::Low, change), Some(Blocker::TooRisky(Risk::Medium)));
        assert_eq!(at(Risk::Medium, change), None);
    }
}
