//! A cluster in pieces on the real control plane: full by day, and half of it scaled down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use controlplane::ControlPlane;
use serde_json::{Value, json};

/// Far more than anything here takes, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(240);
pub const USD_PER_NODE: f64 = 0.192;

pub struct Cluster {
    pub plane: ControlPlane,
    pub folder: tempfile::TempDir,
}

/// One workload by its number.
pub struct App {
    pub name: String,
    pub kind: &'static str,
    pub full: usize,
    pub scaled_down: usize,
    pub has_budget: bool,
}

impl App {
    /// Its replicas once it is scaled down further.
    pub fn scaled_down_again(&self, divisor: usize) -> usize {
        self.scaled_down.div_ceil(divisor).max(2)
    }
}

/// Deployments and StatefulSets with budgets, zone spread and anti-affinity; two of three are scaled down.
pub fn apps(count: usize) -> Vec<App> {
    (0..count)
        .map(|number| {
            let full = 8 + number * 7 % 26;
            App {
                name: format!("app-{number}"),
                kind: if number % 10 == 4 { "StatefulSet" } else { "Deployment" },
                full,
                scaled_down: if number.is_multiple_of(3) { full } else { full.div_ceil(4) },
                has_budget: number.is_multiple_of(2),
            }
        })
        .collect()
}

impl Cluster {
    /// Starts the control plane, fills the nodes, scales down, and waits until all is quiet.
    pub fn in_pieces(nodes: usize, apps: &[App]) -> Cluster {
        Cluster::of((0..nodes).map(node).collect(), apps)
    }

    /// The same of these nodes.
    pub fn of(nodes: Vec<Value>, apps: &[App]) -> Cluster {
        let mut cluster = Cluster::of_nodes(nodes);
        cluster.apply(&list(apps.iter().enumerate().flat_map(|(number, app)| objects(number, app, app.full))));
        cluster.wait_until_whole(apps, |app| app.full);
        cluster.apply(&list(apps.iter().enumerate().flat_map(|(number, app)| objects(number, app, app.scaled_down))));
        cluster.wait_until_whole(apps, |app| app.scaled_down);
        cluster
    }

    /// Starts the control plane with these nodes, and nothing on them.
    pub fn of_nodes(nodes: Vec<Value>) -> Cluster {
        let count = nodes.len();
        let plane = ControlPlane::start().expect("a control plane");
        let mut cluster = Cluster { plane, folder: tempfile::tempdir().expect("a folder") };
        cluster.apply(&list(nodes));
        cluster.wait("all nodes are ready", |plane| {
            items(plane, &["nodes"]).iter().filter(|node| node["spec"].get("taints").is_none()).count() == count
        });
        cluster
    }

    /// Scales every workload down further, so that there is something to do again.
    pub fn scale_down_again(&mut self, apps: &[App], divisor: usize) {
        for app in apps {
            let replicas = format!("--replicas={}", app.scaled_down_again(divisor));
            self.kubectl()(&["scale", &format!("{}/{}", app.kind.to_lowercase(), app.name), &replicas]);
        }
        self.wait_until_whole(apps, |app| app.scaled_down_again(divisor));
    }

    /// kubectl, for threads that act while something else runs.
    pub fn kubectl(&self) -> impl Fn(&[&str]) + Send + Sync + 'static + use<> {
        let kubeconfig = self.plane.kubeconfig().to_owned();
        move |arguments: &[&str]| {
            let kubectl = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/controlplane/bin/kubectl");
            let done = Command::new(kubectl).arg("--kubeconfig").arg(&kubeconfig).args(arguments).output();
            let done = done.expect("kubectl runs");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }

    pub fn apply(&self, objects: &Value) {
        self.plane.apply(&objects.to_string()).expect("objects are taken");
    }

    pub fn wait(&mut self, what: &str, condition: impl FnMut(&ControlPlane) -> bool) {
        self.plane.wait_until(what, PATIENCE, condition).expect("the cluster gets there");
    }

    /// Every workload has what it wants, ready, and every budget has counted it.
    pub fn wait_until_whole(&mut self, apps: &[App], wanted: impl Fn(&App) -> usize) {
        self.wait("all workloads are whole", |plane| {
            let workloads = items(plane, &["deployments,statefulsets"]);
            let pods: usize = apps.iter().map(&wanted).sum();
            let is_whole = |app: &App| {
                let found = workloads.iter().find(|found| found["metadata"]["name"] == app.name.as_str());
                found.is_some_and(|found| {
                    let status = &found["status"];
                    status["readyReplicas"] == wanted(app)
                        && status["replicas"] == wanted(app)
                        && status["observedGeneration"] == found["metadata"]["generation"]
                })
            };
            apps.iter().all(is_whole)
                && items(plane, &["pods"]).len() == pods
                && budgets_are_current(plane, apps, &wanted)
        });
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn plimsoll(&self, arguments: &[&str]) -> Output {
        command(self.plane.kubeconfig(), arguments).output().expect("the command runs")
    }

    /// Makes a plan and saves it.
    pub fn plan(&self) -> (String, Value) {
        self.plan_with(&[])
    }

    /// The same, made otherwise.
    pub fn plan_with(&self, how: &[&str]) -> (String, Value) {
        let path = self.path("plan.json");
        let made = self.plimsoll(&[&["simulate", "--save", &path], how].concat());
        assert!(made.status.success(), "{}", words(&made));
        let plan = serde_json::from_str(&std::fs::read_to_string(&path).expect("a plan")).expect("JSON");
        (path, plan)
    }

    pub fn nodes(&self) -> Vec<Value> {
        items(&self.plane, &["nodes"])
    }

    pub fn uids(&self) -> Vec<String> {
        let pods = items(&self.plane, &["pods"]);
        let mut uids: Vec<String> =
            pods.iter().filter_map(|pod| Some(pod["metadata"]["uid"].as_str()?.to_owned())).collect();
        uids.sort();
        uids
    }
}

pub fn command(kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).arg("--kubeconfig").arg(kubeconfig).env("HOME", "/nonexistent");
    command.stdin(Stdio::null());
    command
}

/// Begins `apply` and lets it run.
pub fn begin(kubeconfig: &Path, arguments: &[&str], log: &PathBuf) -> Child {
    let log = std::fs::File::create(log).expect("a log");
    let mut command = command(kubeconfig, arguments);
    command.stdout(log.try_clone().expect("a log")).stderr(log).spawn().expect("the command runs")
}

/// How often the API server has granted the eviction of each pod, by uid.
pub type Granted = Arc<Mutex<BTreeMap<String, usize>>>;

/// Counts what a proxy in front of the API server hears.
pub fn count_evictions() -> (Granted, impl Fn(&controlplane::Write, u16) + Send + Sync + 'static) {
    let granted = Granted::default();
    let counted = granted.clone();
    let hear = move |write: &controlplane::Write, status: u16| {
        if write.path.ends_with("/eviction") && status < 300 {
            let eviction: Value = serde_json::from_str(&write.body).expect("JSON");
            let uid = eviction["deleteOptions"]["preconditions"]["uid"].as_str().expect("a uid").to_owned();
            *counted.lock().expect("nobody panics with it").entry(uid).or_default() += 1;
        }
    };
    (granted, hear)
}

pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub fn items(plane: &ControlPlane, what: &[&str]) -> Vec<Value> {
    let list = plane.get(&[what, &["--all-namespaces"]].concat()).expect("a list");
    list["items"].as_array().cloned().unwrap_or_default()
}

pub fn names(values: &Value) -> Vec<String> {
    values
        .as_array()
        .map(|all| all.iter().filter_map(|one| Some(one.as_str()?.to_owned())).collect())
        .unwrap_or_default()
}

fn budgets_are_current(plane: &ControlPlane, apps: &[App], wanted: &impl Fn(&App) -> usize) -> bool {
    let budgets = items(plane, &["poddisruptionbudgets"]);
    apps.iter().filter(|app| app.has_budget).all(|app| {
        budgets.iter().any(|budget| {
            let status = &budget["status"];
            budget["metadata"]["name"] == app.name.as_str()
                && status["expectedPods"] == wanted(app)
                && status["currentHealthy"] == wanted(app)
                && status["observedGeneration"] == budget["metadata"]["generation"]
        })
    })
}

pub fn node(number: usize) -> Value {
    let room = json!({"cpu": "3920m", "memory": "14560Mi", "pods": "58", "ephemeral-storage": "80Gi"});
    controlplane::node(&format!("node-{number:02}"), number, "m6i.xlarge", &room)
}

fn objects(number: usize, app: &App, replicas: usize) -> Vec<Value> {
    let labels = json!({"app": app.name});
    let own = json!({"matchLabels": labels});
    let cpu = ["100m", "150m", "200m", "250m", "500m"][number * 3 % 5];
    let memory = ["256Mi", "512Mi", "768Mi", "1Gi", "1536Mi"][number * 2 % 5];
    let requests = json!({"cpu": cpu, "memory": memory});
    let mut spec = json!({
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "example/app:1", "resources": {"requests": requests}}],
    });
    match number % 4 {
        0 => {
            spec["topologySpreadConstraints"] = json!([{
                "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule", "labelSelector": own,
            }]);
        }
        1 => {
            spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                json!([{"labelSelector": own, "topologyKey": "kubernetes.io/hostname"}]);
        }
        _ => {}
    }
    let mut workload = json!({
        "apiVersion": "apps/v1", "kind": app.kind, "metadata": {"name": app.name, "namespace": "default"},
        "spec": {"replicas": replicas, "selector": own, "template": {"metadata": {"labels": labels}, "spec": spec}},
    });
    if app.kind == "StatefulSet" {
        workload["spec"]["podManagementPolicy"] = "Parallel".into();
        workload["spec"]["serviceName"] = app.name.as_str().into();
        // A pod that is back under its name before its budget has seen it go counts as going for two minutes.
        workload["spec"]["template"]["metadata"]["annotations"] = json!({"kwok.plimsoll.dev/terminate-after": "1s"});
    }
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": app.name, "namespace": "default"},
        "spec": {"maxUnavailable": "25%", "selector": own},
    });
    if app.has_budget { vec![workload, budget] } else { vec![workload] }
}

pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items.into_iter().collect::<Vec<Value>>()})
}
