//! Room for pods that are pending is kept on the way, wave by wave, whatever else the plan moves.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use check::verify;
use engine::{plan, strategies};
use model::node::UNSCHEDULABLE_TAINT;
use model::{Phase, Policy, Snapshot, Taint, TaintEffect};
use plans::{adopt_all, planned_state, prices_by_size};

fn corners(seed: u64) -> Snapshot {
    let mut snapshot = observe::read_values("corners", std::iter::once(scenario::corners(seed))).unwrap();
    adopt_all(&mut snapshot);
    snapshot
}

fn fleet(seed: u64) -> Snapshot {
    let (nodes, pods) = (8 + seed as usize % 25, 80 + seed as usize * 37 % 250);
    let objects: Vec<_> = scenario::fleet(seed, nodes, pods).objects().collect();
    observe::read_values("fleet", objects.into_iter()).unwrap()
}

/// Some pods wait again, and some nodes are cordoned, or are not any more.
fn shaken(mut snapshot: Snapshot, seed: u64) -> Snapshot {
    let mut random = fastrand::Rng::with_seed(seed);
    let one_in = random.usize(2..25);
    for pod in snapshot.pods.iter_mut().filter(|pod| !pod.is_daemon() && !pod.is_static() && !pod.is_finished()) {
        if random.usize(0..one_in) == 0 {
            (pod.node, pod.phase, pod.ready) = (None, Phase::Pending, false);
        }
    }
    for node in &mut snapshot.nodes {
        if random.usize(0..6) == 0 {
            node.unschedulable = !node.unschedulable;
            node.taints.retain(|taint| &*taint.key != UNSCHEDULABLE_TAINT);
            if node.unschedulable {
                let key = UNSCHEDULABLE_TAINT.into();
                node.taints.push(Taint { key, value: "".into(), effect: TaintEffect::NoSchedule });
            }
        }
    }
    snapshot
}

/// Plans by every strategy, and again from where they lead; gives how many steps there were.
fn keep_room(name: &str, snapshot: &Snapshot, policy: &Policy) -> usize {
    let prices = prices_by_size(snapshot);
    let mut steps = 0;
    for strategy in strategies() {
        let plan = plan(snapshot, &prices, policy, strategy);
        steps += plan.migrations.len();
        let faults = verify(snapshot, Some(&prices), policy, &plan);
        assert!(faults.is_empty(), "{name} {}: {} faults: {:?}", strategy.name(), faults.len(), faults[0]);
        let after = planned_state(snapshot, &plan);
        let prices = prices_by_size(&after);
        let again = engine::plan(&after, &prices, policy, strategy);
        let faults = verify(&after, Some(&prices), policy, &again);
        assert!(faults.is_empty(), "{name} {} again: {} faults: {:?}", strategy.name(), faults.len(), faults[0]);
    }
    steps
}

#[test]
fn pods_that_wait_keep_their_room_in_any_corner() {
    let headroom = Policy { headroom_per_mille: 50, ..Policy::aggressive() };
    let mut steps = 0;
    for seed in 0..400 {
        let snapshot = shaken(corners(seed), seed);
        for (name, policy) in [("medium", &Policy::medium()), ("with headroom", &headroom)] {
            steps += keep_room(&format!("corners({seed}), {name}"), &snapshot, policy);
        }
    }
    assert!(steps > 400, "only {steps} steps were planned: the clusters show nothing");
}

#[test]
fn pods_that_wait_keep_their_room_in_fleets() {
    let mut steps = 0;
    for seed in 0..60 {
        let name = format!("fleet({seed})");
        steps += keep_room(&name, &shaken(fleet(seed), seed), &Policy::medium());
    }
    assert!(steps > 5_000, "only {steps} steps were planned: the fleets show nothing");
}
