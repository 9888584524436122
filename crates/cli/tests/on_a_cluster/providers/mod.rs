//! Where policies read use beside Prometheus, and who else chooses requests: a real metrics-server on a real Kubernetes
//! control plane, and HTTP endpoints by their documented contracts.

mod endpoints;
mod sampled;

use serde_json::{Value, json};

use crate::cluster::{self, Cluster};
use crate::operator::{condition, define_kinds};
use crate::shop;

/// A node, and Deployments of one container that use a tenth of a core and 100 MiB and ask for four and five times that.
fn small_shop(names: &[&str]) -> Cluster {
    let mut node = cluster::node(0);
    let name = node["metadata"]["name"].as_str().unwrap().to_owned();
    let path = controlplane::ControlPlane::metrics_path(&name);
    node["metadata"]["annotations"] = json!({"metrics.k8s.io/resource-metrics-path": path});
    let mut cluster = Cluster::of_nodes(vec![node]);
    define_kinds(&mut cluster);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    cluster.apply(&cluster::list(std::iter::once(namespace).chain(names.iter().map(|name| deployment(name)))));
    let all = 2 * names.len();
    cluster.wait("all pods run", |plane| {
        shop::pods(plane, "").iter().filter(|pod| pod["status"]["phase"] == "Running").count() == all
    });
    cluster
}

fn deployment(name: &str) -> Value {
    let labels = json!({"app": name});
    let usage = json!({"kwok.x-k8s.io/usage-cpu": "100m", "kwok.x-k8s.io/usage-memory": "100Mi"});
    let resources = json!({"requests": {"cpu": "400m", "memory": "512Mi"}});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels, "annotations": usage},
            "spec": {"containers": [{"name": "main", "image": "example/app:1", "resources": resources}]},
        }},
    })
}

/// What the policy says of a workload's only container.
fn container(policy: &Value, name: &str) -> Value {
    let workloads = policy["status"]["workloads"].as_array().cloned().unwrap_or_default();
    let found = workloads.into_iter().find(|workload| workload["name"] == name).unwrap_or_default();
    found["containers"][0].clone()
}

fn message(policy: &Value, kind: &str) -> String {
    condition(policy, kind).map(|found| found["message"].as_str().unwrap().to_owned()).unwrap_or_default()
}
