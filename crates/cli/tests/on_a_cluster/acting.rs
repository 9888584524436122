//! Plans carried out on a real Kubernetes control plane, watched from outside, and killed on the way.
//!
//! The control plane is built by `tests/controlplane/build.sh`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::cluster::{self, Cluster, USD_PER_NODE, apps, begin, items, names, words};
use crate::watcher::Watcher;
use controlplane::{Fate, FaultProxy};
use serde_json::Value;

const CORDONED_BY: &str = "/metadata/annotations/optimizer.io~1cordoned-by";

#[test]
fn a_fragmented_cluster_becomes_cheaper_and_nobody_notices() {
    let apps = apps(40);
    let mut cluster = Cluster::in_pieces(60, &apps);
    let (path, plan) = cluster.plan();
    let removed = names(&plan["spec"]["nodes"]["remove"]);
    assert!(removed.len() >= 10, "{}", plan["spec"]["summary"]);

    let before = cluster.uids();
    let rehearsed = cluster.plimsoll(&["apply", &path, "--dry-run"]);
    assert!(rehearsed.status.success(), "{}", words(&rehearsed));
    assert_eq!(cluster.uids(), before, "a dry run changes nothing");
    assert!(cluster.nodes().iter().all(|node| node["spec"].get("unschedulable").is_none()));
    let refused = cluster.plimsoll(&["apply", &path]);
    assert_eq!(refused.status.code(), Some(2), "nobody has agreed: {}", words(&refused));
    assert_eq!(cluster.uids(), before);

    // A quarter of the ready replicas may be away at once, rounded up.
    let least = apps.iter().map(|app| (app.name.clone(), (app.scaled_down - app.scaled_down.div_ceil(4)) as i64));
    let watcher = Watcher::start(&cluster.plane, least.collect());
    let applied = cluster.plimsoll(&["apply", &path, "--yes", "--remove-nodes", "node", "-o", "json"]);
    let seen = watcher.end();
    assert!(applied.status.success(), "{}", words(&applied));
    assert_eq!(seen.wrongs, Vec::<String>::new());
    assert!(seen.events > apps.len(), "{} events", seen.events);

    let left: Vec<String> =
        cluster.nodes().iter().map(|node| node["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    assert!(removed.iter().all(|name| !left.contains(name)));
    assert_eq!(left.len(), 60 - removed.len());
    let summary = &plan["spec"]["summary"];
    let promised = summary["usdPerHourAfter"].as_f64().unwrap();
    assert!((promised - left.len() as f64 * USD_PER_NODE).abs() < 1e-9, "{summary}");
    cluster.wait_until_whole(&apps, |app| app.scaled_down);
    let analysis = cluster.plimsoll(&["analyze", "-o", "json"]);
    let analysis: Value = serde_json::from_slice(&analysis.stdout).unwrap();
    assert!((analysis["totals"]["usdPerHour"].as_f64().unwrap() - promised).abs() < 1e-9);

    let ending: Value = serde_json::from_slice(&applied.stdout).unwrap();
    let moved = ending["moved"].as_u64().unwrap();
    eprintln!("{moved} pods moved, {} of them to their targets; {} nodes gone", ending["onTarget"], removed.len());
    assert_eq!(moved, summary["migrations"].as_u64().unwrap());
    assert!(ending["onTarget"].as_u64().unwrap() * 10 >= moved * 9, "{}", ending["onTarget"]);
    nothing_is_left_behind(&cluster);

    faults::a_budget_tightened_on_the_way_keeps_its_node(&mut cluster, &apps);
}

/// No marks, no cordons, no hints.
fn nothing_is_left_behind(cluster: &Cluster) {
    for node in cluster.nodes() {
        assert_eq!(node.pointer(CORDONED_BY), None, "{}", node["metadata"]["name"]);
        assert_eq!(node["spec"].get("unschedulable"), None, "{}", node["metadata"]["name"]);
    }
    assert_eq!(items(&cluster.plane, &["mutatingadmissionpolicies"]).len(), 0);
    assert_eq!(items(&cluster.plane, &["mutatingadmissionpolicybindings"]).len(), 0);
}

mod faults {
    use super::*;
    use crate::cluster::App;

    pub fn a_budget_tightened_on_the_way_keeps_its_node(cluster: &mut Cluster, apps: &[App]) {
        cluster.scale_down_again(apps, 2);
        let (path, plan) = cluster.plan();
        let migrations = plan["spec"]["migrations"].as_array().unwrap();
        let has_budget =
            |step: &&Value| apps.iter().any(|app| app.has_budget && step["workload"]["name"] == app.name.as_str());
        let victim = migrations.iter().find(has_budget).expect("a step under a budget");
        let (pod, name) = (victim["pod"]["name"].as_str().unwrap(), victim["workload"]["name"].as_str().unwrap());

        let kubectl = cluster.kubectl();
        let (eviction, budget) = (format!("/pods/{pod}/eviction"), name.to_owned());
        let tightened = Arc::new(AtomicUsize::new(0));
        let counted = tightened.clone();
        let decide = move |write: &controlplane::Write| {
            if write.path.ends_with(&eviction) && counted.fetch_add(1, Ordering::SeqCst) == 0 {
                let tight = r#"{"spec": {"maxUnavailable": 0}}"#;
                kubectl(&["patch", "poddisruptionbudget", &budget, "--type", "merge", "--patch", tight]);
            }
            Fate::Forwarded
        };
        let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), decide, |_, _| ()).unwrap();
        let arguments = ["apply", &path, "--yes", "--remove-nodes", "node", "--refused-for", "20s", "-o", "json"];
        let applied = cluster::command(proxy.kubeconfig(), &arguments).output().unwrap();
        assert_eq!(applied.status.code(), Some(1), "{}", words(&applied));
        assert!(tightened.load(Ordering::SeqCst) > 1, "it is asked again: {}", words(&applied));
        let ending: Value = serde_json::from_slice(&applied.stdout).unwrap();
        assert_eq!(ending.get("rolledBack"), None, "{}", words(&applied));
        let kept = ending["kept"].as_array().unwrap();
        let kept_node = kept.iter().find(|kept| kept["node"] == victim["fromNode"]).expect("the node stays");
        assert!(kept_node["reason"].as_str().unwrap().contains("disruption budget"), "{kept_node}");
        nothing_is_left_behind(cluster);
    }
}

#[test]
fn killed_again_and_again_it_evicts_nobody_twice_and_leaves_nothing_behind() {
    let apps = apps(14);
    let mut cluster = Cluster::in_pieces(26, &apps);
    let (path, plan) = cluster.plan();
    let removed = names(&plan["spec"]["nodes"]["remove"]);
    assert!(!removed.is_empty(), "{}", plan["spec"]["summary"]);

    // Of each run the nth write is its last: every second time the API server never sees it, every other time it does.
    let running: Arc<Mutex<Option<std::process::Child>>> = Arc::default();
    let writes = Arc::new(AtomicUsize::new(0));
    let last = Arc::new(AtomicUsize::new(0));
    let (granted, hear) = cluster::count_evictions();
    let decide = {
        let (running, writes, last) = (running.clone(), writes.clone(), last.clone());
        move |_: &controlplane::Write| {
            let (write, last) = (writes.fetch_add(1, Ordering::SeqCst) + 1, last.load(Ordering::SeqCst));
            if write < last {
                return Fate::Forwarded;
            }
            if let Some(child) = running.lock().unwrap().as_mut() {
                child.kill().unwrap();
            }
            // What was sent at the same moment as the last write is lost with it.
            if write == last && last.is_multiple_of(2) { Fate::AnswerLost } else { Fate::Lost }
        }
    };
    let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), decide, hear).unwrap();
    let log = cluster.folder.path().join("apply.log");
    let arguments = ["apply", &path, "--yes", "--remove-nodes", "node"];
    let mut kills = 0;
    for nth in (1..400).step_by(5) {
        writes.store(0, Ordering::SeqCst);
        last.store(nth, Ordering::SeqCst);
        let mut held = running.lock().unwrap();
        *held = Some(begin(proxy.kubeconfig(), &arguments, &log));
        drop(held);
        let status = loop {
            if let Some(status) = running.lock().unwrap().as_mut().unwrap().try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        if status.code().is_some() {
            let told = std::fs::read_to_string(&log).unwrap();
            assert!(told.contains("pods moved"), "after {kills} kills: {told}");
            break;
        }
        kills += 1;
    }
    let granted = granted.lock().unwrap();
    eprintln!("killed {kills} times; {} evictions", granted.len());
    assert!(kills > 2, "{kills}");
    assert!(granted.values().all(|times| *times == 1), "{granted:?}");
    let planned: BTreeSet<&str> = plan["spec"]["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["pod"]["uid"].as_str().unwrap())
        .collect();
    assert!(granted.keys().all(|uid| planned.contains(uid.as_str())), "{granted:?}");

    // Where a kill parted an eviction from its hint a node may stay; whatever stays is uncordoned.
    let left = cluster.nodes().len();
    assert!(left < 26 && left >= 26 - removed.len(), "{left} nodes");
    nothing_is_left_behind(&cluster);
    cluster.wait_until_whole(&apps, |app| app.scaled_down);
}

#[test]
fn a_node_that_somebody_uncordons_stays() {
    let apps = apps(20);
    let mut cluster = Cluster::in_pieces(32, &apps);
    interference::an_uncordoned_node_ends_the_plan(&mut cluster);
}

mod interference {
    use super::*;

    /// Somebody lifts the cordon of a node when the first pod is evicted.
    pub fn an_uncordoned_node_ends_the_plan(cluster: &mut Cluster) {
        let (path, plan) = cluster.plan();
        let removed = names(&plan["spec"]["nodes"]["remove"]);
        let wanted = removed.last().expect("a node goes").clone();
        let (kubectl, evictions, node) = (cluster.kubectl(), AtomicUsize::new(0), wanted.clone());
        let decide = move |write: &controlplane::Write| {
            if write.path.ends_with("/eviction") && evictions.fetch_add(1, Ordering::SeqCst) == 0 {
                kubectl(&["uncordon", &node]);
            }
            Fate::Forwarded
        };
        let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), decide, |_, _| ()).unwrap();
        let arguments = ["apply", &path, "--yes", "--remove-nodes", "node", "-o", "json"];
        let applied = cluster::command(proxy.kubeconfig(), &arguments).output().unwrap();
        assert_eq!(applied.status.code(), Some(1), "{}", words(&applied));
        let ending: Value = serde_json::from_slice(&applied.stdout).unwrap();
        // Seen before a wave it ends the plan; seen when the node is empty, the node stays.
        let why = format!("somebody has uncordoned node {wanted}");
        let is_kept = ending["kept"].as_array().unwrap().iter().any(|kept| kept["node"] == wanted.as_str());
        assert!(ending["rolledBack"] == why.as_str() || is_kept, "{ending}");
        assert!(cluster.nodes().iter().any(|node| node["metadata"]["name"] == wanted.as_str()), "{wanted} is there");
        nothing_is_left_behind(cluster);
    }
}
