//! A shop on three nodes, what a real Prometheus has seen of it, and what is asked of its operator.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use controlplane::{ControlPlane, Prometheus};
use serde_json::{Value, json};

use crate::cluster::{self, Cluster, items, words};
use crate::operator::{Operator, define_kinds};

const MIB: f64 = 1_048_576.0;
/// Days of history, at five minutes.
const DAYS: i64 = 9;

/// What one workload asks for and uses.
struct App {
    name: &'static str,
    kind: &'static str,
    replicas: usize,
    /// Requests of CPU and memory.
    asks: (&'static str, &'static str),
    limits: Option<Value>,
    /// Cores and MiB; nothing is measured where absent.
    uses: Option<(f64, f64)>,
}

fn app(name: &'static str, asks: (&'static str, &'static str), uses: Option<(f64, f64)>) -> App {
    App { name, kind: "Deployment", replicas: 5, asks, limits: None, uses }
}

/// One asks for too much, one for too little, one is Guaranteed, of one nothing is known.
fn apps() -> Vec<App> {
    let guaranteed = Some(json!({"cpu": "500m", "memory": "512Mi"}));
    vec![
        app("web", ("400m", "512Mi"), Some((0.1, 100.0))),
        App { kind: "StatefulSet", replicas: 2, ..app("api", ("50m", "64Mi"), Some((0.2, 200.0))) },
        App { limits: guaranteed, replicas: 1, ..app("pay", ("500m", "512Mi"), Some((0.1, 100.0))) },
        app("idle", ("100m", "128Mi"), None),
    ]
}

/// Use until now, that of pods which are gone: whose it was is told by their names.
fn history(apps: &[App]) -> String {
    let mut cpu = "# TYPE container_cpu_usage_seconds counter\n".to_owned();
    let mut memory = "# TYPE container_memory_working_set_bytes gauge\n".to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    for app in apps {
        let Some((cores, mib)) = app.uses else { continue };
        let pod = match app.kind {
            "StatefulSet" => format!("{}-0", app.name),
            _ => format!("{}-5d4f7c9b8-x2x9z", app.name),
        };
        let labels = format!("{{namespace=\"shop\",pod=\"{pod}\",container=\"main\"}}");
        // A scrape a minute for the last hours would be too much for a test; a sample in two minutes is enough for rates.
        for step in 0..DAYS * 720 {
            let at = now - (DAYS * 720 - 1 - step) * 120;
            writeln!(cpu, "container_cpu_usage_seconds_total{labels} {} {at}", cores * (step * 120) as f64).unwrap();
            let swing = 1.0 + 0.05 * (step as f64 / 720.0 * std::f64::consts::TAU).sin();
            writeln!(memory, "container_memory_working_set_bytes{labels} {} {at}", mib * MIB * swing).unwrap();
        }
    }
    format!("{cpu}{memory}# EOF\n")
}

fn workload(app: &App) -> Value {
    let labels = json!({"app": app.name});
    let mut resources = json!({"requests": {"cpu": app.asks.0, "memory": app.asks.1}});
    if let Some(limits) = &app.limits {
        resources["limits"] = limits.clone();
    }
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": app.kind,
        "metadata": {"name": app.name, "namespace": "shop", "labels": {"optimize": "true"}},
        "spec": {"replicas": app.replicas, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "example/app:1", "resources": resources}]},
        }},
    });
    if app.kind == "StatefulSet" {
        object["spec"]["serviceName"] = app.name.into();
    }
    object
}

/// Three nodes, the workloads, and what Prometheus has seen of them.
pub fn shop() -> Option<(Cluster, Prometheus)> {
    if Prometheus::is_missing() {
        return None;
    }
    let apps = apps();
    let mut cluster = Cluster::of_nodes((0..3).map(cluster::node).collect());
    define_kinds(&mut cluster);
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "shop"}}});
    cluster.apply(&cluster::list(std::iter::once(namespace).chain(apps.iter().map(workload))));
    let all = apps.iter().map(|app| app.replicas).sum::<usize>();
    cluster.wait("all pods run", |plane| {
        pods(plane, "").iter().filter(|pod| pod["status"]["phase"] == "Running").count() == all
    });
    let prometheus = Prometheus::start(cluster.folder.path(), &history(&apps)).unwrap();
    Some((cluster, prometheus))
}

/// Pods of a workload, or of all, by name.
pub fn pods(plane: &ControlPlane, app: &str) -> Vec<Value> {
    let selector = if app.is_empty() { String::new() } else { format!("app={app}") };
    let mut pods = items(plane, &["pods", "--selector", &selector]);
    pods.retain(|pod| pod["metadata"]["namespace"] == "shop");
    pods
}

pub fn requests(pod: &Value) -> &Value {
    &pod["spec"]["containers"][0]["resources"]["requests"]
}

pub fn uids(pods: &[Value]) -> Vec<&str> {
    pods.iter().filter_map(|pod| pod["metadata"]["uid"].as_str()).collect()
}

pub fn policy(cluster: &Cluster, spec: Value) {
    let mut whole = json!({"selector": {"namespaces": {"allow": ["shop"]}}, "reconciliationInterval": "30s"});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    cluster.apply(&json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationPolicy",
        "metadata": {"name": "shop", "namespace": "default"}, "spec": whole,
    }));
}

pub fn recommendation(plane: &ControlPlane, name: &str) -> Value {
    plane.get(&["optrec", name, "--namespace", "shop"]).unwrap_or_default()
}

pub fn phase(plane: &ControlPlane, name: &str) -> String {
    recommendation(plane, name)["status"]["phase"].as_str().unwrap_or_default().to_owned()
}

/// Somebody who may agree to recommendations, and no more.
pub fn jane(cluster: &mut Cluster) -> PathBuf {
    let may = "- {apiGroups: [optimizer.io], resources: [optimizationrecommendations], verbs: [get, patch]}";
    cluster.plane.kubeconfig_for("jane", may).unwrap()
}

pub fn change(plane: &ControlPlane, who: &Path, name: &str, spec: &Value) -> std::process::Output {
    let patch = json!({"spec": spec}).to_string();
    let arguments = ["patch", "optrec", name, "--namespace", "shop", "--type", "merge", "--patch", &patch];
    plane.kubectl_as(who, &arguments).unwrap()
}

pub fn approve(plane: &ControlPlane, who: &Path, name: &str) {
    let approved = change(plane, who, name, &json!({"approved": true}));
    assert!(approved.status.success(), "{}", words(&approved));
}

pub fn start(cluster: &Cluster, prometheus: &Prometheus, identity: &str, more: &[&str]) -> Operator {
    let flags = [&["--prometheus", prometheus.url()], more].concat();
    Operator::start_with(cluster, cluster.plane.kubeconfig(), identity, &flags)
}

pub fn with_webhooks(cluster: &Cluster, prometheus: &Prometheus, identity: &str) -> Operator {
    let address = format!("127.0.0.1:{}", ControlPlane::free_port().unwrap());
    start(
        cluster,
        prometheus,
        identity,
        &["--namespace", "default", "--webhook-address", &address, "--webhook-host", "127.0.0.1"],
    )
}

/// Waits, and shows the log where it is in vain.
pub fn wait(cluster: &mut Cluster, operator: &Operator, what: &str, condition: impl FnMut(&ControlPlane) -> bool) {
    let waited = cluster.plane.wait_until(what, cluster::PATIENCE, condition);
    assert!(waited.is_ok(), "{what}: {}", operator.log());
}

/// What was seen along the way, by what it is.
pub type Seen = BTreeMap<&'static str, Value>;
