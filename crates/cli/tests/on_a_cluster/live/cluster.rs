//! The company's cluster, running: placed by the real scheduler by day, in pieces by night. Tests share one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use controlplane::ControlPlane;
use serde_json::Value;

use super::company::{self, Hour};

/// Far more than anything here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(180);

/// Everything that is read and that a cluster without Karpenter and metrics-server serves.
const SERVED: &str = "nodes,pods,namespaces,poddisruptionbudgets,persistentvolumes,persistentvolumeclaims,storageclasses,\
    csinodes,csidrivers,csistoragecapacities,volumeattachments,priorityclasses,runtimeclasses,deployments,replicasets,\
    replicationcontrollers,statefulsets,daemonsets,jobs,cronjobs,horizontalpodautoscalers,resourcequotas,limitranges";

/// A running cluster that nobody changes any more.
pub struct Cluster {
    pub plane: ControlPlane,
    /// Where the command writes.
    pub folder: tempfile::TempDir,
}

/// The cluster that is running already, or a new one. It ends with the last test that holds it.
pub fn shared() -> Arc<Mutex<Cluster>> {
    static RUNNING: Mutex<Weak<Mutex<Cluster>>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = running.upgrade() {
        return cluster;
    }
    let cluster = Arc::new(Mutex::new(Cluster::start()));
    *running = Arc::downgrade(&cluster);
    cluster
}

/// One test at a time; one that failed leaves the cluster as it was, for all of them only look.
pub fn lock(cluster: &Mutex<Cluster>) -> MutexGuard<'_, Cluster> {
    cluster.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a run of the command came to.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Run {
    /// Ended with 0; what it wrote.
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Ended with 0; the document that it wrote.
    pub fn document(self) -> Value {
        serde_json::from_str(&self.done()).expect("JSON")
    }
}

/// Runs the command. No other cluster is within its reach.
pub fn plimsoll(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).env("KUBECONFIG", "/nonexistent/kubeconfig").env_remove("KUBERNETES_SERVICE_HOST");
    run(&mut command)
}

/// Runs a command that finds no kubeconfig at home.
pub fn run(command: &mut Command) -> Run {
    let start = Instant::now();
    let output = command.env("HOME", "/nonexistent").output().expect("the command runs");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        took: start.elapsed(),
    }
}

/// Runs the command on the cluster of that kubeconfig.
pub fn plimsoll_as(kubeconfig: &Path, arguments: &[&str]) -> Run {
    plimsoll(&[arguments, &["--kubeconfig", &kubeconfig.display().to_string()]].concat())
}

impl Cluster {
    fn start() -> Cluster {
        let start = Instant::now();
        let plane = ControlPlane::start().expect("a control plane");
        let mut cluster = Cluster { plane, folder: tempfile::tempdir().expect("a folder") };
        let apply = |cluster: &Cluster, list: Value| cluster.plane.apply(&list.to_string()).expect("objects are taken");
        for list in [company::nodes(), company::namespaces(), company::storage()] {
            apply(&cluster, list);
        }
        cluster.wait_until("all nodes are ready", |plane| ready_nodes(plane) == company::NODES);
        for hour in [Hour::Day, Hour::Night] {
            apply(&cluster, company::workloads(hour));
            cluster.wait_until_settled(company::pods(hour));
            let (nodes, pods) = (company::NODES, company::pods(hour));
            eprintln!("{hour:?}: {nodes} nodes, {pods} pods, {:.1?} after the start", start.elapsed());
        }
        cluster
    }

    /// Runs the command as the administrator.
    pub fn plimsoll(&self, arguments: &[&str]) -> Run {
        plimsoll_as(self.plane.kubeconfig(), arguments)
    }

    /// A path for a file that the command writes.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Every object that is read, as kubectl gets them.
    pub fn dump(&self) -> Value {
        self.plane.get(&[SERVED, "--all-namespaces"]).expect("a dump")
    }

    /// Does something that takes a while, and once more if the cluster changed meanwhile: kubelets and controllers write
    /// when they like.
    pub fn while_nothing_changes<T>(&self, mut work: impl FnMut(&Self) -> T) -> T {
        const TRIES: usize = 3;
        for _ in 0..TRIES {
            let before = self.versions();
            let done = work(self);
            if before == self.versions() {
                return done;
            }
            eprintln!("the cluster changed meanwhile; once more");
        }
        panic!("the cluster changes all the time");
    }

    /// How many requests the API server has refused for want of a right.
    pub fn requests_denied(&self) -> u64 {
        let output = self.plane.kubectl(&["get", "--raw", "/metrics"]).expect("kubectl");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let line = |result: &str| {
            let start = format!("authorization_attempts_total{{result=\"{result}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&start)?.parse::<f64>().ok())
        };
        assert!(line("allowed").is_some(), "the API server counts them no more");
        line("denied").unwrap_or(0.0) as u64
    }

    fn versions(&self) -> String {
        let columns = "custom-columns=KIND:.kind,UID:.metadata.uid,VERSION:.metadata.resourceVersion";
        let output = self.plane.kubectl(&["get", SERVED, "--all-namespaces", "--output", columns]).expect("kubectl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn wait_until(&mut self, what: &str, condition: impl FnMut(&ControlPlane) -> bool) {
        self.plane.wait_until(what, PATIENCE, condition).expect("the cluster gets there");
    }

    /// Every workload has the pods it wants, all of them are ready, and the budgets have counted them.
    fn wait_until_settled(&mut self, pods: usize) {
        self.wait_until("all workloads are ready", |plane| {
            items(plane, "deployments,statefulsets,daemonsets,replicasets").iter().all(is_ready)
        });
        self.wait_until("all pods run and none ends", |plane| {
            names(plane, &["pods"]) == pods && names(plane, &["pods", "--field-selector", "status.phase!=Running"]) == 0
        });
        self.wait_until("all budgets are current", |plane| {
            // A budget selects one workload here and is named as that is.
            let wanted: BTreeMap<String, i64> = items(plane, "deployments,statefulsets")
                .iter()
                .map(|app| (key(app), number(app, "/spec/replicas")))
                .collect();
            let is_counted = |budget: &&Value| budget["metadata"]["name"].as_str().is_none_or(|name| !is_doubled(name));
            items(plane, "poddisruptionbudgets").iter().filter(is_counted).all(|budget| {
                let expected = wanted.get(&key(budget)).copied();
                number(budget, "/status/observedGeneration") == number(budget, "/metadata/generation")
                    && Some(number(budget, "/status/expectedPods")) == expected
                    && Some(number(budget, "/status/currentHealthy")) == expected
            })
        });
    }
}

/// Of a pod's two budgets the controller counts it for one, at random, so that the other may stay as it was.
fn is_doubled(budget: &str) -> bool {
    budget.starts_with(company::UNDER_TWO_BUDGETS)
}

fn items(plane: &ControlPlane, kinds: &str) -> Vec<Value> {
    let list = plane.get(&[kinds, "--all-namespaces"]).expect("a list");
    list["items"].as_array().cloned().unwrap_or_default()
}

/// How many objects there are, without their contents.
fn names(plane: &ControlPlane, what: &[&str]) -> usize {
    let output = plane.kubectl(&[&["get", "--all-namespaces", "--output", "name"], what].concat()).expect("kubectl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().count()
}

fn is_ready(workload: &Value) -> bool {
    let status = |field: &str| number(workload, &format!("/status/{field}"));
    let is_observed = status("observedGeneration") == number(workload, "/metadata/generation");
    let (wanted, have) = match workload["kind"].as_str() {
        Some("DaemonSet") => (company::NODES as i64, status("numberReady").min(status("desiredNumberScheduled"))),
        _ => (number(workload, "/spec/replicas"), status("readyReplicas")),
    };
    let is_whole = workload["kind"] == "DaemonSet" || status("replicas") == wanted;
    is_observed && have == wanted && is_whole
}

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn key(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
}

/// Ready nodes without a taint of the node controller's.
fn ready_nodes(plane: &ControlPlane) -> usize {
    let is_free = |node: &Value| {
        let taints = node["spec"]["taints"].as_array().map_or(&[][..], Vec::as_slice);
        taints.iter().all(|taint| taint["key"] != "node.kubernetes.io/not-ready")
    };
    let is_ready = |node: &Value| {
        let conditions = node["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
        conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    items(plane, "nodes").iter().filter(|node| is_ready(node) && is_free(node)).count()
}
