//! Annotations by which people keep pods and nodes where they are.

use model::{FindingCode, Policy, Time};

use super::support::{NOW, World, labels};
use super::{gone, pair, planned, planned_with, why_kept};

fn annotated(key: &str, value: &str, age_seconds: i64) -> World {
    pair(|world| {
        let pod = world.pod_mut("api-0");
        pod.annotations = labels(&[(key, value)]);
        pod.created = Some(Time(NOW.0 - age_seconds));
    })
}

/// Group 6, K:2824, 2867, 2916.
#[test]
fn do_not_disrupt_holds_until_it_is_over_and_where_nobody_can_read_it() {
    let key = "karpenter.sh/do-not-disrupt";
    assert!(gone(&annotated(key, "5m", 60)).is_empty(), "active");
    assert_eq!(gone(&annotated(key, "5m", 600)), ["a"], "expired");
    assert!(gone(&annotated(key, "tomorrow", 600)).is_empty(), "malformed");
    assert!(gone(&annotated(key, "true", 600)).is_empty());
}

/// Group 16, drain_test: safe-to-evict.
#[test]
fn safe_to_evict_keeps_a_pod_and_overrides_nothing() {
    let key = "cluster-autoscaler.kubernetes.io/safe-to-evict";
    assert!(gone(&annotated(key, "false", 600)).is_empty());
    assert!(gone(&annotated(key, "on-completion", 600)).is_empty());
    assert_eq!(gone(&annotated(key, "true", 600)), ["a"]);
    let mut bare = annotated(key, "true", 600);
    bare.pod_mut("api-0").controller = None;
    assert!(gone(&bare).is_empty(), "nothing would make it anew");
}

/// Group 20, D defaultevictor: request-evict.
#[test]
fn a_pod_whose_owner_evicts_by_itself_stays() {
    assert!(gone(&annotated("descheduler.alpha.kubernetes.io/request-evict-only", "", 600)).is_empty());
}

/// Group 3, K:2462; group 20, minPodAge.
#[test]
fn nodes_of_young_pods_stay_where_the_policy_says_so() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    for (name, node) in [("one", "a"), ("two", "b"), ("three", "c")] {
        world.deployment(name, 500, &[node], |_| {});
    }
    world.pod_mut("one-0").created = Some(Time(NOW.0 - 60));
    let policy = Policy { least_age_seconds: 3_600, ..Policy::default() };
    let plan = planned_with(&world, &world.prices(), &policy);
    assert_eq!(plan.nodes.remove, ["b".into(), "c".into()]);
    assert_eq!(why_kept(&plan, "a"), FindingCode::PodNotEvictable);
}

/// Group 18: a node that people keep.
#[test]
fn an_annotated_node_stays() {
    let world = pair(|world| world.node_mut("a").annotations = labels(&[("karpenter.sh/do-not-disrupt", "true")]));
    assert!(gone(&world).is_empty());
    assert_eq!(why_kept(&planned(&world), "a"), FindingCode::NodeAnnotationForbids);
}
