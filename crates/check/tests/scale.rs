//! A large legal plan: half the nodes go, every second pod moves. `NODES=1000 PENDING=100` and a release build show the time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use check::verify;
use model::{AddedNode, CapacityType, Policy, UsdPerHour};
use support::*;

const REPLICAS: usize = 20;

/// Nodes in pairs of one zone; each deployment is on even or on odd nodes alone, never two of its pods on one.
fn world(nodes: usize) -> (World, Vec<(u32, String, String)>, Vec<String>) {
    let name = |at: usize| format!("node-{at:05}");
    let zone = |at: usize| format!("z{}", at / 2 % 3);
    let mut world = World::default();
    world.snapshot.taken_at = NOW;
    world.snapshot.digest = "sha256:large".to_owned();
    world.snapshot.namespaces.insert("web".into(), labels(&[]));
    world.snapshot.nodes = (0..nodes).map(|at| node(&name(at), &zone(at))).collect();
    for node in &mut world.snapshot.nodes {
        node.allocatable.memory = 256 * GI;
        node.allocatable.cpu = 16_000;
    }
    let mut moves = Vec::new();
    let mut pods = Vec::new();
    for deployment in 0..nodes * 10 / REPLICAS {
        let app = format!("app-{deployment:05}");
        let mut one = World::default();
        let on = |replica: usize| 2 * ((deployment / 2 + replica * 7) % (nodes / 2)) + deployment % 2;
        let names: Vec<String> = (0..REPLICAS).map(|replica| name(on(replica))).collect();
        one.deployment(&app, 100, &names.iter().map(|name| &**name).collect::<Vec<_>>(), |spec| {
            match deployment % 10 {
                0..3 => {
                    spec.topology_spread =
                        vec![spread(ZONE, 12, &[("app", &app)]), spread(HOSTNAME, 3, &[("app", &app)])]
                }
                3..5 => spec.pod_anti_affinity = vec![term(HOSTNAME, &[("app", &app)])],
                _ => {}
            }
        });
        if deployment % 3 == 0 {
            world.budget(&app, 5);
        }
        let workload = world.workload("Deployment", &app, REPLICAS);
        for (replica, mut pod) in one.snapshot.pods.into_iter().enumerate() {
            pod.workload = Some(workload);
            let from: usize = pod.node.as_ref().unwrap()[5..].parse().unwrap();
            if from % 2 == 1 {
                moves.push((replica as u32 / 5 + 1, pod.name.to_string(), name(from - 1)));
            }
            pods.push(pod);
        }
    }
    let pending = std::env::var("PENDING").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    for waiting in 0..pending {
        pods.push(pod(&format!("waiting-{waiting}"), "waiting", 500));
    }
    pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    world.snapshot.pods = pods;
    moves.sort();
    (world, moves, (0..nodes).filter(|at| at % 2 == 1).map(name).collect())
}

#[test]
fn a_large_legal_plan_has_no_fault() {
    let nodes = std::env::var("NODES").ok().and_then(|text| text.parse().ok()).unwrap_or(80);
    let (world, moves, remove) = world(nodes);
    let moves: Vec<(u32, &str, &str)> = moves.iter().map(|(wave, pod, to)| (*wave, &**pod, &**to)).collect();
    let mut plan = world.plan(&moves, &remove.iter().map(|name| &**name).collect::<Vec<_>>());
    plan.nodes.add.push(AddedNode {
        instance_type: "m.large".into(),
        capacity_type: CapacityType::OnDemand,
        zone: "z1".into(),
        usd_per_hour: UsdPerHour::from_nanos(1),
        node: node("spare", "z1"),
    });
    summarise(&world.snapshot, &world.prices(), &mut plan);
    let begin = std::time::Instant::now();
    let faults = verify(&world.snapshot, Some(&world.prices()), &Policy::default(), &plan);
    eprintln!("{nodes} nodes, {} pods, {} steps: {:?}", world.snapshot.pods.len(), moves.len(), begin.elapsed());
    assert!(faults.is_empty(), "{} faults, first {}", faults.len(), faults[0]);
}
