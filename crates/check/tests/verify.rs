//! Each rule of `verify`: a plan that keeps it and one that breaks it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use check::{Fault, Rule, verify};
use model::storage::{AccessMode, VolumeSource};
use model::{
    AddedNode, CapacityType, Method, Plan, Policy, Protected, ProtectedNode, Rollout, TaintEffect, Unpriced, UsdPerHour,
};
use support::*;

fn faults(world: &World, plan: &Plan) -> Vec<Fault> {
    verify(&world.snapshot, Some(&world.prices()), &Policy::default(), plan)
}

#[track_caller]
fn legal(world: &World, plan: &Plan) {
    let faults = faults(world, plan);
    assert!(faults.is_empty(), "{}", faults.iter().map(|fault| format!("{fault}\n")).collect::<String>());
}

/// The plan breaks this rule and no other.
#[track_caller]
fn breaks(world: &World, plan: &Plan, rule: Rule) {
    let faults = faults(world, plan);
    assert!(!faults.is_empty(), "no fault where {rule} is broken");
    assert!(
        faults.iter().all(|fault| fault.rule == rule),
        "expected {rule} alone: {}",
        faults.iter().map(|fault| format!("{fault}\n")).collect::<String>()
    );
}

/// Three nodes; `api` has a pod on each of `a` and `b`; `a` can go.
fn small() -> World {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.deployment("api", 1_000, &["a", "b"], |_| {});
    world
}

#[test]
fn an_emptied_node_may_go() {
    let world = small();
    legal(&world, &world.plan(&[(1, "api-0", "b")], &["a"]));
    legal(&world, &world.plan(&[], &[]));
    legal(&world, &world.plan(&[], &["c"]));
}

#[test]
fn a_plan_made_on_another_snapshot_is_judged_on_this_one() {
    let world = small();
    let mut plan = world.plan(&[(1, "api-0", "b")], &["a"]);
    plan.digest = "sha256:other".to_owned();
    legal(&world, &plan);
}

#[test]
fn a_step_names_its_pod_by_uid_place_and_workload() {
    let world = small();
    let plan = world.plan(&[(1, "api-0", "b")], &[]);
    let mut other = plan.clone();
    other.migrations[0].uid = "uid-of-another".into();
    breaks(&world, &other, Rule::PodIdentity);
    let mut other = plan.clone();
    other.migrations[0].pod = "nobody".into();
    breaks(&world, &other, Rule::PodIdentity);
    let mut other = plan.clone();
    other.migrations[0].from_node = "c".into();
    breaks(&world, &other, Rule::PodOrigin);
    let mut other = plan;
    other.migrations[0].workload.name = "other".into();
    breaks(&world, &other, Rule::PodWorkload);
}

#[test]
fn a_pod_moves_once() {
    let world = small();
    breaks(&world, &world.plan(&[(1, "api-0", "b"), (2, "api-0", "c")], &[]), Rule::MovesOnce);
}

#[test]
fn waves_are_counted_from_one_without_gaps() {
    let world = small();
    legal(&world, &world.plan(&[(1, "api-0", "c"), (2, "api-1", "c")], &[]));
    breaks(&world, &world.plan(&[(1, "api-0", "c"), (3, "api-1", "c")], &[]), Rule::WaveOrder);
    breaks(&world, &world.plan(&[(2, "api-0", "c"), (1, "api-1", "c")], &[]), Rule::WaveOrder);
    breaks(&world, &world.plan(&[(0, "api-0", "c")], &[]), Rule::WaveOrder);
}

#[test]
fn a_target_is_another_node_that_stays() {
    let world = small();
    breaks(&world, &world.plan(&[(1, "api-0", "nowhere")], &[]), Rule::TargetNode);
    breaks(&world, &world.plan(&[(1, "api-0", "a")], &[]), Rule::TargetNode);
    let found = faults(&world, &world.plan(&[(1, "api-0", "c")], &["c"]));
    assert!(found.iter().any(|fault| fault.rule == Rule::TargetNode), "{found:?}");
    let mut world = small();
    world.node_mut("c").ready = false;
    breaks(&world, &world.plan(&[(1, "api-0", "c")], &[]), Rule::TargetNode);
}

#[test]
fn a_removed_node_is_emptied_of_all_but_daemons() {
    let mut world = small();
    world.daemons("log", 100, &["a", "b", "c"]);
    legal(&world, &world.plan(&[(1, "api-0", "b")], &["a"]));
    breaks(&world, &world.plan(&[], &["a"]), Rule::RemovedNode);
    breaks(&world, &world.plan(&[], &["nowhere"]), Rule::RemovedNode);
}

#[test]
fn nodes_that_must_stay_stay() {
    let annotated = |key: &str| {
        let mut world = small();
        world.node_mut("c").annotations = labels(&[(key, "true")]);
        world
    };
    for key in ["cluster-autoscaler.kubernetes.io/scale-down-disabled", "karpenter.sh/do-not-disrupt"] {
        let world = annotated(key);
        breaks(&world, &world.plan(&[], &["c"]), Rule::KeptNode);
    }
    let mut world = small();
    world.node_mut("c").labels = labels(&[("node-role.kubernetes.io/control-plane", "")]);
    breaks(&world, &world.plan(&[], &["c"]), Rule::KeptNode);
}

#[test]
fn a_node_without_a_price_stays() {
    let world = small();
    let mut prices = world.prices();
    prices.nodes[0] = Err(Unpriced { reason: "no price".to_owned(), remedy: "give one".to_owned() });
    let mut plan = world.plan(&[(1, "api-0", "b")], &["a"]);
    summarise(&world.snapshot, &prices, &mut plan);
    let faults = verify(&world.snapshot, Some(&prices), &Policy::default(), &plan);
    assert_eq!(faults.iter().map(|fault| fault.rule).collect::<Vec<_>>(), [Rule::UnpricedNode]);
    assert!(verify(&world.snapshot, None, &Policy::default(), &plan).is_empty(), "without prices nothing is said");
}

#[test]
fn figures_follow_from_the_plan() {
    let world = small();
    let plan = world.plan(&[(1, "api-0", "b")], &["a"]);
    let broken: [fn(&mut Plan); 7] = [
        |plan| plan.summary.migrations = 2,
        |plan| plan.summary.waves = 2,
        |plan| plan.summary.nodes_before = 4,
        |plan| plan.summary.nodes_after = 3,
        |plan| plan.summary.nodes_unpriced = 1,
        |plan| plan.summary.usd_per_hour_before = UsdPerHour::ZERO,
        |plan| plan.summary.usd_per_hour_after = UsdPerHour::from_nanos(1),
    ];
    for breakage in broken {
        let mut plan = plan.clone();
        breakage(&mut plan);
        breaks(&world, &plan, Rule::Summary);
    }
}

#[test]
fn room_left_in_a_wave_is_free_only_after_it() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.deployment("big", 3_000, &["a"], |_| {}).deployment("other", 3_000, &["b"], |_| {});
    breaks(&world, &world.plan(&[(1, "other-0", "c"), (1, "big-0", "b")], &["a"]), Rule::NodeResourcesFit);
    legal(&world, &world.plan(&[(1, "other-0", "c"), (2, "big-0", "b")], &["a"]));
    // Both fit alone, not together.
    breaks(&world, &world.plan(&[(1, "other-0", "c"), (1, "big-0", "c")], &["a"]), Rule::NodeResourcesFit);
}

#[test]
fn ports_left_in_a_wave_are_free_only_after_it() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    let port = |spec: &mut model::PodSpec| {
        spec.host_ports = vec![model::HostPort { ip: "0.0.0.0".into(), protocol: "TCP".into(), port: 80 }];
    };
    world.deployment("one", 100, &["a"], port).deployment("two", 100, &["b"], port);
    breaks(&world, &world.plan(&[(1, "two-0", "c"), (1, "one-0", "b")], &["a"]), Rule::NodePorts);
    legal(&world, &world.plan(&[(1, "two-0", "c"), (2, "one-0", "b")], &["a"]));
}

#[test]
fn a_removed_node_is_cordoned_from_the_start() {
    let world = small();
    let found = faults(&world, &world.plan(&[(1, "api-0", "b"), (1, "api-1", "a")], &["a"]));
    assert!(found.iter().any(|fault| fault.rule == Rule::NodeUnschedulable), "{found:?}");
}

#[test]
fn spread_holds_in_every_order_of_a_wave() {
    // Two pods in z1, one in z2, one in z3; max skew 1.
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z2"), ("d", "z3"), ("e", "z3")]);
    world.deployment("api", 100, &["a", "b", "c", "d"], |spec| {
        spec.topology_spread = vec![spread(ZONE, 1, &[("app", "api")])];
    });
    world.budget("api", 4);
    legal(&world, &world.plan(&[(1, "api-0", "d")], &["a"]));
    // Taking z2's only pod to z3 leaves a domain of none.
    let found: Vec<Rule> =
        faults(&world, &world.plan(&[(1, "api-2", "d")], &[])).iter().map(|fault| fault.rule).collect();
    assert_eq!(found, [Rule::ZonesSurvived, Rule::PodTopologySpread]);
    // In list order fine, for z2 has two before it gives one to z1; in the other order z2 is empty while z1 has three.
    let both = world.plan(&[(1, "api-0", "c"), (1, "api-2", "a")], &[]);
    let found = faults(&world, &both);
    assert!(found.iter().any(|fault| fault.message.starts_with("in another order")), "{found:?}");
    assert!(found.iter().all(|fault| fault.rule == Rule::PodTopologySpread), "{found:?}");
}

#[test]
fn a_domain_is_gone_with_its_last_node() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z3")]);
    world.deployment("api", 100, &["a", "b", "b"], |spec| {
        spec.topology_spread = vec![spread(ZONE, 1, &[("app", "api")])];
    });
    world.budget("api", 4);
    // While empty z3 is there, the second and third pod in z2 are too many; when it is gone, z1 with one is the least.
    breaks(&world, &world.plan(&[(1, "api-1", "a")], &[]), Rule::PodTopologySpread);
    world.deployment("other", 100, &["b", "b"], |_| {});
    world.budget("other", 4);
    legal(&world, &world.plan(&[(1, "other-0", "a"), (2, "api-1", "a")], &["c"]));
}

#[test]
fn affinity_counts_only_pods_that_stay() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z3")]);
    world.deployment("cache", 100, &["b"], |_| {});
    world.deployment("api", 100, &["b"], |spec| spec.pod_affinity = vec![term(ZONE, &[("app", "cache")])]);
    breaks(&world, &world.plan(&[(1, "cache-0", "c"), (1, "api-0", "c")], &[]), Rule::InterPodAffinity);
    legal(&world, &world.plan(&[(1, "cache-0", "c"), (2, "api-0", "c")], &[]));
    breaks(&world, &world.plan(&[(1, "api-0", "a")], &[]), Rule::InterPodAffinity);
}

#[test]
fn the_first_of_its_kind_may_go_anywhere_but_only_alone() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z3")]);
    world.deployment("api", 100, &["a"], |spec| spec.pod_affinity = vec![term(ZONE, &[("app", "api")])]);
    legal(&world, &world.plan(&[(1, "api-0", "b")], &["a"]));
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z3")]);
    for name in ["one", "two"] {
        world.deployment(name, 100, &["a"], |spec| spec.pod_affinity = vec![term(ZONE, &[("group", "both")])]);
        world.pod_mut(&format!("{name}-0")).labels = labels(&[("group", "both")]);
    }
    breaks(&world, &world.plan(&[(1, "one-0", "b"), (1, "two-0", "b")], &["a"]), Rule::InterPodAffinity);
}

#[test]
fn anti_affinity_holds_against_all_that_left_and_come() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1"), ("d", "z1"), ("e", "z1")]);
    world.deployment("db", 100, &["a", "b", "e"], |spec| {
        spec.pod_anti_affinity = vec![term(HOSTNAME, &[("app", "db")])];
    });
    world.budget("db", 4);
    legal(&world, &world.plan(&[(1, "db-0", "c")], &["a"]));
    breaks(&world, &world.plan(&[(1, "db-0", "b")], &["a"]), Rule::InterPodAffinity);
    breaks(&world, &world.plan(&[(1, "db-1", "d"), (1, "db-0", "b")], &[]), Rule::InterPodAffinity);
    legal(&world, &world.plan(&[(1, "db-1", "d"), (2, "db-0", "b")], &[]));
    // One that has no terms itself is unwelcome too.
    world.deployment("visitor", 100, &["c"], |_| {});
    world.pod_mut("visitor-0").labels = labels(&[("app", "db"), ("kind", "visitor")]);
    breaks(&world, &world.plan(&[(1, "visitor-0", "b")], &[]), Rule::InterPodAffinity);
}

#[test]
fn users_of_one_claim_stay_together() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.claim("data", AccessMode::ReadWriteOnce, VolumeSource::Other);
    world.deployment("one", 100, &["a"], |spec| spec.volumes = vec![claim_volume("data")]);
    world.deployment("two", 100, &["a"], |spec| spec.volumes = vec![claim_volume("data")]);
    legal(&world, &world.plan(&[(1, "one-0", "b"), (1, "two-0", "b")], &["a"]));
    breaks(&world, &world.plan(&[(1, "one-0", "b"), (1, "two-0", "c")], &["a"]), Rule::SharedClaim);
    breaks(&world, &world.plan(&[(1, "one-0", "b"), (2, "two-0", "b")], &["a"]), Rule::SharedClaim);
}

#[test]
fn a_claim_for_one_pod_moves_with_it() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.claim("data", AccessMode::ReadWriteOncePod, VolumeSource::Other);
    world.deployment("one", 100, &["a"], |spec| spec.volumes = vec![claim_volume("data")]);
    legal(&world, &world.plan(&[(1, "one-0", "b")], &["a"]));
    world.deployment("two", 100, &["b"], |spec| spec.volumes = vec![claim_volume("data")]);
    breaks(&world, &world.plan(&[(1, "one-0", "b")], &["a"]), Rule::VolumeRestrictions);
}

#[test]
fn a_budget_is_never_overdrawn_in_a_wave() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.deployment("api", 1_000, &["a", "b", "b"], |_| {}).budget("api", 1);
    legal(&world, &world.plan(&[(1, "api-0", "c"), (2, "api-1", "c")], &[]));
    breaks(&world, &world.plan(&[(1, "api-0", "c"), (1, "api-1", "c")], &[]), Rule::BudgetExceeded);
    let changed: [fn(&mut model::PodDisruptionBudget); 4] = [
        |budget| budget.disruptions_allowed = 0,
        |budget| budget.disruptions_allowed = -1,
        |budget| budget.generation = 1,
        |budget| budget.disrupted_pods = 2_001,
    ];
    for change in changed {
        let mut world = small();
        world.budget("api", 1);
        change(&mut world.snapshot.budgets[0]);
        breaks(&world, &world.plan(&[(1, "api-0", "c")], &[]), Rule::BudgetExceeded);
    }
}

#[test]
fn a_pod_that_is_not_ready_spends_nothing_of_a_healthy_budget() {
    let mut world = small();
    world.budget("api", 0);
    world.pod_mut("api-0").ready = false;
    legal(&world, &world.plan(&[(1, "api-0", "c")], &[]));
    world.snapshot.budgets[0].current_healthy = 1;
    breaks(&world, &world.plan(&[(1, "api-0", "c")], &[]), Rule::BudgetExceeded);
}

#[test]
fn a_pod_under_two_budgets_stays() {
    let mut world = small();
    world.budget("api", 5).budget("api", 5);
    world.snapshot.budgets[1].name = "second".into();
    breaks(&world, &world.plan(&[(1, "api-0", "c")], &[]), Rule::BudgetDoubled);
}

#[test]
fn without_a_budget_a_quarter_of_the_ready_may_go() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.deployment("api", 100, &["a", "a", "a", "a", "b"], |_| {});
    // Five ready: a quarter, rounded up, is two.
    legal(&world, &world.plan(&[(1, "api-0", "c"), (1, "api-1", "c")], &[]));
    let three = [(1, "api-0", "c"), (1, "api-1", "c"), (1, "api-2", "c")];
    breaks(&world, &world.plan(&three, &[]), Rule::WorkloadQuarter);
    world.pod_mut("api-4").ready = false;
    breaks(&world, &world.plan(&[(1, "api-0", "c"), (1, "api-1", "c")], &[]), Rule::WorkloadQuarter);
}

#[test]
fn headroom_is_kept_on_arrival_alone() {
    let world = {
        let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
        world.deployment("api", 1_000, &["a"], |_| {}).deployment("full", 2_900, &["b"], |_| {});
        world
    };
    let verify = |plan: &Plan, per_mille: u32| {
        let policy = Policy { headroom_per_mille: per_mille, ..Policy::default() };
        verify(&world.snapshot, None, &policy, plan).iter().map(|fault| fault.rule).collect::<Vec<_>>()
    };
    let plan = world.plan(&[(1, "api-0", "b")], &["a"]);
    assert_eq!(verify(&plan, 25), []);
    assert_eq!(verify(&plan, 26), [Rule::Headroom]);
    assert_eq!(verify(&world.plan(&[(1, "api-0", "c")], &["a"]), 200), [], "node b is not judged");
}

#[test]
fn pending_pods_keep_their_room() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.deployment("api", 1_000, &["a"], |_| {}).deployment("big", 2_000, &["b"], |_| {});
    world.deployment("waiting", 3_500, &[""], |_| {});
    // Room for 3500m is on c alone.
    legal(&world, &world.plan(&[(1, "api-0", "b")], &[]));
    breaks(&world, &world.plan(&[(1, "api-0", "c")], &["a"]), Rule::PendingRoom);
    breaks(&world, &world.plan(&[], &["c"]), Rule::PendingRoom);
    // Once a is empty it has room as well, as long as it stays.
    legal(&world, &world.plan(&[(1, "api-0", "b")], &["c"]));
    legal(&world, &world.plan(&[(1, "api-0", "c")], &[]));
    // One that had no room has none to lose.
    world.pod_mut("waiting-0").requests.cpu = 4_500;
    legal(&world, &world.plan(&[], &["c"]));
}

#[test]
fn an_added_node_takes_pods_and_daemons() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.deployment("api", 1_000, &["a"], |_| {}).deployment("web", 1_000, &["b"], |_| {});
    world.daemons("log", 500, &["a", "b"]);
    let with_added = |name: &str, cpu: i64| {
        let mut added = node(name, "z1");
        added.allocatable.cpu = cpu;
        let mut plan = world.plan(&[(1, "api-0", "b"), (1, "web-0", "a")], &[]);
        plan.migrations[0].to_node = name.into();
        plan.migrations[1].to_node = name.into();
        plan.nodes.remove = vec!["a".into(), "b".into()];
        plan.nodes.add = vec![AddedNode {
            instance_type: "m.large".into(),
            capacity_type: CapacityType::OnDemand,
            zone: "z1".into(),
            usd_per_hour: UsdPerHour::from_nanos(500_000_000),
            node: added,
        }];
        summarise(&world.snapshot, &world.prices(), &mut plan);
        plan
    };
    legal(&world, &with_added("new", 2_500));
    breaks(&world, &with_added("new", 2_499), Rule::NodeResourcesFit);
    let mut plan = with_added("new", 2_500);
    plan.nodes.add[0].node.labels = labels(&[(HOSTNAME, "old"), (ZONE, "z1")]);
    breaks(&world, &plan, Rule::AddedNode);
    let mut plan = with_added("new", 2_500);
    plan.nodes.add[0].node.allocatable.memory = 0;
    assert!(faults(&world, &plan).iter().any(|fault| fault.rule == Rule::AddedNode));
    let mut plan = with_added("new", 2_500);
    plan.nodes.add[0].zone = "z9".into();
    breaks(&world, &plan, Rule::AddedNode);
    breaks(&world, &with_added("New", 2_500), Rule::AddedNode);
}

#[test]
fn what_may_not_be_evicted_stays() {
    let mut world = small();
    world.snapshot.workloads[0].rollout = Rollout::InProgress("1 of 2 updated".to_owned());
    breaks(&world, &world.plan(&[(1, "api-0", "c")], &[]), Rule::NotEvictable);
}

#[test]
fn what_was_broken_before_is_no_fault_of_the_plan() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z3")]);
    world.deployment("full", 9_000, &["b"], |_| {});
    world.deployment("skewed", 100, &["c", "c", "c"], |spec| {
        spec.topology_spread = vec![spread(ZONE, 1, &[("app", "skewed")])];
    });
    world.deployment("api", 100, &["a"], |_| {});
    legal(&world, &world.plan(&[(1, "api-0", "c")], &["a"]));
    world.node_mut("c").taints = vec![taint("gpu", "", TaintEffect::NoSchedule)];
    breaks(&world, &world.plan(&[(1, "api-0", "c")], &["a"]), Rule::TaintToleration);
}

fn breaks_policy(world: &World, policy: Policy, plan: &Plan) -> Vec<Rule> {
    let faults = verify(&world.snapshot, Some(&world.prices()), &policy, plan);
    faults.into_iter().map(|fault| fault.rule).collect()
}

#[test]
fn a_wave_moves_no_more_than_the_policy_allows() {
    let world = World::new(&[("a", "z1"), ("b", "z1")]).deployment("api", 100, &["a"; 8], |_| {}).clone();
    let two = |wave: u32| world.plan(&[(1, "api-0", "b"), (wave, "api-1", "b")], &[]);
    let one_a_wave = Policy { most_moves_per_wave: Some(1), ..Policy::default() };
    assert_eq!(breaks_policy(&world, Policy::default(), &two(1)), []);
    assert_eq!(breaks_policy(&world, one_a_wave.clone(), &two(1)), [Rule::WaveSize]);
    assert_eq!(breaks_policy(&world, one_a_wave, &two(2)), []);
}

#[test]
fn a_wave_takes_pods_of_a_workload_from_no_more_nodes_than_the_policy_allows() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.deployment("api", 100, &["a", "a", "a", "a", "b", "b", "b", "b"], |_| {});
    let one = || Policy { most_nodes_per_workload: Some(1), ..Policy::default() };
    let apart = |wave: u32| world.plan(&[(1, "api-0", "c"), (wave, "api-4", "c")], &[]);
    assert_eq!(breaks_policy(&world, Policy::default(), &apart(1)), []);
    assert_eq!(breaks_policy(&world, one(), &apart(1)), [Rule::WaveNodes]);
    assert_eq!(breaks_policy(&world, one(), &apart(2)), []);
    assert_eq!(breaks_policy(&world, one(), &world.plan(&[(1, "api-0", "c"), (1, "api-1", "c")], &[])), []);
}

#[test]
fn a_protected_node_stays_empty_or_not() {
    let world = small();
    let by = |node: ProtectedNode| {
        let protected = Protected { nodes: [node].into(), ..Protected::default() };
        breaks_policy(&world, Policy { protected, ..Policy::default() }, &world.plan(&[(1, "api-0", "b")], &["a"]))
    };
    assert!(by(ProtectedNode::Named("a".into())).contains(&Rule::KeptNode));
    assert!(by(ProtectedNode::Labelled(HOSTNAME.into(), "a".into())).contains(&Rule::NotEvictable));
    assert_eq!(by(ProtectedNode::Named("b".into())), [], "it may still receive pods");
}

#[test]
fn a_pod_of_several_replicas_stays_in_its_zone_where_the_policy_keeps_zones() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z2")]);
    world.deployment("api", 100, &["a", "c"], |_| {}).deployment("lone", 100, &["a"], |_| {});
    let keep = || Policy { keep_zones: true, ..Policy::default() };
    assert_eq!(breaks_policy(&world, keep(), &world.plan(&[(1, "api-0", "b")], &[])), []);
    assert_eq!(
        breaks_policy(&world, keep(), &world.plan(&[(1, "api-0", "c")], &[])),
        [Rule::ZonesSurvived, Rule::ZoneKept]
    );
    world.deployment("more", 100, &["a", "b", "c"], |_| {});
    assert_eq!(breaks_policy(&world, keep(), &world.plan(&[(1, "more-0", "c")], &[])), [Rule::ZoneKept]);
    assert_eq!(breaks_policy(&world, Policy::default(), &world.plan(&[(1, "more-0", "c")], &[])), []);
    assert_eq!(breaks_policy(&world, keep(), &world.plan(&[(1, "lone-0", "c")], &[])), [], "there is nothing to keep");
    world.node_mut("a").labels = labels(&[(HOSTNAME, "a")]);
    assert_eq!(breaks_policy(&world, keep(), &world.plan(&[(1, "api-0", "c")], &[])), [], "nobody knows its zone");
}

#[test]
fn a_plan_moves_no_more_and_saves_no_less_than_the_policy_says() {
    let world = small();
    let plan = world.plan(&[(1, "api-0", "b")], &["a"]);
    let dollars = |dollars: f64| UsdPerHour::from_dollars(dollars).unwrap();
    let moves = |most: u32| Policy { most_moves: Some(most), ..Policy::default() };
    assert_eq!(breaks_policy(&world, moves(1), &plan), []);
    assert_eq!(breaks_policy(&world, moves(0), &plan), [Rule::PlanSize]);
    let saves = |least: f64| Policy { least_saved: dollars(least), ..Policy::default() };
    assert_eq!(breaks_policy(&world, saves(1.0), &plan), []);
    assert_eq!(breaks_policy(&world, saves(1.01), &plan), [Rule::Savings]);
    assert_eq!(breaks_policy(&world, saves(1.01), &world.plan(&[], &[])), [], "it changes nothing");
    let each = |least: f64| Policy { least_saved_per_move: dollars(least), ..Policy::default() };
    let two = world.plan(&[(1, "api-0", "b"), (2, "api-1", "c")], &["a"]);
    assert_eq!(breaks_policy(&world, each(1.0), &plan), []);
    assert_eq!(breaks_policy(&world, each(0.5), &two), []);
    assert_eq!(breaks_policy(&world, each(0.6), &two), [Rule::Savings]);
}

#[test]
fn a_wave_leaves_a_ready_pod_where_there_are_several() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.deployment("api", 100, &["a", "b"], |_| {}).budget("api", 4);
    breaks(&world, &world.plan(&[(1, "api-0", "c"), (1, "api-1", "c")], &[]), Rule::LastReadyPod);
    legal(&world, &world.plan(&[(1, "api-0", "c"), (2, "api-1", "c")], &[]));
    world.pod_mut("api-1").ready = false;
    legal(&world, &world.plan(&[(1, "api-0", "c"), (1, "api-1", "c")], &[]));
}

#[test]
fn a_workload_stands_in_as_many_zones_after_each_wave() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z3"), ("d", "z4"), ("e", "z1")]);
    world.deployment("api", 100, &["a", "b", "c"], |_| {}).budget("api", 4);
    breaks(&world, &world.plan(&[(1, "api-0", "b")], &[]), Rule::ZonesSurvived);
    legal(&world, &world.plan(&[(1, "api-0", "d")], &[]));
    // Three zones before and after, but one alone while both pods are on their way.
    breaks(&world, &world.plan(&[(1, "api-0", "d"), (1, "api-1", "e")], &[]), Rule::ZonesSurvived);
    legal(&world, &world.plan(&[(1, "api-0", "d"), (2, "api-1", "e")], &[]));
    world.node_mut("d").labels = labels(&[(HOSTNAME, "d")]);
    breaks(&world, &world.plan(&[(1, "api-0", "d")], &[]), Rule::ZonesSurvived);
}

/// The world's plan with every step a surge.
fn surging(world: &World, moves: &[(u32, &str, &str)], remove: &[&str]) -> Plan {
    let mut plan = world.plan(moves, remove);
    plan.migrations.iter_mut().for_each(|step| step.method = Method::Surge);
    plan
}

#[test]
fn a_surge_takes_nothing_from_a_budget_and_does_not_blink() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2")]);
    world.deployment("lone", 1_000, &["a"], |_| {}).surges("lone").budget("lone", 0);
    breaks(&world, &world.plan(&[(1, "lone-0", "b")], &["a"]), Rule::BudgetExceeded);
    let plan = surging(&world, &[(1, "lone-0", "b")], &["a"]);
    legal(&world, &plan);
    let careful = Policy { fewest_replicas: 2, most_risk: model::Risk::Low, ..Policy::default() };
    assert_eq!(breaks_policy(&world, careful, &plan), []);
    world.budget("lone", 1);
    breaks(&world, &plan, Rule::BudgetDoubled);
}

#[test]
fn a_surge_restarts_one_pod_alone_and_brings_the_new_one_up_first() {
    let world = |change: fn(&mut World)| {
        let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
        world.claim("shared", AccessMode::ReadWriteMany, VolumeSource::Other);
        world.claim("own", AccessMode::ReadWriteOnce, VolumeSource::Other);
        world.deployment("lone", 1_000, &["a"], |_| {}).surges("lone");
        change(&mut world);
        world
    };
    let spec = |world: &mut World, change: fn(&mut model::PodSpec)| {
        change(std::sync::Arc::make_mut(&mut world.pod_mut("lone-0").spec));
    };
    let allowed: [fn(&mut World); 2] = [
        |_| {},
        |world| std::sync::Arc::make_mut(&mut world.pod_mut("lone-0").spec).volumes.push(claim_volume("shared")),
    ];
    for change in allowed {
        let world = world(change);
        legal(&world, &surging(&world, &[(1, "lone-0", "b")], &["a"]));
    }
    let mut broken: Vec<World> = vec![
        world(|world| world.snapshot.workloads[0].surges = false),
        world(|world| world.snapshot.workloads[0].replicas = Some(2)),
        world(|world| world.pod_mut("lone-0").controller = Some(owner("StatefulSet", "lone"))),
        world(|world| world.snapshot.workloads[0].reference.kind = "Rollout".into()),
    ];
    for change in [
        (|spec| spec.volumes.push(claim_volume("own"))) as fn(&mut model::PodSpec),
        |spec| spec.topology_spread.push(self::spread(ZONE, 1, &[("app", "lone")])),
        |spec| spec.pod_anti_affinity.push(term(ZONE, &[("app", "lone")])),
    ] {
        let mut world = world(|_| {});
        spec(&mut world, change);
        broken.push(world);
    }
    for world in broken {
        let found = faults(&world, &surging(&world, &[(1, "lone-0", "b")], &["a"]));
        assert!(found.iter().any(|fault| fault.rule == Rule::CannotSurge), "{found:?}");
    }
}

#[test]
fn the_old_pod_is_there_while_the_new_one_comes_up() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.deployment("lone", 1_000, &["a"], |spec| spec.pod_anti_affinity.push(term(HOSTNAME, &[("app", "lone")])));
    world.surges("lone");
    legal(&world, &surging(&world, &[(1, "lone-0", "b")], &["a"]));
    world.node_mut("b").labels = labels(&[(HOSTNAME, "a"), (ZONE, "z1")]);
    breaks(&world, &surging(&world, &[(1, "lone-0", "b")], &["a"]), Rule::InterPodAffinity);
    legal(&world, &world.plan(&[(1, "lone-0", "b")], &["a"]));
}
