//! What metrics.k8s.io says that pods and nodes use.

use serde_json::{Value, json};

use super::nodes::Node;
use super::placement::{Pod, State};
use super::pods::name;
use super::time::ago;
use super::words::{App, PROXY, SIDECAR, Trait};
use crate::object::hash;

/// Nanocores and KiB.
#[derive(Clone, Copy, Default)]
struct Use {
    cpu: i64,
    memory: i64,
}

/// What kubelet, container runtime and kernel take on a node: 90m and 700 MiB.
const SYSTEM: Use = Use { cpu: 90_000_000, memory: 700 * 1024 };
/// What a container without requests takes: 15m and 60 MiB.
const UNASKED: (i64, i64) = (15, 60);

pub(super) fn objects(nodes: &[Node], pods: &[Pod]) -> Vec<Value> {
    let mut on_node = vec![SYSTEM; nodes.len()];
    let mut objects = Vec::new();
    for pod in pods.iter().filter(|pod| matches!(pod.state, State::Running | State::Starting)) {
        let Some(node) = pod.node else { continue };
        let containers = containers(pod);
        for (_, used) in &containers {
            on_node[node].cpu += used.cpu;
            on_node[node].memory += used.memory;
        }
        // A pod is measured only after its first minutes.
        if pod.state == State::Running && !pod.app.has(Trait::Unmeasured) {
            objects.push(pod_metrics(pod, &containers));
        }
    }
    objects.extend(nodes.iter().zip(on_node).map(|(node, used)| {
        let mut metrics = metrics("NodeMetrics", json!({"name": node.name}));
        metrics["usage"] = quantities(used);
        metrics
    }));
    objects
}

fn containers(pod: &Pod) -> Vec<(&'static str, Use)> {
    let app = pod.app;
    let mut containers = vec![(app.name, used(app, app.name, pod.ordinal, (app.cpu, app.memory)))];
    if app.has(Trait::Proxy) {
        containers.push(("istio-proxy", used(app, "istio-proxy", pod.ordinal, PROXY)));
    }
    if app.has(Trait::Sidecar) {
        containers.push(("vault-agent", used(app, "vault-agent", pod.ordinal, SIDECAR)));
    }
    containers
}

fn used(app: &App, container: &str, ordinal: usize, requests: (i64, i64)) -> Use {
    let chance = hash(&app.key(), container, &ordinal.to_string());
    let (cpu, memory) = if app.has(Trait::NoRequests) { UNASKED } else { requests };
    let (cpu_percent, memory_percent) = match app.uses() {
        _ if app.has(Trait::NoRequests) => (100, 100),
        Some(of_main) if container == app.name => of_main,
        _ => (30, 45),
    };
    // Replicas differ: by a quarter in CPU either way, by a tenth in memory.
    let cpu_luck = 75 + (chance % 51) as i64;
    let memory_luck = 90 + (chance / 51 % 21) as i64;
    Use { cpu: cpu * cpu_percent * cpu_luck * 100, memory: memory * 1024 * memory_percent * memory_luck / 10_000 }
}

fn metrics(kind: &str, metadata: Value) -> Value {
    let mut metadata = metadata;
    metadata["creationTimestamp"] = json!(ago(0));
    json!({
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": kind, "metadata": metadata,
        "timestamp": ago(0), "window": "15s",
    })
}

fn quantities(used: Use) -> Value {
    json!({"cpu": format!("{}n", used.cpu), "memory": format!("{}Ki", used.memory)})
}

fn pod_metrics(pod: &Pod, containers: &[(&str, Use)]) -> Value {
    let mut metrics = metrics("PodMetrics", json!({"name": name(pod), "namespace": pod.app.namespace}));
    let containers: Vec<Value> =
        containers.iter().map(|(name, used)| json!({"name": name, "usage": quantities(*used)})).collect();
    metrics["containers"] = json!(containers);
    metrics
}
