//! What pods ask of other pods.

use super::support::{HOSTNAME, World, ZONE, labels, spread, term};
use super::{gone, planned};

/// Group 9, K:4525.
#[test]
fn spread_over_zones_is_kept() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z2")]);
    world.deployment("api", 500, &["a", "b"], |spec| spec.topology_spread = vec![spread(ZONE, 1, &[("app", "api")])]);
    world.deployment("web", 500, &["c"], |_| {});
    let plan = planned(&world);
    assert_eq!(plan.nodes.remove.len(), 1);
    assert!(!plan.nodes.remove.contains(&"a".into()), "z1 has no other node");
}

/// Group 9, K:4599.
#[test]
fn pods_that_keep_off_each_others_nodes_do_not_meet() {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.deployment("db", 500, &["a", "b"], |spec| spec.pod_anti_affinity = vec![term(HOSTNAME, &[("app", "db")])]);
    assert!(gone(&world).is_empty());
}

/// Group 15, topology:2466: the other one has the rule.
#[test]
fn a_pod_does_not_go_where_another_keeps_it_off() {
    let world = |namespaces: Vec<model::Name>| {
        let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
        world.deployment("db", 500, &["a"], |_| {});
        world.deployment("shy", 500, &["b"], |spec| {
            spec.pod_anti_affinity = vec![term(HOSTNAME, &[("app", "db")])];
            spec.pod_anti_affinity[0].namespaces = namespaces;
        });
        world
    };
    assert!(gone(&world(Vec::new())).is_empty());
    // Group 15, topology:2843; group 20: only namespaces that the term names.
    assert_eq!(gone(&world(vec!["other".into()])).len(), 1);
}

/// Group 20, D node_test: anti-affinity by its topology key.
#[test]
fn anti_affinity_is_over_its_topology_key() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z2")]);
    world.deployment("db", 500, &["a"], |_| {});
    world.deployment("shy", 500, &["b"], |spec| spec.pod_anti_affinity = vec![term(ZONE, &[("app", "db")])]);
    let plan = planned(&world);
    let to = |step: &model::Migration| world.snapshot.node(&step.to_node).unwrap().zone().cloned();
    assert_eq!(plan.nodes.remove.len(), 1, "c, or b");
    assert!(plan.migrations.iter().all(|step| to(step) == Some("z2".into())), "{:?}", plan.migrations);
}

/// Group 15, topology:2040: the first of its kind may go anywhere.
#[test]
fn a_pod_with_affinity_to_its_own_kind_moves_alone() {
    let mut world = World::new(&[("a", "z1"), ("b", "z2")]);
    world.deployment("api", 500, &["a"], |spec| spec.pod_affinity = vec![term(ZONE, &[("app", "api")])]);
    world.deployment("bare", 3_000, &["b"], |_| {});
    world.pod_mut("bare-0").controller = None;
    assert_eq!(gone(&world), ["a"]);
    world.pod_mut("api-0").labels = labels(&[("app", "other")]);
    assert!(gone(&world).is_empty(), "it asks for what is nowhere");
}
