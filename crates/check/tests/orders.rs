//! A wave is legal in any order: small random waves against every permutation of their steps, each walked plainly.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::Arc;

use check::{Rule, State, verify};
use model::{HostPort, Phase, Plan, Pod, Policy, Snapshot};
use support::*;

/// The filters that other pods decide.
const BY_OTHERS: [Rule; 4] = [Rule::NodeResourcesFit, Rule::NodePorts, Rule::PodTopologySpread, Rule::InterPodAffinity];

#[test]
fn what_verify_passes_is_legal_in_every_order() {
    let (mut passed, mut refused, mut overcautious) = (0, 0, 0);
    for seed in 0..4_000 {
        let (world, plan) = wave(seed);
        let faults = verify(&world.snapshot, None, &Policy::default(), &plan);
        let is_refused = faults.iter().any(|fault| BY_OTHERS.contains(&fault.rule));
        let is_legal =
            permutations(plan.migrations.len()).iter().all(|order| is_legal_in(&world.snapshot, &plan, order));
        match (is_refused, is_legal) {
            (false, true) => passed += 1,
            (true, false) => refused += 1,
            (false, false) => panic!("seed {seed}: some order is illegal, and nothing was found: {plan:#?}"),
            (true, true) => {
                // A step within one domain empties it for a moment, and arrivals are not relied upon: only there may
                // the check refuse what every order of whole steps allows.
                let by_room = [Rule::NodeResourcesFit, Rule::NodePorts];
                assert!(faults.iter().all(|fault| !by_room.contains(&fault.rule)), "seed {seed}: {faults:#?}");
                overcautious += 1;
            }
        }
    }
    eprintln!("{passed} passed, {refused} refused, {overcautious} refused out of caution");
    assert!(passed > 300 && refused > 300 && overcautious * 10 < passed);
}

fn wave(seed: u64) -> (World, Plan) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let mut below = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % bound
    };
    let nodes = ["a", "b", "c", "d", "e"];
    let zones: Vec<String> = nodes.iter().map(|_| format!("z{}", below(3))).collect();
    let mut world = World::new(&nodes.iter().zip(&zones).map(|(node, zone)| (*node, &**zone)).collect::<Vec<_>>());
    let mut names = Vec::new();
    for app in ["x", "y", "z"] {
        let count = 1 + below(3) as usize;
        let on: Vec<&str> = (0..count).map(|_| nodes[below(5) as usize]).collect();
        let (kind, skew, other) = (below(6), 1 + below(2) as i32, ["x", "y", "z"][below(3) as usize]);
        let (key, has_port) = ([ZONE, HOSTNAME][below(2) as usize], below(8) == 0);
        world.deployment(app, 400 + 400 * below(4) as i64, &on, |spec| {
            match kind {
                0 | 1 => spec.topology_spread = vec![spread(key, skew, &[("app", app)])],
                2 => spec.pod_anti_affinity = vec![term(key, &[("app", other)])],
                3 => spec.pod_affinity = vec![term(ZONE, &[("app", other)])],
                _ => {}
            }
            if has_port {
                spec.host_ports = vec![HostPort { ip: "0.0.0.0".into(), protocol: "TCP".into(), port: 80 }];
            }
        });
        world.budget(app, 10);
        names.extend((0..count).map(|at| format!("{app}-{at}")));
    }
    let mut moves: Vec<(u32, &str, &str)> = Vec::new();
    for name in &names {
        let to = nodes[below(5) as usize];
        if moves.len() < 4 && below(2) == 0 && world.pod(name).node.as_deref() != Some(to) {
            moves.push((1, name, to));
        }
    }
    let plan = world.plan(&moves, &[]);
    (world, plan)
}

/// Applies the steps one by one; what left still holds its room and its ports and keeps off whom it kept off, and
/// nobody relies on it.
fn is_legal_in(snapshot: &Snapshot, plan: &Plan, order: &[usize]) -> bool {
    let mut done: Vec<usize> = Vec::new();
    for step in order {
        for ghosts in [true, false] {
            let moment = moment(snapshot, plan, &done, ghosts);
            let migration = &plan.migrations[*step];
            let pod = moment.pods.iter().position(|pod| pod.name == migration.pod).unwrap();
            let node = moment.nodes.iter().position(|node| node.name == migration.to_node).unwrap();
            if State::new(&moment).rejects(pod, node).is_some() {
                return false;
            }
        }
        done.push(*step);
    }
    true
}

fn moment(snapshot: &Snapshot, plan: &Plan, done: &[usize], ghosts: bool) -> Snapshot {
    let mut moment = snapshot.clone();
    for step in done {
        let migration = &plan.migrations[*step];
        let pod = moment.pods.iter_mut().find(|pod| pod.name == migration.pod).unwrap();
        let ghost = Pod {
            name: format!("ghost-of-{}", pod.name).into(),
            terminating: true,
            phase: Phase::Running,
            spec: Arc::new((*pod.spec).clone()),
            ..pod.clone()
        };
        pod.node = Some(migration.to_node.clone());
        if ghosts {
            moment.pods.push(ghost);
        }
    }
    moment
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(count - 1) {
        for at in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(at, count - 1);
            all.push(longer);
        }
    }
    all
}
