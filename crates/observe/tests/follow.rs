//! A cluster that is followed, on a real Kubernetes control plane: whatever changes, it is what a list of it is.
//!
//! The control plane is built by `tests/controlplane/build.sh`.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use controlplane::ControlPlane;
use model::Time;
use observe::{Followed, LiveOptions, connect, read_from};
use serde_json::{Value, json};

/// Far more than anything here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

fn node(name: &str) -> Value {
    let room = json!({"cpu": "4", "memory": "16Gi", "pods": "50"});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"capacity": room, "allocatable": room}})
}

fn deployment(replicas: usize) -> Value {
    let labels = json!({"app": "web"});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example/web:1"}]},
        }},
    })
}

#[test]
fn a_followed_cluster_is_what_a_list_of_it_is() {
    let mut plane = ControlPlane::start().unwrap();
    for name in ["a", "b", "c"] {
        plane.apply(&node(name).to_string()).unwrap();
    }
    plane.apply(&deployment(6).to_string()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let options = LiveOptions { kubeconfig: Some(plane.kubeconfig().to_owned()), ..LiveOptions::new(Time(0)) };
    let connection = runtime.block_on(connect(&options)).unwrap();
    let followed = runtime.block_on(Followed::begin(&connection, &options)).unwrap();

    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    let changes: [(&str, Option<String>, &[&str], usize); 5] = [
        ("nothing yet", None, &[], 6),
        ("more replicas and a budget", Some(format!("{}\n---\n{budget}", deployment(9))), &[], 9),
        ("a label and a cordon", None, &["cordon", "b"], 9),
        ("a node less", None, &["delete", "node", "c"], 9),
        ("no workload", None, &["delete", "deployment", "web"], 0),
    ];
    for (what, applied, command, pods) in changes {
        if let Some(objects) = applied {
            plane.apply(&objects).unwrap();
        }
        if !command.is_empty() {
            assert!(plane.kubectl(command).unwrap().status.success(), "{command:?}");
        }
        let mut differ = String::new();
        let same = plane.wait_until(what, PATIENCE, |_| {
            let (heard, listed) =
                (followed.snapshot(Time(0)), runtime.block_on(read_from(&connection, &options)).unwrap());
            differ = format!("{} pods heard of, {} listed", heard.pods.len(), listed.pods.len());
            heard.digest == listed.digest && heard.pods.len() == pods && heard.nodes == listed.nodes
        });
        assert!(same.is_ok(), "{what}: {differ}");
    }
    assert!(followed.silent_for() < PATIENCE);
}
