//! The operator beside a real control plane: how soon its first analysis is there, its memory, and what it costs to wait.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use controlplane::ControlPlane;
use serde_json::{Value, json};

use crate::plane::{self, PATIENCE, list};
use crate::process::{self, Running};

const NODES: usize = 1_000;
const DEPLOYMENTS: usize = 500;
const REPLICAS: usize = 20;
/// Pods that come and go are taken in; then nothing happens but heartbeats.
const SETTLE: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(60);
/// Linux counts the time of processes in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// Runs it.
pub fn run(plimsoll: &Path) -> anyhow::Result<()> {
    let mut plane = plane::start(plimsoll)?;
    fill(&mut plane)?;
    // Once, and then not again for a long time.
    plane::configure(&plane, "observe", "0 0 1 1 *")?;
    let start = Instant::now();
    let mut command = plane::operator(plimsoll, plane.kubeconfig())?;
    let mut operator = Running(command.args(["--log-level", "error"]).spawn()?);
    plane.wait_until("the first analysis", PATIENCE, |plane| plane::config(plane)["status"]["phase"] == "Ready")?;
    let first = start.elapsed();
    std::thread::sleep(SETTLE);
    let before = cpu_seconds(operator.0.id())?;
    std::thread::sleep(IDLE);
    let idle = (cpu_seconds(operator.0.id())? - before) / IDLE.as_secs_f64() * 100.0;
    let peak = process::peak_mb(operator.0.id()).context("the operator has ended")?;
    let ended = operator.0.try_wait()?;
    ensure!(ended.is_none(), "the operator has ended: {ended:?}");
    println!("\nthe operator beside {NODES} nodes and {} pods of a real control plane", DEPLOYMENTS * REPLICAS);
    println!(
        "| first analysis after its start, s | target | peak MB | target | of a core between analyses, % | target |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    println!("| {:.1} | 10 | {peak:.0} | 128 | {idle:.1} | 5 |", first.as_secs_f64());
    Ok(())
}

/// User and system time of a process so far.
fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name, which may hold anything: the 14th and 15th field of all.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).context("no such field");
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

fn fill(plane: &mut ControlPlane) -> anyhow::Result<()> {
    let room = json!({"cpu": "7680m", "memory": "30Gi", "pods": "110"});
    let node = |number| controlplane::node(&format!("node-{number:04}"), number, "m6i.2xlarge", &room);
    let nodes: Vec<Value> = (0..NODES).map(node).collect();
    plane.apply(&list(nodes))?;
    let deployments: Vec<Value> = (0..DEPLOYMENTS)
        .map(|number| {
            let labels = json!({"app": format!("app-{number}")});
            let requests = json!({"cpu": format!("{}m", 100 + number % 5 * 50), "memory": format!("{}Mi", 256 << (number % 3))});
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": format!("app-{number}"), "namespace": "default"},
                "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "main", "image": "example/app:1", "resources": {"requests": requests}}]},
                }},
            })
        })
        .collect();
    plane.apply(&list(deployments))?;
    let mut told = Instant::now();
    plane.wait_until("all pods run", PATIENCE, |plane| {
        let asked = ["get", "deployments", "-o", "jsonpath={.items[*].status.readyReplicas}"];
        let Ok(answer) = plane.kubectl(&asked) else { return false };
        let ready: usize = String::from_utf8_lossy(&answer.stdout)
            .split_whitespace()
            .filter_map(|number| number.parse::<usize>().ok())
            .sum();
        if told.elapsed() > Duration::from_secs(20) {
            eprintln!("{ready} pods are ready");
            told = Instant::now();
        }
        ready == DEPLOYMENTS * REPLICAS
    })?;
    Ok(())
}
