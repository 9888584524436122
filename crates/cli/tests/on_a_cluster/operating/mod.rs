//! The operator on a real Kubernetes control plane: every mode, what it writes down, and what happens when it is killed.
//!
//! The control plane is built by `tests/controlplane/build.sh`.

mod faults;
mod states;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::chart;
use crate::cluster::{self, App, Cluster, USD_PER_NODE, apps, items, words};
use crate::operator::{Operator, condition, config, configure, define_kinds, plans, wait_for_plan};
use crate::server::Server;
use crate::watcher::Watcher;
use controlplane::{Fate, FaultProxy};
use serde_json::{Value, json};

const NODES: usize = 26;

fn in_pieces() -> (Cluster, Vec<App>) {
    let apps = apps(14);
    let mut cluster = Cluster::in_pieces(NODES, &apps);
    define_kinds(&mut cluster);
    (cluster, apps)
}

/// The ready replicas below which no workload may come: a quarter may be away at once, rounded up.
fn least(apps: &[App]) -> BTreeMap<String, i64> {
    least_of(apps, |app| app.scaled_down)
}

fn least_of(apps: &[App], wanted: impl Fn(&App) -> usize) -> BTreeMap<String, i64> {
    apps.iter().map(|app| (app.name.clone(), (wanted(app) - wanted(app).div_ceil(4)) as i64)).collect()
}

fn is_unmarked(node: &Value) -> bool {
    let annotations = node["metadata"]["annotations"].as_object();
    node["spec"].get("unschedulable").is_none()
        && annotations.is_none_or(|annotations| annotations.keys().all(|key| !key.starts_with("optimizer.io/")))
}

/// Installed by the chart, with the rights that it gives and no others.
#[test]
fn it_reports_then_waits_for_approval_then_goes_by_itself() {
    const NODES: usize = 60;
    let mut apps = apps(43);
    for app in apps.iter_mut().filter(|app| app.scaled_down < app.full) {
        app.scaled_down = app.full * 3 / 4;
    }
    assert!(apps.iter().map(|app| app.scaled_down).sum::<usize>() >= 700);
    let mut cluster = Cluster::in_pieces(NODES, &apps);
    chart::prepare(&mut cluster);
    chart::install(&cluster, &["replicas=0", "access=act", "removeNodes=node"]);
    let account = cluster.plane.kubeconfig_of(chart::NAMESPACE, "plimsoll").unwrap();
    configure(&cluster, "observe", json!({}));
    let operator = Operator::start_with_webhooks(&cluster, &account, "only", chart::NAMESPACE);

    // It looks and writes a report, and touches neither nodes nor pods.
    let before = cluster.uids();
    cluster.wait("there is a report", |plane| config(plane)["status"]["phase"] == "Ready");
    let seen = config(&cluster.plane);
    assert_eq!(seen["status"]["nodeCount"], NODES, "{seen}");
    let report = cluster.plane.get(&["optimizationreport", "default"]).unwrap();
    let costs = &report["status"]["costs"];
    assert!((costs["usdPerHour"].as_f64().unwrap() - NODES as f64 * USD_PER_NODE).abs() < 1e-6, "{costs}");
    let to_save = costs["usdPerMonthToSave"].as_f64().unwrap();
    assert!(to_save > 100.0 && seen["status"]["potentialSavings"] == to_save, "{costs}");
    assert_eq!(plans(&cluster.plane).len(), 0);
    assert_eq!(cluster.uids(), before);
    assert!(cluster.nodes().iter().all(is_unmarked));
    assert_eq!(operator.ask(operator.health, "/readyz").0, 200);
    let metrics = metrics_for_those_who_may(&mut cluster, &operator);
    assert!(metrics.contains(&format!("plimsoll_nodes_total {NODES}")), "{metrics}");
    assert!(metrics.contains("plimsoll_leader 1"), "{metrics}");

    webhooks_say_what_is_wrong(&mut cluster);

    // It plans, and waits. Outside the safe windows nothing is begun even once somebody has agreed.
    let closed =
        json!({"safeWindows": [{"start": "00:00", "end": "00:01", "days": ["Mon"], "timeZone": "Etc/GMT+12"}]});
    configure(&cluster, "manual", closed);
    let plan = wait_for_plan(&mut cluster, "Pending", &operator);
    let name = plan["metadata"]["name"].as_str().unwrap().to_owned();
    let status = cluster.plimsoll(&["status"]);
    assert!(words(&status).contains(&format!("plimsoll approve {name}")), "{}", words(&status));
    let forged = r#"{"spec": {"approved": true, "approvedBy": "somebody else"}}"#;
    let may = "- {apiGroups: [optimizer.io], resources: [migrationplans], verbs: [get, patch]}";
    let jane = cluster.plane.kubeconfig_for("jane", may).unwrap();
    let patch = ["patch", "mplan", &name, "--type", "merge", "--patch", forged];
    let approved = cluster.plane.kubectl_as(&jane, &patch).unwrap();
    assert!(approved.status.success(), "{}", words(&approved));
    cluster.wait("the plan waits for its window", |plane| {
        let plan = plane.get(&["migrationplan", &name]).unwrap();
        condition(&plan, "Progressing").is_some_and(|condition| condition["reason"] == "OutsideWindow")
    });
    assert_eq!(cluster.uids(), before);

    // Within them it goes.
    let watcher = Watcher::start(&cluster.plane, least(&apps));
    configure(&cluster, "manual", json!({"safeWindows": []}));
    let plan = wait_for_plan(&mut cluster, "Completed", &operator);
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    is_as_promised(&mut cluster, &plan, &apps);
    // Whatever the patch said: who approves is who asked.
    assert_eq!(plan["status"]["approvedBy"], "jane");
    let again = cluster.plimsoll(&["approve", &name]);
    assert!(again.status.success(), "{}", words(&again));
    let frozen = cluster.plane.kubectl(&[
        "patch",
        "mplan",
        &name,
        "--type",
        "merge",
        "--patch",
        r#"{"spec": {"nodes": {"remove": []}}}"#,
    ]);
    assert!(words(&frozen.unwrap()).contains("frozen since the plan was approved"));
    let report = cluster.plane.get(&["optimizationreport", &name]).unwrap();
    let saved = report["status"]["consolidation"]["usdPerMonthSaved"].as_f64().unwrap();
    assert!((saved - plan["spec"]["summary"]["usdPerMonthSaved"].as_f64().unwrap()).abs() < 1e-6, "{report}");
    let history = cluster.plimsoll(&["history"]);
    assert!(words(&history).contains(&name), "{}", words(&history));
    let events = items(&cluster.plane, &["events.events.k8s.io"]);
    let reasons = |kind: &str| -> Vec<&str> {
        let of_kind = events.iter().filter(|event| event["regarding"]["kind"] == kind);
        of_kind.filter_map(|event| event["reason"].as_str()).collect()
    };
    for reason in ["Planned", "Approved", "Executing", "Completed"] {
        assert!(reasons("MigrationPlan").contains(&reason), "{reason}: {:?}", reasons("MigrationPlan"));
    }
    assert!(reasons("Node").contains(&"Cordoned"), "{:?}", reasons("Node"));

    // What is of low risk goes by itself; what is not waits.
    cluster.scale_down_again(&apps, 2);
    let watcher = Watcher::start(&cluster.plane, least_of(&apps, |app| app.scaled_down_again(2)));
    configure(&cluster, "semi-auto", json!({"safeWindows": []}));
    let is_new = |found: &str| found != name;
    let mut another = None;
    cluster.wait("another plan is done", |plane| {
        another = plans(plane).into_iter().find(|(found, phase, _)| is_new(found) && phase == "Completed");
        another.is_some()
    });
    let (_, _, plan) = another.unwrap();
    assert!(plan["status"]["approvedBy"].as_str().unwrap().contains("semi-auto"), "{}", plan["status"]);
    let steps = plan["spec"]["migrations"].as_array().unwrap();
    assert!(!steps.is_empty() && steps.iter().all(|step| step["risk"] == "low"), "{steps:?}");
    // What is left of low risk may go by another plan of its own: until it has looked once more and none is under way.
    cluster.wait("nothing more goes by itself", |plane| {
        let looked = config(plane)["status"]["lastAnalysis"].as_str().map(str::to_owned);
        plans(plane).iter().filter(|(.., plan)| plan["spec"]["approved"] == true).all(|(_, phase, plan)| {
            phase == "Completed" && plan["status"]["finishedAt"].as_str().map(str::to_owned) <= looked
        })
    });
    assert!(cluster.nodes().iter().all(is_unmarked));
    for (found, phase, plan) in plans(&cluster.plane) {
        assert!(phase == "Completed" || plan["spec"]["approved"] == false, "{found}: {phase}");
    }
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());

    // Everything goes by itself; nothing is left to a plan that is made while there comes to be more to save.
    configure(&cluster, "observe", json!({"safeWindows": []}));
    cluster.wait("it only observes", |plane| {
        let config = config(plane);
        let (metadata, status) = (&config["metadata"], &config["status"]);
        status["phase"] == "Ready" && status["observedGeneration"] == metadata["generation"]
    });
    cluster.scale_down_again(&apps, 4);
    let watcher = Watcher::start(&cluster.plane, least_of(&apps, |app| app.scaled_down_again(4)));
    configure(&cluster, "full-auto", json!({"safeWindows": []}));
    let by_itself = |plan: &Value| plan["status"]["approvedBy"].as_str().is_some_and(|by| by.contains("full-auto"));
    cluster.wait("a plan of its own is done", |plane| {
        plans(plane).iter().any(|(_, phase, plan)| phase == "Completed" && by_itself(plan))
    });
    configure(&cluster, "observe", json!({"safeWindows": []}));
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    let (_, _, plan) = plans(&cluster.plane).into_iter().find(|(.., plan)| by_itself(plan)).unwrap();
    let (promised, left) = (plan["spec"]["summary"]["usdPerHourAfter"].as_f64().unwrap(), cluster.nodes());
    assert!((promised - left.len() as f64 * USD_PER_NODE).abs() < 1e-9, "{} nodes: {}", left.len(), plan["status"]);
    assert!(left.iter().all(is_unmarked));
    // It had every right, and the API server called no webhook that could not answer yet.
    let log = operator.log();
    assert!(!log.contains("forbidden") && !log.contains("failed calling webhook"), "{log}");
    assert_eq!(operator.stop(), 0);
}

/// Metrics beyond the loopback address are for whoever the API server knows and lets read them.
fn metrics_for_those_who_may(cluster: &mut Cluster, operator: &Operator) -> String {
    let plane = &cluster.plane;
    let token = |account: &str| {
        assert!(plane.kubectl(&["create", "serviceaccount", account]).unwrap().status.success());
        let token = plane.kubectl(&["create", "token", account]).unwrap();
        String::from_utf8(token.stdout).unwrap().trim().to_owned()
    };
    let (scraper, stranger) = (token("scraper"), token("stranger"));
    plane
        .apply(
            &json!({"apiVersion": "v1", "kind": "List", "items": [
                {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "scraper"},
                 "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]},
                {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "scraper"},
                 "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "scraper"},
                 "subjects": [{"kind": "ServiceAccount", "name": "scraper", "namespace": "default"}]},
            ]})
            .to_string(),
        )
        .unwrap();
    for nobody in ["", "made-up", &stranger] {
        let refused = operator.metrics_as(plane, nobody);
        assert!(!refused.status.success(), "{nobody}: {}", words(&refused));
        assert!(!words(&refused).contains("plimsoll_"), "{nobody}: {}", words(&refused));
    }
    let mut got = String::new();
    // A refusal is remembered for a minute, and rights are known a moment after they are written.
    cluster.wait("the scraper may", |plane| {
        let answer = operator.metrics_as(plane, &scraper);
        got = words(&answer);
        answer.status.success()
    });
    got
}

/// The API server refuses what the schema lets pass, with field, value and what is valid; over a renewed certificate too.
fn webhooks_say_what_is_wrong(cluster: &mut Cluster) {
    let wrong = json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationConfig", "metadata": {"name": "wrong"},
        "spec": {"safeWindows": [{"start": "22:00", "end": "05:00", "timeZone": "Mars/Olympus"}]},
    });
    let refusal = |plane: &controlplane::ControlPlane| {
        let answer = plane.kubectl_with_input(&["apply", "-f", "-"], &wrong.to_string()).unwrap();
        if answer.status.success() {
            // The webhooks are not registered yet.
            plane.kubectl(&["delete", "optimizationconfig", "wrong"]).unwrap();
        }
        words(&answer)
    };
    let told = "spec.safeWindows[0].timeZone: \"Mars/Olympus\": is no time zone";
    cluster.wait("what is wrong is refused", |plane| refusal(plane).contains(told));
    let certificate = |plane: &controlplane::ControlPlane| {
        let secret = ["secret", "plimsoll-webhook", "--namespace", chart::NAMESPACE];
        plane.get(&secret).unwrap()["data"]["tls.crt"].clone()
    };
    let before = certificate(&cluster.plane);
    let renew = "optimizer.io/renew-after=2026-01-01T00:00:00Z";
    let expire = ["annotate", "--overwrite", "secret", "plimsoll-webhook", renew, "--namespace", chart::NAMESPACE];
    assert!(cluster.plane.kubectl(&expire).unwrap().status.success());
    cluster.wait("the certificate is renewed", |plane| certificate(plane) != before);
    cluster.wait("what is wrong is refused again", |plane| refusal(plane).contains(told));
}

/// Nodes have gone, pods are where they were to go, and it costs what was promised.
fn is_as_promised(cluster: &mut Cluster, plan: &Value, apps: &[App]) {
    let summary = &plan["spec"]["summary"];
    let left = cluster.nodes();
    assert!(left.iter().all(is_unmarked));
    let promised = summary["usdPerHourAfter"].as_f64().unwrap();
    assert!((promised - left.len() as f64 * USD_PER_NODE).abs() < 1e-9, "{summary}, {} nodes", left.len());
    assert_eq!(plan["status"]["executedMigrations"], summary["migrations"], "{}", plan["status"]);
    let steps = plan["status"]["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["outcome"] == "Moved"), "{steps:?}");
    cluster.wait_until_whole(apps, |app| app.scaled_down);
}

#[test]
fn killed_and_frozen_leaders_hurt_nobody() {
    let (mut cluster, apps) = in_pieces();
    let (granted, hear) = cluster::count_evictions();
    let evicted = || granted.lock().unwrap().len();
    let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), |_| Fate::Forwarded, hear).unwrap();
    configure(&cluster, "full-auto", json!({}));
    let watcher = Watcher::start(&cluster.plane, least(&apps));
    let until = |what: &str, operator: &Operator, condition: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < cluster::PATIENCE, "{what}: {}", operator.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };

    // Killed in the middle of a wave.
    let mut first = Operator::start(&cluster, proxy.kubeconfig(), "first");
    until("pods are evicted", &first, &|| evicted() > 0);
    first.kill();
    let marked = cluster.nodes().iter().filter(|node| !is_unmarked(node)).count();
    assert!(marked > 0, "what is under way is in the cluster");

    // The next one waits until the lease has run out, and goes on; frozen, it loses the lease to a third.
    let second = Operator::start(&cluster, proxy.kubeconfig(), "second");
    let before = evicted();
    until("the second goes on", &second, &|| evicted() > before || is_over(&cluster));
    second.signal("-STOP");
    let third = Operator::start(&cluster, proxy.kubeconfig(), "third");
    until("the third leads", &third, &|| {
        let lease = cluster.plane.get(&["lease", "plimsoll-operator"]).unwrap();
        lease["spec"]["holderIdentity"] == "third"
    });
    second.signal("-CONT");
    let plan = wait_for_plan(&mut cluster, "Completed", &third);
    until("the second knows", &second, &|| second.log().contains("lost the lease"));

    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    let granted = granted.lock().unwrap();
    assert!(granted.values().all(|times| *times == 1), "{granted:?}");
    drop(granted);
    assert!(cluster.nodes().len() < NODES);
    assert!(cluster.nodes().iter().all(is_unmarked), "{}", plan["status"]);
    cluster.wait_until_whole(&apps, |app| app.scaled_down);
}

/// Whatever the API server answers to a write the first time: the plan gets there, and nobody is evicted twice.
#[test]
fn an_api_server_that_fails_every_write_once_delays_it() {
    let (mut cluster, apps) = in_pieces();
    let asked: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let (granted, hear) = cluster::count_evictions();
    let decide = move |write: &controlplane::Write| {
        // The lease's own faults are another test's; events may be lost.
        if write.path.contains("/leases") || write.path.contains("/events") {
            return Fate::Forwarded;
        }
        let mut asked = asked.lock().unwrap();
        let before = asked.len();
        let times = asked.entry(format!("{} {}", write.method, write.path)).or_default();
        *times += 1;
        if *times > 1 {
            return Fate::Forwarded;
        }
        match before % 4 {
            0 => Fate::Answered(429, status(429, "TooManyRequests")),
            1 => Fate::Answered(500, status(500, "InternalError")),
            2 => Fate::Answered(409, status(409, "Conflict")),
            _ => Fate::Lost,
        }
    };
    let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), decide, hear).unwrap();
    // What fails does not wait for its schedule.
    configure(&cluster, "full-auto", json!({"schedule": "@every 24h"}));
    let watcher = Watcher::start(&cluster.plane, least(&apps));
    let collector = Server::start(|_| (200, "{}".to_owned()));
    let to = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str())];
    let operator = Operator::start_in(&cluster, proxy.kubeconfig(), "only", &[], &to);
    let plan = wait_for_plan(&mut cluster, "Completed", &operator);
    // What was granted is counted, and what was not by why.
    let (_, metrics) = operator.ask(operator.metrics, "/metrics");
    let counted = |labels: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("plimsoll_writes_total{{{labels}}} ")));
        line.and_then(|count| count.parse::<usize>().ok()).unwrap_or(0)
    };
    let evictions = counted(r#"kind="eviction",result="granted""#);
    assert_eq!(evictions, granted.lock().unwrap().len(), "{metrics}");
    assert!(counted(r#"kind="object",result="busy""#) > 0, "{metrics}");
    assert_eq!(operator.stop(), 0);
    is_traced(&collector);
    assert_eq!(watcher.end().wrongs, Vec::<String>::new());
    let granted = granted.lock().unwrap();
    assert!(granted.values().all(|times| *times == 1), "{granted:?}");
    assert!(granted.len() > 5, "{}", plan["status"]);
    assert!(cluster.nodes().len() < NODES);
    assert!(cluster.nodes().iter().all(is_unmarked));
    drop(granted);
    cluster.wait_until_whole(&apps, |app| app.scaled_down);
}

/// Whoever collects traces has got all of them by the time that it has stopped, each below what it is a part of.
fn is_traced(collector: &Server) {
    let sent: Vec<Value> = collector.asked("/v1/traces").into_iter().map(|asked| asked.body).collect();
    let list = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let resources = sent.iter().flat_map(|sent| list(sent, "resourceSpans"));
    let scopes = resources.flat_map(|resource| {
        assert!(resource["resource"].to_string().contains("\"plimsoll\""), "{resource}");
        list(&resource, "scopeSpans")
    });
    let spans: Vec<Value> = scopes.flat_map(|scope| list(&scope, "spans")).collect();
    let named = |name: &'static str| spans.iter().filter(move |span| span["name"] == name);
    for (part, whole) in [("planning", "analysis"), ("wave", "plan"), ("eviction", "wave")] {
        assert!(named(part).count() > 0, "no {part} in {} spans", spans.len());
        let is_within = |span: &Value| named(whole).any(|whole| whole["spanId"] == span["parentSpanId"]);
        assert!(named(part).all(is_within), "each {part} is within a {whole}");
    }
}

/// The workload of a pod that the running plan has moved.
fn moved(plane: &controlplane::ControlPlane) -> Option<String> {
    let (_, _, plan) = plans(plane).into_iter().find(|(_, phase, _)| phase == "Executing")?;
    let is_moved = |uid: &Value| {
        let steps = plan["status"]["steps"].as_array();
        steps.is_some_and(|steps| steps.iter().any(|step| step["pod"] == *uid && step["outcome"] == "Moved"))
    };
    let steps = plan["spec"]["migrations"].as_array()?;
    let step = steps.iter().find(|step| is_moved(&step["pod"]["uid"]))?;
    Some(step["workload"]["name"].as_str()?.to_owned())
}

/// Every pod of the workload has started again.
fn restart(cluster: &Cluster, workload: &str) {
    for pod in items(&cluster.plane, &["pods", "--selector", &format!("app={workload}")]) {
        let mut containers = pod["status"]["containerStatuses"].clone();
        containers[0]["restartCount"] = 2.into();
        let patch = json!({"status": {"containerStatuses": containers}}).to_string();
        let name = pod["metadata"]["name"].as_str().unwrap();
        let arguments = ["patch", "pod", name, "--subresource=status", "--type", "merge", "--patch", &patch];
        let patched = cluster.plane.kubectl(&arguments).unwrap();
        // It may have moved meanwhile.
        let said = words(&patched);
        assert!(patched.status.success() || said.contains("NotFound"), "{said}");
    }
}

fn status(code: u16, reason: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason,
        "message": format!("{reason}, as the test has it"),
    })
    .to_string()
}

fn is_over(cluster: &Cluster) -> bool {
    plans(&cluster.plane).iter().any(|(_, phase, _)| phase == "Completed")
}

#[test]
fn what_is_wrong_is_said_and_a_deleted_plan_is_undone() {
    let (mut cluster, apps) = in_pieces();
    // The schema lets it pass: the API server knows no time zones.
    let nowhere = json!({"safeWindows": [{"start": "22:00", "end": "05:00", "timeZone": "Mars/Olympus"}]});
    configure(&cluster, "full-auto", nowhere);
    let operator = Operator::start(&cluster, cluster.plane.kubeconfig(), "only");
    cluster.wait("it is said what is wrong", |plane| config(plane)["status"]["phase"] == "Error");
    let told = config(&cluster.plane);
    let accepted = condition(&told, "Accepted").unwrap();
    assert_eq!(accepted["status"], "False");
    let message = accepted["message"].as_str().unwrap();
    assert!(message.contains("spec.safeWindows[0].timeZone: \"Mars/Olympus\": is no time zone"), "{message}");
    configure(&cluster, "full-auto", json!({"safeWindows": [], "profile": "absent"}));
    cluster.wait("the profile is missed", |plane| {
        condition(&config(plane), "Accepted").is_some_and(|accepted| accepted["reason"] == "ProfileMissing")
    });
    let profile = json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationProfile", "metadata": {"name": "slowly"},
        "spec": {"rules": [{"name": "small waves", "maxConcurrentMigrations": 3, "migrationCooldown": "3s"}]},
    });
    cluster.apply(&profile);
    configure(&cluster, "full-auto", json!({"safeWindows": [], "profile": "slowly"}));

    // Pods that start again where they were moved to: it is rolled back.
    wait_for_plan(&mut cluster, "Executing", &operator);
    cluster.wait("a wave is over", |plane| moved(plane).is_some());
    let workload = moved(&cluster.plane).unwrap();
    restart(&cluster, &workload);
    let plan = wait_for_plan(&mut cluster, "RolledBack", &operator);
    let why = condition(&plan, "Progressing").unwrap()["message"].as_str().unwrap();
    assert!(why.contains("start again"), "{why}");

    // Deleted while it runs: it stops, and takes back what it did to nodes.
    wait_for_plan(&mut cluster, "Executing", &operator);
    cluster.wait("a wave is over", |plane| {
        let is_begun = |plan: &Value| plan["status"]["executedMigrations"].as_u64() > Some(0);
        plans(plane).iter().any(|(_, phase, plan)| phase == "Executing" && is_begun(plan))
    });
    configure(&cluster, "observe", json!({"safeWindows": [], "profile": "slowly"}));
    let deleted = cluster.plane.kubectl(&["delete", "migrationplans", "--all", "--wait=false"]).unwrap();
    assert!(deleted.status.success(), "{}", words(&deleted));
    cluster.wait("the plan is gone", |plane| plans(plane).is_empty());
    assert!(cluster.nodes().iter().all(is_unmarked));
    assert_eq!(items(&cluster.plane, &["mutatingadmissionpolicies"]).len(), 0);
    cluster.wait_until_whole(&apps, |app| app.scaled_down);
    assert_eq!(operator.stop(), 0);
}
