//! Room: what fits, on which nodes, and what is left for others.

use std::sync::atomic::{AtomicUsize, Ordering};

use engine::{Work, default_strategy, plan_within};
use model::{FindingCode, Labels, Policy, Resources, TaintEffect};

use super::support::{World, labels, taint};
use super::{gone, pair, planned, why_kept};

/// Group 1, K:3442.
#[test]
fn no_node_goes_where_its_pod_would_go_pending() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.deployment("api", 3_000, &["a"], |_| {}).deployment("web", 3_000, &["b"], |_| {});
    assert!(gone(&world).is_empty());
    assert_eq!(why_kept(&planned(&world), "a"), FindingCode::PodsDoNotFit);
}

/// Group 1; group 17, CA planner_test: what was just evicted and waits must still fit.
#[test]
fn a_pending_pod_keeps_its_room() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.deployment("api", 500, &["a"], |_| {}).deployment("web", 500, &["b"], |_| {});
    assert_eq!(gone(&world).len(), 1);
    world.deployment("waits", 3_400, &[""], |_| {});
    assert!(gone(&world).is_empty());
}

/// Group 2, K:3004.
#[test]
fn a_node_that_is_not_ready_receives_nothing_and_stays() {
    let world = pair(|world| world.node_mut("b").ready = false);
    assert!(gone(&world).is_empty());
    assert_eq!(why_kept(&planned(&world), "b"), FindingCode::NodeNotReady);
}

/// Group 2, K:3245.
#[test]
fn a_node_with_a_start_up_taint_receives_nothing() {
    let starting = taint("node.cilium.io/agent-not-ready", "true", TaintEffect::NoSchedule);
    assert!(gone(&pair(|world| world.node_mut("b").taints = vec![starting])).is_empty());
    assert_eq!(gone(&pair(|_| {})), ["a"]);
}

/// Group 10, K:4301: not all can go, and so one does.
#[test]
fn where_not_all_can_go_one_goes() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    for (name, node) in [("one", "a"), ("two", "b"), ("three", "c")] {
        world.deployment(name, 1_500, &[node], |_| {});
    }
    assert_eq!(gone(&world).len(), 1);
}

/// Group 17, CA planner_test:179.
#[test]
fn several_nodes_go_together() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1"), ("d", "z1")]);
    for (name, node) in [("one", "a"), ("two", "b"), ("three", "c"), ("four", "d")] {
        world.deployment(name, 900, &[node], |_| {});
    }
    assert_eq!(gone(&world).len(), 3);
}

/// Group 17, CA planner_test:472.
#[test]
fn when_time_is_over_what_was_found_is_kept() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1"), ("d", "z1")]);
    for (name, node) in [("one", "a"), ("two", "b"), ("three", "c"), ("four", "d")] {
        world.deployment(name, 900, &[node], |_| {});
    }
    for most in 0..200 {
        let asked = AtomicUsize::new(0);
        let is_over = || asked.fetch_add(1, Ordering::Relaxed) >= most;
        let (prices, policy, work) = (world.prices(), Policy::default(), Work { is_over: &is_over, ..Work::default() });
        let plan = plan_within(&world.snapshot, &prices, &policy, default_strategy(), work);
        assert!(check::verify(&world.snapshot, Some(&prices), &policy, &plan).is_empty(), "{most}");
    }
}

/// Group 18, CA eligibility_test: how full a node is is no reason to keep it.
#[test]
fn a_full_node_goes_too_where_its_pods_fit() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.deployment("full", 3_900, &["a"], |_| {});
    assert_eq!(gone(&world), ["b"], "the empty one goes");
}

/// Group 18: DaemonSets' pods do not count as load.
#[test]
fn daemons_alone_keep_no_node() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.deployment("api", 500, &["b"], |_| {}).daemons("log", 2_000, &["a", "b"]);
    assert_eq!(gone(&world), ["a"]);
}

/// Group 19, D highnodeutilization: no room left on the targets, so it stops.
#[test]
fn as_many_nodes_go_as_the_others_can_take() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1"), ("d", "z1")]);
    for (name, node) in [("one", "a"), ("two", "b"), ("three", "c"), ("four", "d")] {
        world.deployment(name, 1_800, &[node], |_| {});
    }
    assert_eq!(gone(&world).len(), 2);
}

/// Group 19: what is asked for besides CPU and memory.
#[test]
fn an_extended_resource_must_be_there() {
    let gpu = || vec![("nvidia.com/gpu".into(), 1)];
    let world = pair(|world| {
        let pod = world.pod_mut("api-0");
        pod.requests = Resources { scalar: gpu(), ..pod.requests.clone() };
        pod.held = pod.requests.clone();
        world.node_mut("a").allocatable.scalar = gpu();
    });
    assert!(gone(&world).is_empty());
}

/// Group 19: selectors, and taints.
#[test]
fn selectors_and_taints_hold() {
    let selects = |key: &str| labels(&[(key, "yes")]);
    let with_selector = |node_labels: Labels| {
        pair(|world| {
            let spec = std::sync::Arc::make_mut(&mut world.pod_mut("api-0").spec);
            spec.node_selector = selects("disk");
            world.node_mut("b").labels = node_labels;
        })
    };
    assert!(gone(&with_selector(labels(&[]))).is_empty());
    assert_eq!(gone(&with_selector(selects("disk"))), ["a"]);
    let tainted = taint("dedicated", "batch", TaintEffect::NoExecute);
    assert!(gone(&pair(|world| world.node_mut("b").taints = vec![tainted])).is_empty());
}

/// Group 19, descheduler issue 725: all nodes are underused, and yet there is a plan.
#[test]
fn where_all_nodes_are_underused_there_is_a_plan() {
    let names: Vec<String> = (0..10).map(|at| format!("n{at}")).collect();
    let nodes: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "z1")).collect();
    let mut world = World::new(&nodes);
    for name in &names {
        world.deployment(&format!("app-{name}"), 400, &[name], |_| {});
    }
    assert_eq!(gone(&world).len(), 9);
}
