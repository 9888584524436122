//! Plans that buy nodes, on a real Kubernetes control plane: somebody adds them, and the plan waits and goes on.
//!
//! The control plane is built by `tests/controlplane/build.sh`.

use std::process::Child;

use crate::cluster::{self, App, Cluster, apps, begin, names, words};
use crate::operator::{Operator, condition, configure, define_kinds, plans, wait_for_plan};
use crate::watcher::Watcher;
use serde_json::{Value, json};

/// A type of twice the size for half of it: whatever has to stay apart, others are bought in place of the small ones.
const PRICES: &str = "instance_type,region,zone,capacity_type,usd_per_hour,vcpu,memory_gib,pods,arch,gpu
m6i.xlarge,,,on-demand,0.192,4,16,58,amd64,0
m6i.2xlarge,,,on-demand,0.1,8,32,58,amd64,0
";
const NODES: usize = 26;

/// A cluster of small nodes, and one large one, of one pool.
fn in_pieces(apps: &[App]) -> Cluster {
    let of_pool = |number: usize| {
        let mut node = cluster::node(number);
        node["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] = "general".into();
        if number == 0 {
            node["metadata"]["labels"]["node.kubernetes.io/instance-type"] = "m6i.2xlarge".into();
            let room = json!({"cpu": "7910m", "memory": "30000Mi", "pods": "58", "ephemeral-storage": "80Gi"});
            node["status"] = json!({"capacity": room, "allocatable": room});
        }
        node
    };
    let cluster = Cluster::of((0..NODES).map(of_pool).collect(), apps);
    std::fs::write(cluster.path("prices.csv"), PRICES).unwrap();
    cluster
}

/// The node that a plan describes, as somebody makes it under a name of its own.
fn made_of(planned: &Value, name: &str) -> Value {
    let mut node = planned["node"].clone();
    node["metadata"] = json!({"name": name, "labels": planned["node"]["metadata"]["labels"]});
    node["metadata"]["labels"]["kubernetes.io/hostname"] = name.into();
    node["spec"] = json!({"providerID": format!("aws:///{}/i-{name}", planned["zone"].as_str().unwrap())});
    node["status"] = json!({"capacity": node["status"]["allocatable"], "allocatable": node["status"]["allocatable"]});
    node
}

fn stands_for(node: &Value) -> Option<&str> {
    node.pointer("/metadata/annotations/optimizer.io~1stands-for")?.as_str()
}

/// Waits until the process has told this.
fn wait_until_told(cluster: &mut Cluster, child: &mut Child, log: &std::path::Path, what: &str) {
    cluster.wait(&format!("it says {what:?}"), |_| {
        let told = std::fs::read_to_string(log).unwrap();
        assert!(child.try_wait().unwrap().is_none(), "it has ended: {told}");
        told.contains(what)
    });
}

#[test]
fn a_plan_that_buys_waits_for_its_nodes_and_keeps_its_promise() {
    let apps = apps(9);
    let mut cluster = in_pieces(&apps);
    let prices = cluster.path("prices.csv");
    let (path, plan) = cluster.plan_with(&["--capacity", "any", "--prices", &prices]);
    let added = plan["spec"]["nodes"]["add"].as_array().unwrap().clone();
    let removed = names(&plan["spec"]["nodes"]["remove"]);
    assert!(added.len() >= 2, "{}", plan["spec"]["summary"]);
    let before = cluster.uids();
    nobody_adds_them(&cluster, &path, added.len());
    let arguments =
        ["apply", &path, "--yes", "--prices", &prices, "--remove-nodes", "node", "--add-nodes", "wait", "-o", "json"];

    // Nodes that are not what the plan wants: one has too little memory; and nothing moves before all are there.
    let log = cluster.folder.path().join("apply.log");
    let kubeconfig = cluster.plane.kubeconfig().to_owned();
    let least = apps.iter().map(|app| (app.name.clone(), (app.scaled_down - app.scaled_down.div_ceil(4)) as i64));
    let watcher = Watcher::start(&cluster.plane, least.collect());
    let mut child = begin(&kubeconfig, &arguments, &log);
    wait_until_told(&mut cluster, &mut child, &log, "none has come since the plan was made");
    let mut small = made_of(&added[0], "too-small");
    small["status"]["allocatable"]["memory"] = "1Gi".into();
    small["spec"]["taints"] = json!([{"key": "dedicated", "effect": "NoSchedule"}]);
    cluster.apply(&small);
    wait_until_told(&mut cluster, &mut child, &log, "too-small has too little to allocate of memory");
    cluster.apply(&made_of(&added[0], "first"));
    cluster.wait("the first node is taken", |plane| {
        plane.get(&["node", "first"]).is_ok_and(|node| stands_for(&node).is_some())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(cluster.uids(), before, "nothing leaves before all of them are there");
    let taken = stands_for(&cluster.plane.get(&["node", "first"]).unwrap()).unwrap().to_owned();

    // Killed, it goes on with what it has, and is killed again while pods move.
    let mut child = begin(&kubeconfig, &arguments, &log);
    for (number, planned) in
        added.iter().enumerate().filter(|(_, planned)| planned["node"]["metadata"]["name"] != *taken)
    {
        cluster.apply(&made_of(planned, &format!("next-{number}")));
    }
    wait_until_told(&mut cluster, &mut child, &log, "runs on");
    child.kill().unwrap();
    child.wait().unwrap();
    let nodes = cluster.nodes();
    assert_eq!(nodes.iter().filter_map(stands_for).count(), added.len());
    let first = nodes.iter().find(|node| node["metadata"]["name"] == "first").unwrap();
    assert_eq!(stands_for(first), Some(&*taken), "each stands for what it stood for");

    let applied = cluster.plimsoll(&arguments);
    assert!(applied.status.success(), "{}", words(&applied));
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    let ending: Value = serde_json::from_slice(&applied.stdout).unwrap();
    assert_eq!(ending["added"].as_array().unwrap().len(), added.len(), "{ending}");
    assert!(ending["onTarget"].as_u64().unwrap() * 10 >= ending["moved"].as_u64().unwrap() * 9, "{ending}");

    // As promised: those that were to go are gone, every workload is whole, and it costs what the plan said.
    cluster.plane.kubectl(&["delete", "node", "too-small"]).unwrap();
    cluster.wait_until_whole(&apps, |app| app.scaled_down);
    let nodes = cluster.nodes();
    assert_eq!(nodes.len(), NODES + added.len() - removed.len());
    assert!(nodes.iter().all(is_unmarked), "{nodes:?}");
    let analysis = cluster.plimsoll(&["analyze", "--prices", &prices, "-o", "json"]);
    let analysis: Value = serde_json::from_slice(&analysis.stdout).unwrap();
    let promised = plan["spec"]["summary"]["usdPerHourAfter"].as_f64().unwrap();
    assert!((analysis["totals"]["usdPerHour"].as_f64().unwrap() - promised).abs() < 1e-9, "{promised}");
    assert!(promised < plan["spec"]["summary"]["usdPerHourBefore"].as_f64().unwrap());
}

#[test]
fn the_operator_waits_for_nodes_and_another_goes_on_with_them() {
    let apps = apps(9);
    let mut cluster = in_pieces(&apps);
    define_kinds(&mut cluster);
    let prices = cluster.path("prices.csv");
    let flags = ["--prices", &prices, "--add-nodes", "wait"];
    let kubeconfig = cluster.plane.kubeconfig().to_owned();
    let mut first = Operator::start_with(&cluster, &kubeconfig, "first", &flags);
    configure(&cluster, "full-auto", json!({"capacity": "any"}));
    let waits = |plan: &Value| condition(plan, "Progressing").is_some_and(|found| found["reason"] == "AddingNodes");
    cluster.wait("the plan waits for nodes", |plane| plans(plane).iter().any(|(_, _, plan)| waits(plan)));
    let (name, _, plan) = plans(&cluster.plane).into_iter().find(|(_, _, plan)| waits(plan)).unwrap();
    let added = plan["spec"]["nodes"]["add"].as_array().unwrap().clone();
    assert!(added.len() >= 2, "{}", plan["spec"]["summary"]);
    cluster.apply(&made_of(&added[0], "first"));
    cluster.wait("the first node is taken", |plane| {
        plane.get(&["node", "first"]).is_ok_and(|node| stands_for(&node).is_some())
    });
    let taken = stands_for(&cluster.plane.get(&["node", "first"]).unwrap()).unwrap().to_owned();
    first.kill();

    let second = Operator::start_with(&cluster, &kubeconfig, "second", &flags);
    for (number, planned) in
        added.iter().enumerate().filter(|(_, planned)| planned["node"]["metadata"]["name"] != *taken)
    {
        cluster.apply(&made_of(planned, &format!("next-{number}")));
    }
    let plan = wait_for_plan(&mut cluster, "Completed", &second);
    configure(&cluster, "observe", json!({}));
    assert_eq!(plan["metadata"]["name"], *name);
    cluster.wait_until_whole(&apps, |app| app.scaled_down);
    let report = cluster.plane.get(&["optimizationreport", &name]).unwrap();
    let did = &report["status"]["consolidation"];
    assert_eq!(did["nodesAdded"], added.len(), "{did}");
    let promised = plan["spec"]["summary"]["usdPerMonthSaved"].as_f64().unwrap();
    assert!((did["usdPerMonthSaved"].as_f64().unwrap() - promised).abs() < 1e-6, "{did}");
    let nodes = cluster.nodes();
    let removed = names(&plan["spec"]["nodes"]["remove"]);
    assert_eq!(nodes.len(), NODES + added.len() - removed.len());
    assert!(nodes.iter().all(|node| stands_for(node).is_none()), "{nodes:?}");
    assert_eq!(second.stop(), 0);
}

/// Refused where nobody is to add them; and once they have not come in time, nothing was touched.
fn nobody_adds_them(cluster: &Cluster, path: &str, wanted: usize) {
    let (prices, before) = (cluster.path("prices.csv"), cluster.uids());
    let refused = cluster.plimsoll(&["apply", path, "--yes", "--prices", &prices]);
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    let told = format!("buys {wanted} nodes, and nobody was told to add them");
    assert!(words(&refused).contains(&told) && words(&refused).contains("--add-nodes"), "{}", words(&refused));
    let rehearsed = cluster.plimsoll(&["apply", path, "--dry-run", "--prices", &prices, "--add-nodes", "wait"]);
    assert!(rehearsed.status.success(), "{}", words(&rehearsed));
    let late =
        ["apply", path, "--yes", "--prices", &prices, "--add-nodes", "wait", "--added-within", "3s", "-o", "json"];
    let late = cluster.plimsoll(&late);
    assert_eq!(late.status.code(), Some(1), "{}", words(&late));
    let ending: Value = serde_json::from_slice(&late.stdout).unwrap();
    let reason = ending["rolledBack"].as_str().unwrap();
    assert!(reason.starts_with(&format!("0 of {wanted} nodes were added within 3 s")), "{reason}");
    assert_eq!((ending["moved"].as_u64(), cluster.uids()), (Some(0), before));
    assert!(cluster.nodes().iter().all(is_unmarked));
}

fn is_unmarked(node: &Value) -> bool {
    let annotations = node["metadata"]["annotations"].as_object();
    node["spec"].get("unschedulable").is_none()
        && annotations.is_none_or(|annotations| annotations.keys().all(|key| !key.starts_with("optimizer.io/")))
}
