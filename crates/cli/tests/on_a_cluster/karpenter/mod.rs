//! Plans that buy nodes beside a real Karpenter, which makes the nodes and takes them away.
//!
//! The control plane and Karpenter are built by `tests/controlplane/build.sh`.

mod claims;
mod fixture;

use std::collections::BTreeMap;

use crate::cluster::{Cluster, begin, items, names, words};
use crate::watcher::Watcher;
use claims::Claims;
use fixture::{BUDGET, deployments, start};
use serde_json::Value;

fn marked(plane: &controlplane::ControlPlane) -> usize {
    let all = items(plane, &["nodeclaims"]);
    all.iter().filter(|claim| claim.pointer("/metadata/annotations/optimizer.io~1added-by").is_some()).count()
}

/// Neither marks nor a protection of ours.
fn is_unmarked(object: &Value) -> bool {
    let annotations = object["metadata"]["annotations"].as_object();
    let is_ours = |key: &String| key.starts_with("optimizer.io/") || key == "karpenter.sh/do-not-disrupt";
    annotations.is_none_or(|annotations| !annotations.keys().any(is_ours))
}

#[test]
fn karpenter_makes_what_a_plan_buys_and_takes_away_what_goes() {
    let mut cluster = start();
    let prices = cluster.path("prices.csv");
    let (path, plan) = cluster.plan_with(&["--capacity", "any", "--prices", &prices]);
    let (added, removed) =
        (plan["spec"]["nodes"]["add"].as_array().unwrap().len(), names(&plan["spec"]["nodes"]["remove"]));
    let summary = &plan["spec"]["summary"];
    assert!(added >= 2 && removed.len() > BUDGET, "{summary}");
    let (nodes_before, before) = (cluster.nodes().len(), cluster.uids());
    let kubeconfig = cluster.plane.kubeconfig().to_owned();
    let flags = ["--prices", &prices, "--add-nodes", "karpenter", "--remove-nodes", "karpenter", "-o", "json"];
    let apply = [&["apply", &path, "--yes"][..], &flags].concat();

    // Asked, the API server would take the NodeClaims; none is made.
    let rehearsed = cluster.plimsoll(&["apply", &path, "--dry-run", "--prices", &prices, "--add-nodes", "karpenter"]);
    assert!(rehearsed.status.success(), "{}", words(&rehearsed));
    assert_eq!(items(&cluster.plane, &["nodeclaims"]).len(), nodes_before);

    // Killed before anything moved and taken back, what was bought is given back.
    let log = cluster.folder.path().join("apply.log");
    let mut child = begin(&kubeconfig, &apply, &log);
    cluster.wait("a NodeClaim is made", |plane| marked(plane) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    // Karpenter's KWOK provider forgets a machine whose claim goes before its node has come.
    cluster.wait("Karpenter has made nodes of them", |plane| {
        items(plane, &["nodeclaims"]).iter().all(|claim| claim["status"]["nodeName"].is_string())
    });
    let undone = cluster.plimsoll(&["rollback", plan["metadata"]["name"].as_str().unwrap()]);
    assert!(undone.status.success(), "{}", words(&undone));
    cluster.wait("what was bought is given back", |plane| {
        items(plane, &["nodeclaims"]).len() == nodes_before && items(plane, &["nodes"]).len() == nodes_before
    });
    assert_eq!(cluster.uids(), before, "nothing leaves before all of them are there");

    // Killed, it goes on with what it has bought.
    let least: BTreeMap<String, i64> = deployments()
        .iter()
        .map(|deployment| (deployment.name.clone(), (deployment.quiet - deployment.quiet.div_ceil(4)) as i64))
        .collect();
    let (watcher, claims) = (Watcher::start(&cluster.plane, least), Claims::watch(&cluster.plane));
    let mut child = begin(&kubeconfig, &apply, &log);
    cluster.wait("a NodeClaim is made", |plane| marked(plane) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let applied = cluster.plimsoll(&apply);
    assert!(applied.status.success(), "{}", words(&applied));
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    let ending: Value = serde_json::from_slice(&applied.stdout).unwrap();
    assert_eq!(ending["added"].as_array().unwrap().len(), added, "{ending}");

    // It costs what was promised, nothing was bought twice, and no mark is left.
    let left = nodes_before + added - removed.len();
    cluster.wait("Karpenter has taken away what goes", |plane| {
        items(plane, &["nodeclaims"]).len() == left && items(plane, &["nodes"]).len() == left
    });
    let seen = claims.end();
    assert_eq!(seen.marked.len(), added, "{seen:?}");
    assert!(seen.most_going <= BUDGET && seen.gone.len() == removed.len(), "{seen:?}");
    assert!(cluster.nodes().iter().all(is_unmarked));
    assert!(items(&cluster.plane, &["nodeclaims"]).iter().all(is_unmarked));
    fixture::wait_until_settled(&mut cluster, |deployment| deployment.quiet);
    let analysis = cluster.plimsoll(&["analyze", "--prices", &prices, "-o", "json"]);
    let analysis: Value = serde_json::from_slice(&analysis.stdout).unwrap();
    let (promised, was) = (summary["usdPerHourAfter"].as_f64().unwrap(), summary["usdPerHourBefore"].as_f64().unwrap());
    let is = analysis["totals"]["usdPerHour"].as_f64().unwrap();
    eprintln!("{was} → {is} $/h, {nodes_before} → {left} nodes, {added} of them new");
    assert!((is - promised).abs() < 1e-9 && is < was, "{is} in place of {promised}");

    targets_are_protected(&mut cluster);
}

/// Fewer pods on the same nodes: while they move, Karpenter is kept from the nodes that they are moved to, killed or not.
fn targets_are_protected(cluster: &mut Cluster) {
    let less = |deployment: &fixture::Deployment| deployment.quiet.div_ceil(2);
    for deployment in deployments() {
        let replicas = format!("--replicas={}", less(&deployment));
        cluster.kubectl()(&["scale", &format!("deployment/{}", deployment.name), &replicas]);
    }
    fixture::wait_until_settled(cluster, less);
    let prices = cluster.path("prices.csv");
    let (path, plan) = cluster.plan_with(&["--prices", &prices]);
    let apply = ["apply", &path, "--yes", "--prices", &prices, "--remove-nodes", "karpenter"];
    let mut child = begin(cluster.plane.kubeconfig(), &apply, &cluster.folder.path().join("apply.log"));
    let annotation = |node: &Value, key: &str| node["metadata"]["annotations"][key].as_str().map(str::to_owned);
    let is_target = |node: &Value| annotation(node, "optimizer.io/protected-until").is_some();
    cluster.wait("a target is protected", |plane| items(plane, &["nodes"]).iter().any(is_target));
    child.kill().unwrap();
    child.wait().unwrap();
    let removed = names(&plan["spec"]["nodes"]["remove"]);
    for target in cluster.nodes().iter().filter(|node| is_target(node)) {
        assert_eq!(annotation(target, "karpenter.sh/do-not-disrupt").as_deref(), Some("true"), "{target}");
        assert_eq!(annotation(target, "optimizer.io/protected-by").as_deref(), plan["metadata"]["name"].as_str());
        assert!(!removed.iter().any(|gone| target["metadata"]["name"] == gone.as_str()), "{target}");
    }
    let applied = cluster.plimsoll(&apply);
    assert!(applied.status.success(), "{}", words(&applied));
    // Nodes that go bear their marks until Karpenter has taken them away.
    cluster.wait("no mark is left", |plane| items(plane, &["nodes"]).iter().all(is_unmarked));
}
