//! Budgets, as the eviction API counts.

use model::{FindingCode, Method, Phase, UnhealthyPodEvictionPolicy};

use super::support::{World, labels};
use super::{gone, pair, planned, why_kept};

/// Group 4, K:1839.
#[test]
fn a_budget_of_none_keeps_the_node() {
    let world = pair(|world| {
        world.budget("api", 0);
    });
    assert!(gone(&world).is_empty());
    assert_eq!(why_kept(&planned(&world), "a"), FindingCode::PodNotEvictable);
    let allowed = pair(|world| {
        world.budget("api", 1);
    });
    assert_eq!(gone(&allowed), ["a"]);
}

/// Beyond the peers: a single replica moves by surge, which takes nothing from a budget.
#[test]
fn a_budget_of_none_lets_a_single_replica_surge() {
    let world = pair(|world| {
        world.surges("api").budget("api", 0);
    });
    let plan = planned(&world);
    assert_eq!(plan.nodes.remove.len(), 1);
    assert_eq!(plan.migrations[0].method, Method::Surge);
}

/// Group 4, K:1893.
#[test]
fn an_unhealthy_pod_may_go_where_its_budget_says_always() {
    let world = |unhealthy_policy: UnhealthyPodEvictionPolicy| {
        let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
        world.deployment("api", 500, &["a", "b"], |_| {}).budget("api", 0);
        world.snapshot.budgets[0].unhealthy_policy = unhealthy_policy;
        world.snapshot.budgets[0].current_healthy = 1;
        world.snapshot.budgets[0].desired_healthy = 2;
        world.pod_mut("api-0").ready = false;
        world
    };
    assert_eq!(gone(&world(UnhealthyPodEvictionPolicy::AlwaysAllow)), ["a"]);
    assert!(gone(&world(UnhealthyPodEvictionPolicy::IfHealthyBudget)).is_empty());
}

/// Group 4, K:1980.
#[test]
fn a_budget_of_another_namespace_covers_nothing() {
    let world = pair(|world| {
        world.budget("api", 0);
        world.snapshot.budgets[0].namespace = "other".into();
    });
    assert_eq!(gone(&world), ["a"]);
}

/// Group 5, K:1447 and 1558; of daemons' pods (1400) none is evicted here, so their budgets are not asked.
#[test]
fn what_is_not_evicted_asks_no_budget() {
    let daemons = pair(|world| {
        world.daemons("log", 100, &["a", "b"]).budget("log", 0);
    });
    assert_eq!(gone(&daemons), ["a"]);
    let mirror = pair(|world| {
        world.deployment("static", 100, &["a"], |_| {}).budget("static", 0);
        world.pod_mut("static-0").annotations = labels(&[("kubernetes.io/config.mirror", "x")]);
    });
    assert_eq!(gone(&mirror), ["a"]);
    let finished = pair(|world| {
        world.deployment("done", 100, &["a"], |_| {}).budget("done", 0);
        world.pod_mut("done-0").phase = Phase::Succeeded;
    });
    assert_eq!(gone(&finished), ["a"]);
}

/// Group 16, drain_test: pods of kube-system.
#[test]
fn a_system_pod_moves_only_with_a_budget() {
    let world = |budget: bool| {
        pair(|world| {
            world.budget("api", 1);
            world.pod_mut("api-0").namespace = "kube-system".into();
            world.snapshot.budgets[0].namespace = if budget { "kube-system".into() } else { "web".into() };
            world.snapshot.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        })
    };
    assert_eq!(gone(&world(true)), ["a"]);
    assert!(gone(&world(false)).is_empty());
}
