//! Small packings solved exactly by integer programming: no bound is above the optimum, and plans come near it.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use engine::{default_strategy, plan};
use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Problem};
use model::{Policy, Prices, Snapshot};
use plans::prices_by_size;
use serde_json::{Value, json};

/// Nodes of up to three sizes with pods that ask for CPU and memory and nothing else, each its own Deployment.
fn cluster(seed: u64) -> Snapshot {
    let mut random = fastrand::Rng::with_seed(seed);
    let nodes = random.usize(3..6);
    let mut items: Vec<Value> = Vec::new();
    let mut free: Vec<(i64, i64)> = Vec::new();
    for at in 0..nodes {
        let cores = [2, 4, 8][random.usize(0..3)];
        free.push((cores * 1_000, cores * 4_096));
        items.push(json!({ "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": format!("n{at}"), "labels": { "kubernetes.io/hostname": format!("n{at}") } },
            "status": { "allocatable": { "cpu": cores.to_string(), "memory": format!("{}Mi", cores * 4_096), "pods": "30" },
                "conditions": [{ "type": "Ready", "status": "True" }] } }));
    }
    for at in 0..random.usize(4..9) {
        let (cpu, memory) = (random.i64(2..14) * 100, random.i64(2..14) * 400);
        let fits: Vec<usize> = (0..nodes).filter(|node| free[*node].0 >= cpu && free[*node].1 >= memory).collect();
        let Some(node) = random.choice(&fits).copied() else { continue };
        free[node] = (free[node].0 - cpu, free[node].1 - memory);
        let owner = |kind: &str, name: String| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true }]);
        let app = format!("app-{at}");
        items.push(json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": app, "namespace": "web", "generation": 1 },
            "spec": { "replicas": 1 },
            "status": { "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1 } }));
        items.push(json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": { "name": format!("{app}-1"), "namespace": "web", "ownerReferences": owner("Deployment", app.clone()) },
            "spec": { "replicas": 1 } }));
        items.push(json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": format!("{app}-1-x"), "namespace": "web", "uid": app,
                "ownerReferences": owner("ReplicaSet", format!("{app}-1")) },
            "spec": { "nodeName": format!("n{node}"), "schedulerName": "default-scheduler", "containers": [{ "name": "a",
                "resources": { "requests": { "cpu": format!("{cpu}m"), "memory": format!("{memory}Mi") } } }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } }));
    }
    observe::read_values("small", items.into_iter()).unwrap()
}

/// The cheapest nodes that hold all pods, by branch and bound.
fn optimum(snapshot: &Snapshot, prices: &Prices) -> f64 {
    let mut program = Problem::new(OptimizationDirection::Minimize);
    let kept: Vec<_> =
        (0..snapshot.nodes.len()).map(|node| program.add_binary_var(prices.of(node).unwrap().dollars())).collect();
    let mut cpu: Vec<LinearExpr> = kept.iter().map(|_| LinearExpr::empty()).collect();
    let mut memory: Vec<LinearExpr> = kept.iter().map(|_| LinearExpr::empty()).collect();
    for pod in &snapshot.pods {
        let mut somewhere = LinearExpr::empty();
        for node in 0..kept.len() {
            let here = program.add_binary_var(0.0);
            somewhere.add(here, 1.0);
            cpu[node].add(here, pod.requests.cpu as f64 / 1e3);
            memory[node].add(here, pod.requests.memory as f64 / 1e9);
        }
        program.add_constraint(somewhere, ComparisonOp::Eq, 1.0);
    }
    for (node, (mut cpu, mut memory)) in cpu.into_iter().zip(memory).enumerate() {
        let room = &snapshot.nodes[node].allocatable;
        cpu.add(kept[node], -(room.cpu as f64) / 1e3);
        memory.add(kept[node], -(room.memory as f64) / 1e9);
        program.add_constraint(cpu, ComparisonOp::Le, 0.0);
        program.add_constraint(memory, ComparisonOp::Le, 0.0);
    }
    program.solve().unwrap().into_solution().unwrap().objective()
}

#[test]
fn plans_lie_between_the_optimum_and_little_more_and_bounds_below_it() {
    let (mut reached, mut all, mut above) = (0, 0, 0.0);
    for seed in 0..120 {
        let snapshot = cluster(seed);
        let prices = prices_by_size(&snapshot);
        let plan = plan(&snapshot, &prices, &Policy::default(), default_strategy());
        let best = optimum(&snapshot, &prices);
        let (after, bound) = (plan.summary.usd_per_hour_after, plan.summary.usd_per_hour_lower_bound.unwrap());
        assert!(bound.dollars() <= best + 1e-6, "cluster {seed}: the bound {bound} is above the optimum {best}");
        assert!(after.dollars() >= best - 1e-6, "cluster {seed}: {after} is below the optimum {best}");
        all += 1;
        reached += usize::from(after.dollars() <= best + 1e-6);
        above += after.dollars() / best - 1.0;
    }
    eprintln!("{reached} of {all} plans reach the optimum, on average {:.2} % above", above / all as f64 * 100.0);
    assert!(reached * 100 >= all * 80, "only {reached} of {all} plans reach the optimum");
}
