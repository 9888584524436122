//! A PromQL expression as a threshold of plans, on a real control plane and a real Prometheus: crossed before, crossed on the
//! way, and unknown.
//!
//! The control plane is built by `tests/controlplane/build.sh`.

use crate::cluster::{self, Cluster, apps, words};
use crate::operator::{Operator, condition, configure, define_kinds, plans, wait_for_plan};
use controlplane::{ControlPlane, Prometheus};
use serde_json::{Value, json};

/// Somebody has asked Prometheus for this path: a sign of trouble that a test can give.
fn asked_for(path: &str) -> String {
    format!("prometheus_http_requests_total{{handler=\"{path}\"}} > 0")
}

fn in_pieces() -> Cluster {
    let mut cluster = Cluster::in_pieces(26, &apps(14));
    define_kinds(&mut cluster);
    cluster
}

fn is_unmarked(node: &Value) -> bool {
    let annotations = node["metadata"]["annotations"].as_object();
    node["spec"].get("unschedulable").is_none()
        && annotations.is_none_or(|annotations| annotations.keys().all(|key| !key.starts_with("optimizer.io/")))
}

/// Fails where `apply` forgets the query, or takes what Prometheus refuses for fine.
#[test]
fn apply_rolls_back_once_its_query_is_crossed_and_does_not_begin_where_it_is() {
    if Prometheus::is_missing() {
        return;
    }
    let mut cluster = in_pieces();
    let prometheus = Prometheus::start(cluster.folder.path(), "# EOF\n").unwrap();
    let slowly = ["--max-moves-per-wave", "3", "--cooldown", "5s"];
    let (path, _) = cluster.plan_with(&slowly);
    let query = asked_for("/-/healthy");
    let with = |query: &str| {
        let arguments = ["apply", &path, "--yes", "--prometheus", prometheus.url(), "--rollback-query", query];
        [&arguments[..], &slowly].concat().into_iter().map(str::to_owned).collect::<Vec<String>>()
    };
    let run = |cluster: &Cluster, query: &str| {
        let arguments = with(query);
        cluster.plimsoll(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };

    // What Prometheus does not understand is told in its words, and nothing is touched.
    let before = cluster.uids();
    let refused = run(&cluster, "sum(");
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    assert!(words(&refused).contains("answered 400") && words(&refused).contains("parse error"), "{}", words(&refused));
    assert_eq!(cluster.uids(), before);

    let log = cluster.folder.path().join("apply.log");
    let arguments = with(&query);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = cluster::begin(cluster.plane.kubeconfig(), &arguments, &log);
    let said = || std::fs::read_to_string(&log).unwrap();
    cluster.wait("a pod has moved", |_| said().contains("runs on"));
    prometheus.touch("/-/healthy").unwrap();
    let ended = child.wait().unwrap();
    let said = said();
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.contains("rolled back: the rollback query is crossed: {"), "{said}");
    assert!(said.contains("} 1 is the result of prometheus_http_requests_total"), "{said}");
    assert!(cluster.nodes().iter().all(is_unmarked));

    // Crossed from the start, it does not begin.
    cluster.wait_until_whole(&apps(14), |app| app.scaled_down);
    let before = cluster.uids();
    let refused = run(&cluster, &query);
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    assert!(words(&refused).contains("crossed before anything was done"), "{}", words(&refused));
    assert_eq!(cluster.uids(), before);
    assert!(cluster.nodes().iter().all(is_unmarked));
}

/// Fails where `options` leaves the profile's query out.
#[test]
fn a_plan_of_the_operator_is_rolled_back_by_its_profiles_query() {
    if Prometheus::is_missing() {
        return;
    }
    let mut cluster = in_pieces();
    let prometheus = Prometheus::start(cluster.folder.path(), "# EOF\n").unwrap();
    let rule = json!({
        "name": "slowly and watched", "maxConcurrentMigrations": 3, "migrationCooldown": "5s",
        "rollbackQuery": asked_for("/-/healthy"),
    });
    cluster.apply(&json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationProfile", "metadata": {"name": "watched"},
        "spec": {"rules": [rule]},
    }));
    configure(&cluster, "full-auto", json!({"profile": "watched"}));
    let flags = ["--prometheus", prometheus.url()];
    let operator = Operator::start_with(&cluster, cluster.plane.kubeconfig(), "only", &flags);
    cluster.wait("a wave is over", |plane| {
        plans(plane).iter().any(|(_, _, plan)| plan["status"]["executedMigrations"].as_u64() > Some(0))
    });
    prometheus.touch("/-/healthy").unwrap();
    let plan = wait_for_plan(&mut cluster, "RolledBack", &operator);
    let why = condition(&plan, "Progressing").unwrap()["message"].as_str().unwrap();
    assert!(why.starts_with("the rollback query is crossed: {") && why.contains("} 1 is the result of"), "{why}");
    assert!(cluster.nodes().iter().all(is_unmarked));

    // The next plan does not begin, and says why; nor once nobody knows.
    let blocked = |plane: &ControlPlane, reason: &str| {
        plans(plane).iter().any(|(_, phase, plan)| {
            phase == "Paused" && condition(plan, "Progressing").is_some_and(|condition| condition["reason"] == reason)
        })
    };
    cluster.wait("the next plan is blocked", |plane| blocked(plane, "RollbackQueryCrossed"));
    let before = cluster.uids();
    drop(prometheus);
    cluster.wait("nobody knows", |plane| blocked(plane, "RollbackQueryUnknown"));
    assert_eq!(cluster.uids(), before);
    assert!(cluster.nodes().iter().all(is_unmarked));
    assert_eq!(operator.stop(), 0);
}
