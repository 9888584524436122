//! Legal plans, broken in every way that a rule forbids: each mutation is caught by the rule it breaks.
#![allow(clippy::unwrap_used, clippy::panic)]

mod mutate;
mod support;

use model::{AddedNode, CapacityType, Policy, UsdPerHour};
use mutate::{Case, assert_all_caught};
use support::*;

fn case(world: &World, moves: &[(u32, &str, &str)], remove: &[&str]) -> Case {
    Case {
        snapshot: world.snapshot.clone(),
        prices: world.prices(),
        policy: Policy::default(),
        plan: world.plan(moves, remove),
    }
}

/// Six nodes in three zones, of which two go; spread, anti-affinity, budgets, daemons and a pending pod.
fn company() -> Case {
    let mut world = World::new(&[("a", "z1"), ("b", "z2"), ("c", "z3"), ("d", "z1"), ("e", "z2"), ("f", "z3")]);
    world
        .deployment("api", 500, &["a", "b", "c", "d"], |spec| {
            spec.topology_spread = vec![spread(ZONE, 2, &[("app", "api")])];
        })
        .deployment("db", 500, &["a", "b", "c"], |spec| {
            spec.pod_anti_affinity = vec![term(HOSTNAME, &[("app", "db")])];
        })
        .deployment("web", 300, &["a", "a", "b", "d", "e", "f"], |_| {})
        .deployment("cache", 200, &["b"], |_| {})
        .deployment("front", 200, &["b", "e"], |spec| spec.pod_affinity = vec![term(ZONE, &[("app", "cache")])])
        .deployment("waiting", 1_000, &[""], |_| {})
        .budget("api", 1)
        .budget("db", 1)
        .daemons("log", 100, &["a", "b", "c", "d", "e", "f"]);
    let moves = [(1, "api-0", "d"), (1, "db-0", "d"), (1, "web-0", "e"), (1, "web-1", "c"), (2, "web-5", "d")];
    case(&world, &moves, &["a", "f"])
}

/// The second wave needs the room that the first one leaves.
fn chain() -> Case {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1"), ("d", "z1")]);
    world.deployment("big", 3_000, &["a"], |_| {}).deployment("other", 3_000, &["b"], |_| {}).deployment(
        "small",
        500,
        &["d", "d"],
        |_| {},
    );
    case(&world, &[(1, "other-0", "c"), (2, "big-0", "b")], &["a"])
}

/// Two nodes make way for one that is bought.
fn bought() -> Case {
    let mut world = World::new(&[("a", "z1"), ("b", "z1"), ("c", "z1")]);
    world.deployment("api", 500, &["a", "b"], |_| {}).deployment("stay", 500, &["c"], |_| {});
    world.daemons("log", 100, &["a", "b", "c"]);
    let mut case = case(&world, &[(1, "api-0", "c"), (2, "api-1", "c")], &["a", "b"]);
    let new = AddedNode {
        instance_type: "m.large".into(),
        capacity_type: CapacityType::Spot,
        zone: "z1".into(),
        usd_per_hour: UsdPerHour::from_nanos(500_000_000),
        node: node("new", "z1"),
    };
    case.plan.nodes.add.push(new);
    for step in &mut case.plan.migrations {
        step.to_node = "new".into();
    }
    summarise(&case.snapshot, &case.prices, &mut case.plan);
    case
}

#[test]
fn every_mutation_of_a_consolidation_is_caught() {
    assert!(assert_all_caught(&company()) > 300);
}

#[test]
fn every_mutation_of_a_chain_is_caught() {
    assert!(assert_all_caught(&chain()) > 100);
}

#[test]
fn every_mutation_of_a_purchase_is_caught() {
    assert!(assert_all_caught(&bought()) > 100);
}

#[test]
fn waves_that_depend_on_each_other_cannot_be_swapped_or_merged() {
    let found = |change: fn(&mut model::Plan)| {
        let mut case = chain();
        change(&mut case.plan);
        summarise(&case.snapshot, &case.prices, &mut case.plan);
        let faults = check::verify(&case.snapshot, Some(&case.prices), &case.policy, &case.plan);
        faults.iter().map(|fault| fault.rule).collect::<Vec<_>>()
    };
    let swapped = found(|plan| {
        plan.migrations.reverse();
        plan.migrations[0].wave = 1;
        plan.migrations[1].wave = 2;
    });
    assert_eq!(swapped, [check::Rule::NodeResourcesFit]);
    let merged = found(|plan| plan.migrations[1].wave = 1);
    assert_eq!(merged, [check::Rule::NodeResourcesFit]);
}
