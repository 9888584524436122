//! How long the operator takes to empty nodes on a real control plane, beside what budgets, grace periods and the pace of
//! its writes need.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use controlplane::{ControlPlane, Fate, FaultProxy, Write};
use futures_util::TryStreamExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::WatchEvent;
use serde_json::{Value, json};

use crate::plane::{self, PATIENCE};
use crate::process::Running;

/// Two thirds full, so that a third of them can go.
const NODES: usize = 60;
const DEPLOYMENTS: usize = 60;
const REPLICAS: usize = 20;
/// Thirty to a node.
const REQUESTS: (&str, &str) = ("128m", "256Mi");
const GRACE_SECONDS: u64 = 1;
const MOST_UNAVAILABLE: &str = "25%";
/// The pace that the operator keeps.
const WRITES_A_SECOND: f64 = 20.0;
const TARGET: f64 = 1.5;

/// Runs it. The operator's log is kept there.
pub fn run(plimsoll: &Path, log: &Path) -> anyhow::Result<()> {
    let mut plane = plane::start(plimsoll)?;
    fill(&mut plane)?;
    let folder = tempfile::tempdir()?;
    let written = Arc::new(Mutex::new(Vec::new()));
    let heard = written.clone();
    let hear = move |write: &Write, status: u16| {
        let written = Written::of(write, status);
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(written);
    };
    let proxy = FaultProxy::start(&plane, folder.path(), |_| Fate::Forwarded, hear)?;
    let watching = Watching::start(&plane)?;
    plane::configure(&plane, "full-auto", "0 0 1 1 *")?;
    let mut command = plane::operator(plimsoll, proxy.kubeconfig())?;
    let file = File::create(log)?;
    command.args(["--remove-nodes", "node", "--log-level", "info"]).stdout(file.try_clone()?).stderr(file);
    let operator = Running(command.spawn()?);
    let mut plan = Value::Null;
    plane.wait_until("the plan is over", PATIENCE, |plane| {
        plan = plane.get(&["migrationplans"]).unwrap_or_default()["items"][0].clone();
        matches!(plan["status"]["phase"].as_str(), Some("Completed" | "RolledBack" | "Failed" | "Expired" | "Paused"))
    })?;
    drop(operator);
    let status = &plan["status"];
    ensure!(status["phase"] == "Completed", "the plan did not get to its end: {}", status["conditions"]);
    let (gone, steps) = (count(&plan["spec"]["nodes"]["remove"]), count(&plan["spec"]["migrations"]));
    ensure!(status["executedMigrations"] == steps, "not all pods were moved: {}", status["conditions"]);
    ensure!(count(&plane.get(&["nodes"])?["items"]) + gone == NODES, "not all nodes went: {}", status["conditions"]);
    let written = std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
    report(&plan, &written, &watching.end())
}

fn report(plan: &Value, written: &[Written], ready_after: &[(Instant, Duration)]) -> anyhow::Result<()> {
    let moment = |phase: &str| written.iter().find(|write| write.phase.as_deref() == Some(phase)).map(|write| write.at);
    let begin = moment("Executing").context("the plan did not begin")?;
    let end = moment("Completed").context("the plan did not end")?;
    let is_of_plan = |write: &&Written| write.at > begin && write.at <= end && write.what != LEASE;
    let written: Vec<&Written> = written.iter().filter(is_of_plan).collect();
    let seconds = (end - begin).as_secs_f64();
    let writes = written.len() as f64 / WRITES_A_SECOND;
    let mut ready_after: Vec<Duration> =
        ready_after.iter().filter(|(at, _)| *at > begin && *at <= end).map(|(_, took)| *took).collect();
    ready_after.sort_unstable();
    let ready = ready_after.get(ready_after.len() / 2).context("nothing came in place of what went")?.as_secs_f64();
    let rounds = rounds(plan);
    let budgets = rounds as f64 * (GRACE_SECONDS as f64 + ready);
    let (nodes, pods) = (count(&plan["spec"]["nodes"]["remove"]), count(&plan["spec"]["migrations"]));
    println!(
        "\nnodes emptied by the operator on a real control plane, {NODES} nodes and {} pods",
        DEPLOYMENTS * REPLICAS
    );
    println!(
        "| nodes gone | pods moved | from Executing to Completed, s | writes | these at {WRITES_A_SECOND} a second, s | \
         rounds by budgets | of so many s each | all rounds, s | ratio to the larger | target |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    println!(
        "| {nodes} | {pods} | {seconds:.1} | {} | {writes:.1} | {rounds} | {:.1} | {budgets:.1} | {:.2} | {TARGET} |",
        written.len(),
        GRACE_SECONDS as f64 + ready,
        seconds / writes.max(budgets),
    );
    print_writes(&written);
    print_waves(&written, begin, end);
    Ok(())
}

fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

fn print_writes(written: &[&Written]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for write in written {
        *counts.entry(write.what).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(what, count)| format!("{count} {what}")).collect();
    println!("\nwrites: {}", counts.join(", "));
}

/// Where the time of each wave goes: from its line in the plan's status to the next one's.
fn print_waves(written: &[&Written], begin: Instant, end: Instant) {
    let mut starts: BTreeMap<u64, Instant> = BTreeMap::new();
    for write in written {
        if let Some(wave) = write.wave {
            starts.entry(wave).or_insert(write.at);
        }
    }
    println!(
        "\n| wave | begins at s | evictions | writes of hints | all asked first, s | hints written, s | hints known, s | evicted, s \
         | replacements placed, s | settled, nodes gone, looked again, s |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (wave, start) in &starts {
        let next = starts.range(wave + 1..).next().map_or(end, |(_, next)| *next);
        let (mut asked, mut hinted, mut known, mut evicted, mut placed) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let (mut evictions, mut hints) = (0, 0);
        let (mut last, mut before) = (*start, "");
        for write in written.iter().filter(|write| write.at > *start && write.at <= next) {
            let took = (write.at - last).as_secs_f64();
            match (before, write.what) {
                ("", EVICTIONS | HINTS) => asked += took,
                (HINTS, HINTS) => hinted += took,
                (HINTS, EVICTIONS) => known += took,
                (EVICTIONS, EVICTIONS) => evicted += took,
                (EVICTIONS, HINTS) => placed += took,
                _ => continue,
            }
            evictions += usize::from(write.what == EVICTIONS);
            hints += usize::from(write.what == HINTS);
            (last, before) = (write.at, write.what);
        }
        println!(
            "| {wave} | {:.1} | {evictions} | {} | {asked:.1} | {hinted:.1} | {known:.1} | {evicted:.1} | {placed:.1} | {:.1} |",
            (*start - begin).as_secs_f64(),
            hints,
            (next - last).as_secs_f64(),
        );
    }
}

const EVICTIONS: &str = "evictions";
const HINTS: &str = "for placement hints";
/// It is renewed whether anything is done or not.
const LEASE: &str = "of the lease";

/// A write of the operator's.
struct Written {
    at: Instant,
    what: &'static str,
    /// What it says of the plan.
    phase: Option<String>,
    wave: Option<u64>,
}

impl Written {
    fn of(write: &Write, status: u16) -> Written {
        let path = &write.path;
        let is_of_plan = path.contains("/migrationplans/") && path.ends_with("/status");
        let what = match () {
            () if status >= 300 => "refused",
            () if path.ends_with("/eviction") => EVICTIONS,
            () if path.contains("/mutatingadmissionpolic") => HINTS,
            () if path.contains("/nodes/") && write.method == "DELETE" => "deletions of nodes",
            () if path.contains("/nodes/") => "cordons and marks of nodes",
            () if path.contains("/events") => "events",
            () if path.contains("/leases/") => LEASE,
            () if is_of_plan => "of the plan's status",
            () => "others",
        };
        let said: Value = if is_of_plan { serde_json::from_str(&write.body).unwrap_or_default() } else { Value::Null };
        let phase = said["status"]["phase"].as_str().map(str::to_owned);
        Written { at: Instant::now(), what, phase, wave: said["status"]["wave"].as_u64() }
    }
}

/// In how many rounds the plan's pods have to go, as their budgets are when all is well.
fn rounds(plan: &Value) -> usize {
    let mut steps: BTreeMap<&str, usize> = BTreeMap::new();
    for step in plan["spec"]["migrations"].as_array().into_iter().flatten() {
        *steps.entry(step["workload"]["name"].as_str().unwrap_or_default()).or_default() += 1;
    }
    steps.into_values().map(|steps| steps.div_ceil(REPLICAS.div_ceil(4))).max().unwrap_or(0)
}

/// How long each pod that comes takes until it is ready, from outside.
struct Watching {
    ready_after: Arc<Mutex<Vec<(Instant, Duration)>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Watching {
    fn start(plane: &ControlPlane) -> anyhow::Result<Watching> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let config = Kubeconfig::read_from(plane.kubeconfig())?;
        let ready_after = Arc::<Mutex<Vec<(Instant, Duration)>>>::default();
        let told = ready_after.clone();
        let client = runtime.block_on(async {
            let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
            anyhow::Ok(kube::Client::try_from(config)?)
        })?;
        runtime.spawn(async move {
            // A watch that ends early shows: there is too little to tell.
            let _ = watch(&client, &told).await;
        });
        Ok(Watching { ready_after, _runtime: runtime })
    }

    fn end(&self) -> Vec<(Instant, Duration)> {
        std::mem::take(&mut *self.ready_after.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn watch(client: &kube::Client, told: &Mutex<Vec<(Instant, Duration)>>) -> anyhow::Result<()> {
    let request = http::Request::get("/api/v1/pods?watch=true&timeoutSeconds=3600").body(Vec::new())?;
    let mut events = std::pin::pin!(client.request_events::<Value>(request).await?);
    // When each came; nothing once it has been ready.
    let mut came: HashMap<String, Option<Instant>> = HashMap::new();
    while let Some(event) = events.try_next().await? {
        let (WatchEvent::Added(pod) | WatchEvent::Modified(pod)) = event else { continue };
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let first = came.entry(uid).or_insert_with(|| Some(Instant::now()));
        let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let is_ready = conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        if let Some(first) = first.take_if(|_| is_ready) {
            told.lock().unwrap_or_else(PoisonError::into_inner).push((first, first.elapsed()));
        }
    }
    Ok(())
}

fn fill(plane: &mut ControlPlane) -> anyhow::Result<()> {
    plane.apply(&plane::list((0..NODES).map(node).collect()))?;
    plane.wait_until("all nodes are ready", PATIENCE, |plane| {
        let nodes = plane.get(&["nodes"]).unwrap_or_default();
        let nodes = nodes["items"].as_array().into_iter().flatten();
        nodes.filter(|node| node["spec"].get("taints").is_none()).count() == NODES
    })?;
    plane.apply(&plane::list((0..DEPLOYMENTS).flat_map(deployment).collect()))?;
    plane.wait_until("all pods run, and all budgets have counted them", PATIENCE, |plane| {
        let counts = |kind: &str, field: &str| {
            let all = plane.get(&[kind]).unwrap_or_default();
            let all = all["items"].as_array().into_iter().flatten();
            all.filter(|object| object["status"][field] == REPLICAS).count() == DEPLOYMENTS
        };
        counts("deployments", "readyReplicas") && counts("poddisruptionbudgets", "currentHealthy")
    })?;
    Ok(())
}

fn node(number: usize) -> Value {
    let room = json!({"cpu": "3920m", "memory": "14560Mi", "pods": "58"});
    controlplane::node(&format!("node-{number:02}"), number, "m6i.xlarge", &room)
}

/// A Deployment and its budget.
fn deployment(number: usize) -> [Value; 2] {
    let name = format!("app-{number:02}");
    let labels = json!({"app": name});
    let requests = json!({"cpu": REQUESTS.0, "memory": REQUESTS.1});
    // KWOK lets pods go at once where nothing else is said.
    let leaving = json!({"kwok.plimsoll.dev/terminate-after": format!("{GRACE_SECONDS}s")});
    [
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
            "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels, "annotations": leaving},
                "spec": {
                    "terminationGracePeriodSeconds": GRACE_SECONDS,
                    "containers": [{"name": "main", "image": "example/app:1", "resources": {"requests": requests}}],
                },
            }},
        }),
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name, "namespace": "default"},
            "spec": {"maxUnavailable": MOST_UNAVAILABLE, "selector": {"matchLabels": labels}},
        }),
    ]
}
