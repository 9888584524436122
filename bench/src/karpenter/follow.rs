//! Karpenter at work: what the cluster costs over time, and how many pods it has evicted.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalog::Catalog;
use super::cluster::Cluster;

/// So long without a saving is the end: without a lower cost, and without a decision, each of which is for one.
const STILL: Duration = Duration::from_secs(600);
/// And so long in all.
const LONGEST: Duration = Duration::from_secs(2_700);
const LOOK_EVERY: Duration = Duration::from_secs(5);

const DECISIONS: &str = "karpenter_voluntary_disruption_decisions_total";

/// What Karpenter came to.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Followed {
    pub usd_per_hour_before: f64,
    pub usd_per_hour_after: f64,
    pub nodes_before: usize,
    pub nodes_after: usize,
    /// Until the last saving, or until it was stopped.
    pub minutes: f64,
    /// Ten minutes did pass without a saving.
    pub is_still: bool,
    pub evictions: usize,
    pub decisions: f64,
    pub nodes_disrupted: f64,
    /// Dollars an hour at the end of each minute.
    pub usd_per_hour_each_minute: Vec<f64>,
}

/// Looks on until ten minutes pass without a saving, for 45 minutes at most.
pub fn follow(cluster: &mut Cluster, catalog: &Catalog, kubectl: &Path) -> anyhow::Result<Followed> {
    let mut followed = Followed::default();
    (followed.usd_per_hour_before, followed.nodes_before) = cost(cluster, catalog)?;
    let deleted = Deleted::watch(cluster, kubectl)?;
    cluster.set_consolidation(catalog, super::cluster::Consolidation::AtOnce)?;
    let started = Instant::now();
    let (mut least, mut last_saving) = (followed.usd_per_hour_before, started);
    while last_saving.elapsed() < STILL && started.elapsed() < LONGEST {
        // Nothing is waited for here but time: the cluster is looked at now and then until it has been still for long.
        thread::sleep(LOOK_EVERY);
        cluster.plane.wait_until("the control plane lives", STILL, |_| true)?;
        let (now, nodes) = cost(cluster, catalog)?;
        let decisions = counted(&cluster.metrics()?, DECISIONS);
        if now < least - 1e-9 || decisions > followed.decisions {
            (least, last_saving) = (least.min(now), Instant::now());
        }
        followed.decisions = decisions;
        (followed.usd_per_hour_after, followed.nodes_after) = (now, nodes);
        let minutes = started.elapsed().as_secs() / 60;
        while followed.usd_per_hour_each_minute.len() < minutes as usize {
            followed.usd_per_hour_each_minute.push(now);
            eprintln!("minute {minutes}: {now:.2} $/h, {nodes} nodes, {} pods evicted", deleted.count());
        }
    }
    followed.is_still = last_saving.elapsed() >= STILL;
    let end = if followed.is_still { last_saving } else { Instant::now() };
    followed.minutes = end.duration_since(started).as_secs_f64() / 60.0;
    followed.evictions = deleted.count();
    followed.nodes_disrupted = counted(&cluster.metrics()?, "karpenter_nodeclaims_disrupted_total");
    Ok(followed)
}

/// Dollars an hour and nodes.
fn cost(cluster: &Cluster, catalog: &Catalog) -> anyhow::Result<(f64, usize)> {
    let list = cluster.plane.get(&["nodes"])?;
    let nodes = list["items"].as_array().context("a list of nodes")?;
    let price = |node: &Value| {
        let name = node["metadata"]["labels"]["node.kubernetes.io/instance-type"].as_str().unwrap_or_default();
        catalog.usd_per_hour(name).with_context(|| format!("no price for {name}"))
    };
    let prices: anyhow::Result<Vec<f64>> = nodes.iter().map(price).collect();
    Ok((prices?.iter().sum(), nodes.len()))
}

/// The sum over all labels of a counter.
fn counted(metrics: &str, name: &str) -> f64 {
    let of_line = |line: &str| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit_once(' ')?.1.parse::<f64>().ok())?
    };
    metrics.lines().filter_map(of_line).sum()
}

/// A watch that counts the pods that go.
struct Deleted {
    kubectl: Child,
    pods: Arc<Mutex<BTreeSet<String>>>,
}

impl Deleted {
    fn watch(cluster: &Cluster, kubectl: &Path) -> anyhow::Result<Deleted> {
        let mut child = Command::new(kubectl)
            .arg("--kubeconfig")
            .arg(cluster.plane.kubeconfig())
            .args(["get", "pods", "--all-namespaces", "--watch", "--output-watch-events"])
            .args(["--output", "jsonpath={.type} {.object.metadata.uid}{\"\\n\"}"])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("the watch's output")?;
        let pods = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::new(AtomicUsize::new(0));
        let (noted, counted) = (Arc::clone(&pods), Arc::clone(&seen));
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::Relaxed);
                if let Some(uid) = line.strip_prefix("DELETED ") {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned());
                }
            }
        });
        let deleted = Deleted { kubectl: child, pods };
        // It lists what is there first; from then on nothing is missed.
        let started = Instant::now();
        while seen.load(Ordering::Relaxed) == 0 {
            anyhow::ensure!(started.elapsed() < STILL, "the watch of pods shows nothing");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(deleted)
    }

    fn count(&self) -> usize {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Deleted {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}
