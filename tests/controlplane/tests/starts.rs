//! The harness itself: a control plane starts, works, and leaves nothing behind.

use std::path::Path;
use std::time::Duration;

use controlplane::ControlPlane;
use serde_json::{Value, json};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn pods_run_and_an_exhausted_budget_refuses_eviction() {
    let mut plane = ControlPlane::start().expect("a control plane");
    for name in ["a", "b", "c"] {
        plane.apply(&node(name)).expect("a node");
    }
    plane.apply(&deployment_of_five()).expect("a deployment");
    plane.apply(&budget_of_five()).expect("a budget");
    plane
        .wait_until("five pods are ready", PATIENCE, |plane| {
            plane.get(&["pods"]).is_ok_and(|pods| items(&pods).iter().filter(|pod| is_ready(pod)).count() == 5)
        })
        .expect("ready pods");
    plane
        .wait_until("the budget knows them", PATIENCE, |plane| {
            plane.get(&["poddisruptionbudget", "web"]).is_ok_and(|budget| budget["status"]["currentHealthy"] == 5)
        })
        .expect("a budget that counts");

    let pods = plane.get(&["pods"]).expect("pods");
    let name = items(&pods)[0]["metadata"]["name"].as_str().expect("a name");
    let eviction = json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": "default"},
        "deleteOptions": {"dryRun": ["All"]},
    });
    let path = format!("/api/v1/namespaces/default/pods/{name}/eviction");
    let refused = plane
        // At this verbosity kubectl logs the code of the answer.
        .kubectl_with_input(&["create", "--raw", &path, "--filename", "-", "--v", "6"], &eviction.to_string())
        .expect("kubectl");
    let talk = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{talk}");
    assert!(talk.contains("429 Too Many Requests"), "{talk}");
    assert!(talk.contains("disruption budget"), "{talk}");

    let folder = plane.kubeconfig().parent().expect("a folder").to_owned();
    let processes = plane.process_ids();
    assert_eq!(processes.len(), 5);
    drop(plane);
    assert_eq!(running(&processes), Vec::<u32>::new());
    assert!(!folder.exists());
}

#[test]
fn a_user_may_do_only_what_its_rules_say() {
    let mut plane = ControlPlane::start().expect("a control plane");
    let reader = plane
        .kubeconfig_for("reader", "- apiGroups: ['']\n  resources: [pods]\n  verbs: [list]")
        .expect("a kubeconfig");
    let nobody = plane.kubeconfig_for("nobody", "[]").expect("a kubeconfig");

    let allowed =
        |kubeconfig: &Path, what: &str| plane.kubectl_as(kubeconfig, &["get", what]).expect("kubectl").status.success();
    assert!(allowed(&reader, "pods"));
    assert!(!allowed(&reader, "nodes"));
    assert!(!allowed(&nobody, "pods"));
}

#[test]
fn jobs_complete_and_resizes_are_carried_out() {
    let mut plane = ControlPlane::start().expect("a control plane");
    plane.apply(&node("a")).expect("a node");
    plane.apply(&job()).expect("a job");
    plane.apply(&bare_pod()).expect("a pod");
    plane
        .wait_until("the job is complete", PATIENCE, |plane| {
            plane.get(&["job", "once"]).is_ok_and(|job| job["status"]["succeeded"] == 1)
        })
        .expect("a complete job");
    plane
        .wait_until("the pod is ready", PATIENCE, |plane| plane.get(&["pod", "bare"]).is_ok_and(|pod| is_ready(&pod)))
        .expect("a ready pod");

    let resize = r#"{"spec":{"containers":[{"name":"main","resources":{"requests":{"cpu":"200m"}}}]}}"#;
    let resized =
        plane.kubectl(&["patch", "pod", "bare", "--subresource", "resize", "--patch", resize]).expect("kubectl");
    assert!(resized.status.success(), "{}", String::from_utf8_lossy(&resized.stderr));
    plane
        .wait_until("the container has its new size", PATIENCE, |plane| {
            plane
                .get(&["pod", "bare"])
                .is_ok_and(|pod| pod["status"]["containerStatuses"][0]["resources"]["requests"]["cpu"] == "200m")
        })
        .expect("a resized container");

    let deleted = plane.kubectl(&["delete", "pod", "bare", "--timeout", "60s"]).expect("kubectl");
    assert!(deleted.status.success());
}

#[test]
fn nothing_stays_behind_when_a_test_panics() {
    let mut processes = Vec::new();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let plane = ControlPlane::start().expect("a control plane");
        processes = plane.process_ids();
        assert_eq!(plane.server(), "", "this panic is on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(processes.len(), 5);
    assert_eq!(running(&processes), Vec::<u32>::new());
}

fn node(name: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
    })
    .to_string()
}

fn deployment_of_five() -> String {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 5,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container()]}},
        },
    })
    .to_string()
}

fn budget_of_five() -> String {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 5, "selector": {"matchLabels": {"app": "web"}}},
    })
    .to_string()
}

fn job() -> String {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container()]}}},
    })
    .to_string()
}

fn bare_pod() -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bare"},
        "spec": {"containers": [container()]},
    })
    .to_string()
}

fn container() -> Value {
    json!({"name": "main", "image": "example", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}})
}

fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    pod["status"]["phase"] == "Running"
        && pod["status"]["containerStatuses"][0]["ready"] == true
        && conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// Those of the processes that are still there.
fn running(processes: &[u32]) -> Vec<u32> {
    let is_there = |id: &&u32| Path::new(&format!("/proc/{id}")).exists();
    processes.iter().filter(is_there).copied().collect()
}
