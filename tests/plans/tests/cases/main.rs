//! What the peers test, as behaviours of ours: a plan is made of a small cluster, and must be legal.
//!
//! Each test names the group of behaviours that it is from: K is Karpenter, CA the cluster autoscaler, D the descheduler.
//! Not here, since they are about carrying plans out: budgets of node pools while nodes are disrupted (group 11), and
//! what is left over, timed out or queued (13). Not modelled, so nothing to say: how many types a spot node must be
//! replaceable by (8), buffer pods and static pools (14). What containers, sidecars and overhead ask for (20) is read by
//! `observe::convert::requests`, and tested there.
#![allow(clippy::unwrap_used)] // A cluster that cannot be made shows itself.

mod annotations;
mod budgets;
mod kinds;
mod money;
mod neighbours;
mod room;
#[path = "../../../../crates/check/tests/support/mod.rs"]
mod support;

use check::verify;
use engine::{default_strategy, plan};
use model::{Finding, FindingCode, Plan, Policy, Prices, Subject};
use support::World;

/// The plan of the default strategy, which the check finds legal.
#[track_caller]
fn planned_with(world: &World, prices: &Prices, policy: &Policy) -> Plan {
    let plan = plan(&world.snapshot, prices, policy, default_strategy());
    let faults = verify(&world.snapshot, Some(prices), policy, &plan);
    assert!(faults.is_empty(), "{}", faults[0]);
    plan
}

#[track_caller]
fn planned(world: &World) -> Plan {
    planned_with(world, &world.prices(), &Policy::default())
}

/// The nodes that go, by name.
#[track_caller]
fn gone(world: &World) -> Vec<String> {
    planned(world).nodes.remove.iter().map(ToString::to_string).collect()
}

fn why_kept(plan: &Plan, node: &str) -> FindingCode {
    let of_node = |finding: &&Finding| finding.subject == Subject::Node(node.into());
    plan.findings.iter().find(of_node).map(|finding| finding.code).unwrap()
}

/// Nodes a and b, of which a could go but for its only pod `api-0`.
fn pair(change: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(&[("a", "z1"), ("b", "z1")]);
    world.deployment("api", 500, &["a"], |_| {}).deployment("big", 3_000, &["b"], |_| {});
    world.pod_mut("big-0").controller = None;
    change(&mut world);
    world
}
