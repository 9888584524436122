//! Rightsizing by policy on a real Kubernetes control plane, from what a real Prometheus has seen: recommended, approved,
//! applied in place, rolled back, and left alone where it may not be.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code, reason = "the tests of `apply` use another part of it")]
#[path = "acting/fixture.rs"]
mod cluster;
#[allow(dead_code, reason = "the tests of the operator use another part of it")]
#[path = "operating/fixture.rs"]
mod fixture;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, Once};
use std::time::{SystemTime, UNIX_EPOCH};

use cluster::{Cluster, items, words};
use controlplane::{ControlPlane, Fate, FaultProxy, Prometheus, Write};
use fixture::{Operator, condition, define_kinds};
use serde_json::{Value, json};

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
fn shop() -> Option<(Cluster, Prometheus)> {
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
fn pods(plane: &ControlPlane, app: &str) -> Vec<Value> {
    let selector = if app.is_empty() { String::new() } else { format!("app={app}") };
    let mut pods = items(plane, &["pods", "--selector", &selector]);
    pods.retain(|pod| pod["metadata"]["namespace"] == "shop");
    pods
}

fn requests(pod: &Value) -> &Value {
    &pod["spec"]["containers"][0]["resources"]["requests"]
}

fn uids(pods: &[Value]) -> Vec<&str> {
    pods.iter().filter_map(|pod| pod["metadata"]["uid"].as_str()).collect()
}

fn policy(cluster: &Cluster, spec: Value) {
    let mut whole = json!({"selector": {"namespaces": {"allow": ["shop"]}}, "reconciliationInterval": "30s"});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    cluster.apply(&json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationPolicy",
        "metadata": {"name": "shop", "namespace": "default"}, "spec": whole,
    }));
}

fn recommendation(plane: &ControlPlane, name: &str) -> Value {
    plane.get(&["optrec", name, "--namespace", "shop"]).unwrap_or_default()
}

fn phase(plane: &ControlPlane, name: &str) -> String {
    recommendation(plane, name)["status"]["phase"].as_str().unwrap_or_default().to_owned()
}

/// Somebody who may agree to recommendations, and no more.
fn jane(cluster: &mut Cluster) -> PathBuf {
    let may = "- {apiGroups: [optimizer.io], resources: [optimizationrecommendations], verbs: [get, patch]}";
    cluster.plane.kubeconfig_for("jane", may).unwrap()
}

fn change(plane: &ControlPlane, who: &Path, name: &str, spec: &Value) -> std::process::Output {
    let patch = json!({"spec": spec}).to_string();
    let arguments = ["patch", "optrec", name, "--namespace", "shop", "--type", "merge", "--patch", &patch];
    plane.kubectl_as(who, &arguments).unwrap()
}

fn approve(plane: &ControlPlane, who: &Path, name: &str) {
    let approved = change(plane, who, name, &json!({"approved": true}));
    assert!(approved.status.success(), "{}", words(&approved));
}

fn start(cluster: &Cluster, prometheus: &Prometheus, identity: &str, more: &[&str]) -> Operator {
    let flags = [&["--prometheus", prometheus.url()], more].concat();
    Operator::start_with(cluster, cluster.plane.kubeconfig(), identity, &flags)
}

fn with_webhooks(cluster: &Cluster, prometheus: &Prometheus, identity: &str) -> Operator {
    let address = format!("127.0.0.1:{}", ControlPlane::free_port().unwrap());
    start(
        cluster,
        prometheus,
        identity,
        &["--namespace", "default", "--webhook-address", &address, "--webhook-host", "127.0.0.1"],
    )
}

/// Waits, and shows the log where it is in vain.
fn wait(cluster: &mut Cluster, operator: &Operator, what: &str, condition: impl FnMut(&ControlPlane) -> bool) {
    let waited = cluster.plane.wait_until(what, cluster::PATIENCE, condition);
    assert!(waited.is_ok(), "{what}: {}", operator.log());
}

/// What was seen along the way, by what it is.
type Seen = BTreeMap<&'static str, Value>;

/// Recommended, approved by somebody, applied in place, then by itself, then disabled, and started anew.
static STORY: LazyLock<Option<Seen>> = LazyLock::new(|| {
    let (mut cluster, prometheus) = shop()?;
    let mut seen = Seen::new();
    policy(&cluster, json!({"mode": "Recommend"}));
    let operator = with_webhooks(&cluster, &prometheus, "only");
    let before = pods(&cluster.plane, "");

    // It recommends, says how and why not, and changes nothing.
    wait(&mut cluster, &operator, "there are recommendations", |plane| {
        phase(plane, "deployment-web").is_empty()
            && recommendation(plane, "deployment-web")["spec"].is_object()
            && recommendation(plane, "statefulset-api")["spec"].is_object()
    });
    wait(&mut cluster, &operator, "the policy is ready", |plane| {
        let policy = plane.get(&["optpol", "shop"]).unwrap();
        condition(&policy, "Ready").is_some_and(|ready| ready["status"] == "True")
            && policy["status"]["workloadCount"] == 4
    });
    let found = cluster.plane.get(&["optpol", "shop"]).unwrap();
    let of = |name: &str| {
        let workloads = found["status"]["workloads"].as_array().unwrap();
        workloads.iter().find(|workload| workload["name"] == name).unwrap()["containers"][0].clone()
    };
    let millis = |value: &Value| model::Quantity::parse(value.as_str().unwrap()).unwrap().milli_value();
    for resource in ["cpu", "memory"] {
        let web = of("web")[resource].clone();
        let [p50, p90, p99] = ["p50", "p90", "p99"].map(|percentile| millis(&web[percentile]));
        assert!(p50 <= p90 && p90 <= p99 && millis(&web["recommended"]) < millis(&web["request"]), "{web}");
        assert!(!web["explanation"].as_str().unwrap().is_empty(), "{web}");
        assert!(of("pay")[resource]["skipped"].as_str().unwrap().contains("Guaranteed"), "{}", of("pay"));
        assert!(of("idle")[resource]["skipped"].as_str().unwrap().contains("unknown"), "{}", of("idle"));
    }
    assert_eq!(found["status"]["recommendationCount"], 2, "{}", found["status"]);
    assert_eq!(found["status"]["workloads"][0]["name"], "api", "dangers come first");
    let web = recommendation(&cluster.plane, "deployment-web");
    assert!(web["spec"]["estimatedSavings"].as_f64().unwrap() > 0.0, "{web}");
    assert!(
        recommendation(&cluster.plane, "deployment-pay").is_null()
            && recommendation(&cluster.plane, "deployment-idle").is_null()
    );
    let unchanged = |plane: &ControlPlane| {
        let now = pods(plane, "");
        now.len() == before.len() && now.iter().zip(&before).all(|(now, before)| now["spec"] == before["spec"])
    };
    assert!(unchanged(&cluster.plane));
    seen.insert("before", json!(before.iter().map(|pod| &pod["spec"]).collect::<Vec<_>>()));
    seen.insert("first look", found.clone());
    seen.insert("recommendation", web.clone());
    let row = "-o=jsonpath={range .status.workloads[*]}{.name}{range .containers[*]} {.name} {.cpu.recommended} {.memory.recommended}{end}{\"\\n\"}{end}";
    let printed = cluster.plane.kubectl(&["get", "optpol", "shop", row]).unwrap();
    seen.insert("printed", words(&printed).into());
    wait(&mut cluster, &operator, "it looks again", |plane| {
        let again = plane.get(&["optpol", "shop"]).unwrap();
        again["status"]["lastRecommendation"] != found["status"]["lastRecommendation"]
    });
    seen.insert("second look", cluster.plane.get(&["optpol", "shop"]).unwrap());
    seen.insert("still", json!(pods(&cluster.plane, "").iter().map(|pod| &pod["spec"]).collect::<Vec<_>>()));

    let status = words(&cluster.plimsoll(&["status"]));
    for line in ["default/shop", "shop/deployment-web", "waits: plimsoll approve optrec/"] {
        assert!(status.contains(line), "{line}: {status}");
    }

    // Somebody agrees: pods are resized where they are, and the template stays.
    let template = cluster.plane.get(&["deployment", "web", "--namespace", "shop"]).unwrap();
    let ran = pods(&cluster.plane, "web");
    let jane = jane(&mut cluster);
    approve(&cluster.plane, &jane, "deployment-web");
    wait(&mut cluster, &operator, "it is applied", |plane| phase(plane, "deployment-web") == "Applied");
    let now = pods(&cluster.plane, "web");
    assert_eq!(uids(&now), uids(&ran), "nothing restarts");
    let applied = &web["spec"]["changes"][0]["requests"];
    assert!(
        now.iter().all(|pod| requests(pod) == applied),
        "{applied}: {:?}",
        now.iter().map(requests).collect::<Vec<_>>()
    );
    assert!(now.iter().all(|pod| pod["status"]["containerStatuses"][0]["resources"]["requests"] == *applied));
    assert!(now.iter().all(|pod| pod["spec"]["containers"][0]["resources"].get("limits").is_none()));
    let after = cluster.plane.get(&["deployment", "web", "--namespace", "shop"]).unwrap();
    assert_eq!(after["metadata"]["generation"], template["metadata"]["generation"]);
    let applied_by = recommendation(&cluster.plane, "deployment-web");
    assert_eq!(
        (&applied_by["status"]["method"], &applied_by["status"]["approvedBy"]),
        (&json!("InPlace"), &json!("jane")),
        "{applied_by}"
    );

    seen.insert("applied", applied_by);
    seen.insert("resized", json!(now));
    seen.insert("resources", cluster.plane.get_raw("/api/v1")["resources"].clone());

    // A pod that is made later has that size from the start: nobody resized it.
    wait(&mut cluster, &operator, "pods that are made are asked about", |plane| {
        let webhooks = plane.get(&["mutatingwebhookconfiguration", "plimsoll"]).unwrap_or_default();
        webhooks["webhooks"].as_array().is_some_and(|webhooks| webhooks.len() == 2)
    });
    let scaled = cluster.plane.kubectl(&["scale", "deployment/web", "--namespace", "shop", "--replicas=7"]).unwrap();
    assert!(scaled.status.success(), "{}", words(&scaled));
    wait(&mut cluster, &operator, "there are more", |plane| pods(plane, "web").len() == 7);
    let grown = pods(&cluster.plane, "web");
    let new: Vec<&Value> =
        grown.iter().filter(|pod| !uids(&ran).contains(&pod["metadata"]["uid"].as_str().unwrap())).collect();
    assert_eq!(new.len(), 2);
    for pod in new {
        assert_eq!((requests(pod), &pod["metadata"]["generation"]), (applied, &json!(1)));
    }

    // What is agreed to is frozen, and one's recommendation reaches no other namespace.
    let other = json!({"changes": [{"container": "main", "requests": {"cpu": "3"}}]});
    let frozen = change(&cluster.plane, &jane, "deployment-web", &other);
    assert!(words(&frozen).contains("frozen since the recommendation was approved"), "{}", words(&frozen));
    let mut elsewhere = web.clone();
    elsewhere["metadata"] = json!({"name": "elsewhere", "namespace": "default"});
    elsewhere["status"] = Value::Null;
    let refused = cluster.plane.kubectl_with_input(&["create", "-f", "-"], &elsewhere.to_string()).unwrap();
    assert!(words(&refused).contains("must be the namespace of the recommendation"), "{}", words(&refused));

    // In mode Auto the rest goes by itself: the danger too.
    seen.insert("switched", now_in_seconds().into());
    policy(&cluster, json!({"mode": "Auto", "autoApprove": {"minConfidence": 0, "maxRiskLevel": "high"}}));
    wait(&mut cluster, &operator, "the danger is averted", |plane| phase(plane, "statefulset-api") == "Applied");
    let api = recommendation(&cluster.plane, "statefulset-api");
    assert!(api["status"]["approvedBy"].as_str().unwrap().contains("policy default/shop"), "{api}");
    assert!(pods(&cluster.plane, "api").iter().all(|pod| requests(pod) == &api["spec"]["changes"][0]["requests"]));

    seen.insert("averted", api.clone());
    seen.insert("averted at", now_in_seconds().into());
    seen.insert("api pods", json!(pods(&cluster.plane, "api")));

    // By new pods from now on: the template says it, and what was in force in place stands in nobody's way.
    let update = json!({"allowInPlaceResize": false, "allowRecreate": true});
    policy(&cluster, json!({"mode": "Recommend", "updateStrategy": update}));
    let admin = cluster.plane.kubeconfig().to_owned();
    let before = json!({"cpu": applied["cpu"]});
    let other = json!({"changes": [{"container": "main", "requests": {"cpu": "222m"}, "requestsBefore": before}]});
    let changed = change(&cluster.plane, &admin, "deployment-web", &other);
    assert!(changed.status.success(), "{}", words(&changed));
    wait(&mut cluster, &operator, "its pods are replaced", |plane| {
        let status = &recommendation(plane, "deployment-web")["status"];
        status["phase"] == "Applied"
            && status["method"] == "Recreate"
            && status["applied"].as_array().is_none_or(Vec::is_empty)
    });
    assert!(pods(&cluster.plane, "web").iter().all(|pod| requests(pod)["cpu"] == "222m"));

    // Disabled, everything that was found stays, and nothing more happens.
    policy(&cluster, json!({"mode": "Disabled"}));
    wait(&mut cluster, &operator, "it says so", |plane| {
        let policy = plane.get(&["optpol", "shop"]).unwrap();
        condition(&policy, "Ready").is_some_and(|ready| ready["reason"] == "Disabled")
            && policy["status"]["recommendationCount"].is_u64()
    });
    seen.insert("disabled", cluster.plane.get(&["optpol", "shop"]).unwrap());
    seen.insert("events", json!(items(&cluster.plane, &["events.events.k8s.io"])));
    assert_eq!(operator.stop(), 0);

    // An upgrade defines the kinds again and starts the operator anew.
    let statuses = |plane: &ControlPlane| {
        let of = |object: Value| object["status"].clone();
        json!([of(recommendation(plane, "deployment-web")), of(recommendation(plane, "statefulset-api"))])
    };
    seen.insert("statuses", statuses(&cluster.plane));
    define_kinds(&mut cluster);
    let operator = with_webhooks(&cluster, &prometheus, "upgraded");
    wait(&mut cluster, &operator, "the new one leads", |_| operator.log().contains("leading"));
    wait(&mut cluster, &operator, "it is ready", |_| operator.ask(operator.health, "/readyz").0 == 200);
    seen.insert("statuses after", statuses(&cluster.plane));
    seen.insert("disabled after", cluster.plane.get(&["optpol", "shop"]).unwrap());
    assert_eq!(operator.stop(), 0);
    Some(seen)
});

/// They wait most of their time, so all begin as soon as one is asked for.
fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        std::thread::spawn(|| LazyLock::force(&STORY).is_some());
        std::thread::spawn(|| LazyLock::force(&CANARY).is_some());
        std::thread::spawn(|| LazyLock::force(&REFUSALS).is_some());
    });
}

fn story() -> Option<&'static Seen> {
    begin();
    STORY.as_ref()
}

fn canary() -> Option<&'static Vec<String>> {
    begin();
    CANARY.as_ref()
}

fn refusals() -> Option<&'static Seen> {
    begin();
    REFUSALS.as_ref()
}

fn now_in_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn seconds(moment: &Value) -> i64 {
    serde_json::from_value::<crds::Moment>(moment.clone()).unwrap().0.0
}

/// Fails where `remember` and `look_at` leave every second workload out.
#[test]
fn property_01_what_a_policy_means_is_measured() {
    let Some(seen) = story() else { return };
    let policy = &seen["first look"];
    let measured = condition(policy, "MetricsAvailable").unwrap();
    assert_eq!((&measured["status"], &measured["message"]), (&json!("True"), &json!("3 of 4 workloads are measured")));
    for name in ["web", "api"] {
        let workloads = policy["status"]["workloads"].as_array().unwrap();
        let found = workloads.iter().find(|workload| workload["name"] == name).unwrap();
        assert!(
            found["containers"][0]["cpu"]["p50"].is_string() && found["containers"][0]["memory"]["p50"].is_string(),
            "{found}"
        );
    }
}

/// Fails where `recommend` never approves by itself.
#[test]
fn property_02_in_mode_auto_requests_are_updated() {
    let Some(seen) = story() else { return };
    let wanted = &seen["averted"]["spec"]["changes"][0]["requests"];
    let pods = seen["api pods"].as_array().unwrap();
    assert!(!pods.is_empty() && pods.iter().all(|pod| requests(pod) == wanted), "{wanted}");
}

/// Fails where `recommend` approves in mode Recommend too.
#[test]
fn property_08_in_mode_recommend_nothing_is_modified() {
    let Some(seen) = story() else { return };
    assert_eq!(seen["before"], seen["still"]);
}

/// Fails where `look_at` leaves lastRecommendation alone.
#[test]
fn property_09_recommendations_are_looked_at_each_cycle() {
    let Some(seen) = story() else { return };
    let at = |look: &str| seconds(&seen[look]["status"]["lastRecommendation"]);
    let between = at("second look") - at("first look");
    assert!((30..120).contains(&between), "{between}");
}

/// Fails where `of_container` names the workload in place of the container.
#[test]
fn property_10_the_status_is_read_container_by_container_with_kubectl() {
    let Some(seen) = story() else { return };
    let change = &seen["recommendation"]["spec"]["changes"][0]["requests"];
    let row = format!("web main {} {}", change["cpu"].as_str().unwrap(), change["memory"].as_str().unwrap());
    let printed = seen["printed"].as_str().unwrap();
    assert!(printed.lines().any(|line| line == row), "{row} in {printed}");
}

/// Fails where a policy is looked at an hour later than it says.
#[test]
fn property_17_in_mode_auto_it_is_applied_within_the_interval() {
    let Some(seen) = story() else { return };
    let (from, to) = (seen["switched"].as_i64().unwrap(), seconds(&seen["averted"]["status"]["appliedAt"]));
    // The change of the policy itself begins a look; what is added to its 30 seconds is for a busy machine.
    assert!(to - from <= 30 + 60, "{}", to - from);
}

/// Fails where `recommend` approves in mode Recommend too.
#[test]
fn property_18_in_mode_recommend_recommendations_are_stored_alone() {
    let Some(seen) = story() else { return };
    let stored = &seen["recommendation"];
    assert_eq!((&stored["spec"]["approved"], &stored["spec"]["approvedBy"]), (&json!(false), &Value::Null));
    assert_eq!(seen["before"], seen["still"]);
}

/// Fails where Disabled is looked at like Recommend.
#[test]
fn property_19_disabled_stops_and_keeps_what_was_found() {
    let Some(seen) = story() else { return };
    let of = |look: &str| seen[look]["status"].clone();
    assert!(of("disabled")["workloads"].as_array().is_some_and(|workloads| workloads.len() == 4), "{}", of("disabled"));
    assert_eq!(of("disabled")["lastRecommendation"], of("disabled after")["lastRecommendation"]);
    assert_eq!(of("disabled")["workloads"], of("disabled after")["workloads"]);
}

/// Fails where `resizes_in_place` always says no.
#[test]
fn property_20_in_place_is_taken_where_the_api_server_has_it() {
    let Some(seen) = story() else { return };
    let is_served = seen["resources"].as_array().unwrap().iter().any(|resource| resource["name"] == "pods/resize");
    assert!(is_served, "the control plane of these tests is Kubernetes 1.36");
    assert_eq!(seen["applied"]["status"]["method"], "InPlace");
    assert!(
        seen["resized"]
            .as_array()
            .unwrap()
            .iter()
            .all(|pod| pod["status"]["containerStatuses"][0]["restartCount"] == 0)
    );
}

/// Fails where `applied` leaves appliedAt alone.
#[test]
fn property_23_when_was_it_recommended_and_when_applied() {
    let Some(seen) = story() else { return };
    let applied = seconds(&seen["applied"]["status"]["appliedAt"]);
    assert!(applied >= seconds(&seen["recommendation"]["metadata"]["creationTimestamp"]));
    let status = &seen["disabled"]["status"];
    assert!(seconds(&status["lastRecommendation"]) >= applied, "{status}");
    assert!(seconds(&status["lastApplication"]) >= applied, "{status}");
    let web = status["workloads"].as_array().unwrap().iter().find(|workload| workload["name"] == "web").unwrap();
    assert!(seconds(&web["lastApplication"]) >= applied, "{web}");
}

/// Fails where `tell` tells nobody.
#[test]
fn every_act_is_an_event() {
    let Some(seen) = story() else { return };
    for (reason, kind) in [
        ("Approved", "OptimizationRecommendation"),
        ("Applying", "OptimizationRecommendation"),
        ("Applied", "OptimizationRecommendation"),
        ("Resized", "Pod"),
    ] {
        let is_it = |event: &Value| event["reason"] == reason && event["regarding"]["kind"] == kind;
        assert!(seen["events"].as_array().unwrap().iter().any(is_it), "{reason}");
    }
}

/// Fails where a start of the operator begins every status anew.
#[test]
fn property_31_an_upgrade_keeps_resources_and_their_status() {
    let Some(seen) = story() else { return };
    assert_eq!(seen["statuses"], seen["statuses after"]);
    assert_eq!(seen["statuses"][0]["phase"], "Applied");
}

/// Two of five first; a pod that restarts brings everything back, and a kill -9 in the middle nothing.
static CANARY: LazyLock<Option<Vec<String>>> = LazyLock::new(|| {
    let (mut cluster, prometheus) = shop()?;
    policy(
        &cluster,
        json!({
            "mode": "Auto", "autoApprove": {"minConfidence": 0, "maxRiskLevel": "high"},
            "rolloutStrategy": {"type": "canary", "steps": [{"replicas": "40%", "duration": "60s"}, {"replicas": "100%"}]},
        }),
    );
    let ran = pods(&cluster.plane, "");
    let mut first = start(&cluster, &prometheus, "first", &[]);
    let is_watched = |plane: &ControlPlane, name: &str| {
        let status = &recommendation(plane, name)["status"];
        status["step"] == 1 && status["stepSince"].is_string()
    };
    wait(&mut cluster, &first, "canaries are watched", |plane| {
        is_watched(plane, "deployment-web") && is_watched(plane, "statefulset-api")
    });
    let has = |plane: &ControlPlane, app: &str, name: &str| {
        let wanted = recommendation(plane, name)["spec"]["changes"][0]["requests"].clone();
        pods(plane, app).iter().filter(|pod| *requests(pod) == wanted).count()
    };
    assert_eq!(has(&cluster.plane, "web", "deployment-web"), 2);
    assert_eq!(has(&cluster.plane, "api", "statefulset-api"), 1);

    // One that was resized restarts.
    let canary = pods(&cluster.plane, "api").remove(0);
    let mut containers = canary["status"]["containerStatuses"].clone();
    containers[0]["restartCount"] = 2.into();
    let patch = json!({"status": {"containerStatuses": containers}}).to_string();
    let name = canary["metadata"]["name"].as_str().unwrap();
    let arguments =
        ["patch", "pod", name, "--namespace", "shop", "--subresource=status", "--type", "merge", "--patch", &patch];
    assert!(cluster.plane.kubectl(&arguments).unwrap().status.success());
    wait(&mut cluster, &first, "it is rolled back", |plane| phase(plane, "statefulset-api") == "RolledBack");
    let api = recommendation(&cluster.plane, "statefulset-api");
    let why = condition(&api, "Applied").unwrap()["message"].as_str().unwrap().to_owned();
    assert!(why.contains(name) && why.contains("restarted 2 times"), "{why}");
    let back = json!({"cpu": "50m", "memory": "64Mi"});
    assert!(pods(&cluster.plane, "api").iter().all(|pod| *requests(pod) == back), "{api}");

    // The other is killed in the middle, and the next one ends what it has begun.
    first.kill();
    assert_eq!(phase(&cluster.plane, "deployment-web"), "Applying");
    let writes: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = writes.clone();
    let hear = move |write: &Write, _: u16| heard.lock().unwrap().push(format!("{} {}", write.method, write.path));
    let proxy = FaultProxy::start(&cluster.plane, cluster.folder.path(), |_| Fate::Forwarded, hear).unwrap();
    let second = Operator::start_with(&cluster, proxy.kubeconfig(), "second", &["--prometheus", prometheus.url()]);
    wait(&mut cluster, &second, "it is applied", |plane| phase(plane, "deployment-web") == "Applied");
    assert_eq!(has(&cluster.plane, "web", "deployment-web"), 5);
    assert_eq!(uids(&pods(&cluster.plane, "")), uids(&ran), "nothing was replaced");
    assert_eq!(phase(&cluster.plane, "statefulset-api"), "RolledBack", "what went wrong is not tried again at once");
    // What is written between two looks, once there is nothing more to do.
    let looked = |plane: &ControlPlane| plane.get(&["optpol", "shop"]).unwrap()["status"]["lastRecommendation"].clone();
    let mut at_rest = Vec::new();
    for _ in 0..2 {
        let before = looked(&cluster.plane);
        writes.lock().unwrap().clear();
        wait(&mut cluster, &second, "it looks again", |plane| looked(plane) != before);
        at_rest = writes.lock().unwrap().clone();
    }
    Some(at_rest)
});

#[test]
fn a_canary_goes_on_after_a_kill_and_back_after_a_restart() {
    canary();
}

/// However many workloads a policy has: its status, and the lease. Fails where every look writes every recommendation.
#[test]
fn property_32_at_rest_a_look_is_one_write() {
    let Some(writes) = canary() else { return };
    let others: Vec<&String> = writes.iter().filter(|write| !write.contains("/leases")).collect();
    assert!(!writes.is_empty() && others.len() <= 2, "{others:?}");
}

/// Without rights, without leave, and without metrics nothing is changed, and everybody is told why.
static REFUSALS: LazyLock<Option<Seen>> = LazyLock::new(|| {
    let (mut cluster, prometheus) = shop()?;
    let mut seen = Seen::new();
    policy(&cluster, json!({"mode": "Recommend"}));
    let before = pods(&cluster.plane, "");
    let is_unchanged = |plane: &ControlPlane| {
        let now = pods(plane, "");
        now.len() == before.len() && now.iter().zip(&before).all(|(now, before)| now["spec"] == before["spec"])
    };
    let reason = |plane: &ControlPlane| {
        let found = recommendation(plane, "deployment-web");
        condition(&found, "Applicable").map(|condition| condition["reason"].as_str().unwrap().to_owned())
    };
    let reads = "\
- {apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch]}
- {apiGroups: [optimizer.io], resources: ['*'], verbs: [create, patch, delete]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create, update]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
";
    let reader = cluster.plane.kubeconfig_for("reader", reads).unwrap();
    let admin = cluster.plane.kubeconfig().to_owned();
    let flags = ["--prometheus", prometheus.url()];
    let operator = Operator::start_with(&cluster, &reader, "reader", &flags);
    wait(&mut cluster, &operator, "there is a recommendation", |plane| {
        recommendation(plane, "deployment-web")["spec"].is_object()
    });
    let approved = cluster.plimsoll(&["approve", "optrec/deployment-web", "-n", "shop"]);
    assert!(approved.status.success(), "{}", words(&approved));
    wait(&mut cluster, &operator, "rights are missing", |plane| reason(plane).as_deref() == Some("RightsMissing"));
    assert_eq!(recommendation(&cluster.plane, "deployment-web")["status"]["method"], "Skip");
    let is_warned = |plane: &ControlPlane, reason: &str| {
        items(plane, &["events.events.k8s.io"])
            .iter()
            .any(|event| event["reason"] == reason && event["type"] == "Warning")
    };
    wait(&mut cluster, &operator, "there is an event", |plane| is_warned(plane, "RightsMissing"));
    assert_eq!(operator.stop(), 0);
    seen.insert("without rights", recommendation(&cluster.plane, "deployment-web"));
    seen.insert("unchanged without rights", is_unchanged(&cluster.plane).into());

    // A dry run asks the API server, and that is all.
    let operator = Operator::start_with(&cluster, &admin, "dry", &[&flags[..], &["--rightsizing-dry-run"]].concat());
    wait(&mut cluster, &operator, "it would be applied", |plane| reason(plane).as_deref() == Some("DryRun"));
    let found = recommendation(&cluster.plane, "deployment-web");
    assert_eq!(
        (&condition(&found, "Applicable").unwrap()["status"], &found["status"]["method"]),
        (&json!("True"), &json!("InPlace"))
    );
    assert_eq!(operator.stop(), 0);
    seen.insert("dry run", found);
    seen.insert("unchanged by a dry run", is_unchanged(&cluster.plane).into());

    // In place is not allowed, and neither are new pods.
    policy(&cluster, json!({"mode": "Recommend", "updateStrategy": {"allowInPlaceResize": false}}));
    let operator = Operator::start_with(&cluster, &admin, "only", &flags);
    wait(&mut cluster, &operator, "it may not", |plane| reason(plane).as_deref() == Some("InPlaceNotAllowed"));
    let found = recommendation(&cluster.plane, "deployment-web");
    let why = condition(&found, "Applicable").unwrap()["message"].as_str().unwrap();
    assert!(why.contains("allowRecreate is false"), "{why}");
    wait(&mut cluster, &operator, "there is an event", |plane| is_warned(plane, "InPlaceNotAllowed"));
    seen.insert("not allowed", found.clone());
    seen.insert("unchanged where not allowed", is_unchanged(&cluster.plane).into());

    // Nobody knows what is used.
    drop(prometheus);
    wait(&mut cluster, &operator, "metrics are missing", |plane| {
        let policy = plane.get(&["optpol", "shop"]).unwrap();
        condition(&policy, "MetricsAvailable")
            .is_some_and(|known| known["status"] == "False" && known["reason"] == "MetricsMissing")
    });
    wait(&mut cluster, &operator, "there is an event", |plane| is_warned(plane, "MetricsMissing"));
    seen.insert("policy without metrics", cluster.plane.get(&["optpol", "shop"]).unwrap());
    seen.insert("unchanged without metrics", is_unchanged(&cluster.plane).into());
    seen.insert("kept without metrics", recommendation(&cluster.plane, "statefulset-api"));
    seen.insert("events", json!(items(&cluster.plane, &["events.events.k8s.io"])));

    // New pods are allowed: the template changes, by a manager of our own, and nothing else of it.
    policy(
        &cluster,
        json!({"mode": "Recommend", "updateStrategy": {"allowInPlaceResize": false, "allowRecreate": true}}),
    );
    wait(&mut cluster, &operator, "it is applied", |plane| phase(plane, "deployment-web") == "Applied");
    let web = cluster.plane.get(&["deployment", "web", "--namespace", "shop", "--show-managed-fields"]).unwrap();
    let found = recommendation(&cluster.plane, "deployment-web");
    let wanted = &found["spec"]["changes"][0]["requests"];
    assert_eq!(web["spec"]["template"]["spec"]["containers"][0]["resources"], json!({"requests": wanted}));
    assert_eq!(found["status"]["method"], "Recreate");
    let managers = web["metadata"]["managedFields"].as_array().unwrap();
    assert!(managers.iter().any(|entry| entry["manager"] == "plimsoll-rightsizing"), "{managers:?}");
    let now = pods(&cluster.plane, "web");
    assert!(now.len() == 5 && now.iter().all(|pod| requests(pod) == wanted));
    assert_eq!(
        uids(&pods(&cluster.plane, "api")),
        before
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["app"] == "api")
            .filter_map(|pod| pod["metadata"]["uid"].as_str())
            .collect::<Vec<_>>()
    );
    seen.insert("recreated", found.clone());
    // What it says next of CPU alone leaves what it has said of memory.
    let next = json!({"changes": [{"container": "main", "requests": {"cpu": "222m"}, "requestsBefore": {"cpu": wanted["cpu"]}}]});
    assert!(change(&cluster.plane, &admin, "deployment-web", &next).status.success());
    let template = |plane: &ControlPlane| {
        let web = plane.get(&["deployment", "web", "--namespace", "shop"]).unwrap();
        web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"].clone()
    };
    wait(&mut cluster, &operator, "the template changes again", |plane| template(plane)["cpu"] == "222m");
    assert_eq!(template(&cluster.plane)["memory"], wanted["memory"]);
    seen.insert("metrics", operator.ask(operator.metrics, "/metrics").1.into());
    assert_eq!(operator.stop(), 0);
    Some(seen)
});

fn is_warned(seen: &Seen, reason: &str) -> bool {
    let is_it = |event: &Value| {
        event["reason"] == reason
            && event["type"] == "Warning"
            && event["note"].as_str().is_some_and(|note| note.len() > 20)
    };
    seen["events"].as_array().unwrap().iter().any(is_it)
}

/// Fails where `method` takes new pods whatever allowRecreate says.
#[test]
fn property_06_new_pods_only_where_they_are_allowed_else_a_warning() {
    let Some(seen) = refusals() else { return };
    assert_eq!(
        (&seen["unchanged where not allowed"], &seen["not allowed"]["status"]["method"]),
        (&json!(true), &json!("Skip"))
    );
    assert!(is_warned(seen, "InPlaceNotAllowed"));
    assert_eq!(seen["recreated"]["status"]["method"], "Recreate");
}

/// Fails where `refuse` leaves the policy's status alone.
#[test]
fn property_07_without_metrics_a_condition_says_so() {
    let Some(seen) = refusals() else { return };
    let ready = condition(&seen["policy without metrics"], "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("MetricsMissing")));
    assert_eq!(seen["unchanged without metrics"], true);
}

/// Fails where `skip` counts nothing.
#[test]
fn property_25_what_is_done_and_not_done_is_measured() {
    let Some(seen) = refusals() else { return };
    let metrics = seen["metrics"].as_str().unwrap();
    for line in [
        "plimsoll_rightsizing_workloads 4",
        "plimsoll_rightsizing_recommendations 2",
        "plimsoll_rightsizing_skipped_total{reason=\"InPlaceNotAllowed\"} 1",
        "plimsoll_rightsizing_cycle_duration_seconds_count",
        "plimsoll_rightsizing_applications_total{method=\"Recreate\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(
        metrics.contains("plimsoll_rightsizing_errors_total ")
            && !metrics.contains("plimsoll_rightsizing_errors_total 0"),
        "{metrics}"
    );
}

/// Fails where `tell` tells nobody.
#[test]
fn property_26_each_failure_is_an_event_with_what_to_do() {
    let Some(seen) = refusals() else { return };
    for reason in ["RightsMissing", "InPlaceNotAllowed", "MetricsMissing"] {
        assert!(is_warned(seen, reason), "{reason}");
    }
}

/// Fails where `may_patch` always says yes.
#[test]
fn property_28_rights_that_are_missing_are_respected_and_shown() {
    let Some(seen) = refusals() else { return };
    let applicable = condition(&seen["without rights"], "Applicable").unwrap();
    assert_eq!((&applicable["status"], &applicable["reason"]), (&json!("False"), &json!("RightsMissing")));
    assert!(applicable["message"].as_str().unwrap().contains("patch pods/resize"), "{applicable}");
    assert_eq!(seen["unchanged without rights"], true);
}

/// Fails where `begin` forgets the dry run.
#[test]
fn property_29_a_dry_run_computes_and_applies_nothing() {
    let Some(seen) = refusals() else { return };
    let applicable = condition(&seen["dry run"], "Applicable").unwrap();
    assert_eq!((&applicable["status"], &applicable["reason"]), (&json!("True"), &json!("DryRun")));
    assert_eq!(
        (&seen["dry run"]["status"]["method"], &seen["unchanged by a dry run"]),
        (&json!("InPlace"), &json!(true))
    );
}

/// Fails where a provider that fails counts as one that has seen nothing.
#[test]
fn property_30_a_provider_that_fails_leaves_what_was_found() {
    let Some(seen) = refusals() else { return };
    let available = condition(&seen["policy without metrics"], "MetricsAvailable").unwrap();
    assert_eq!((&available["status"], &available["reason"]), (&json!("False"), &json!("MetricsMissing")));
    assert!(seen["kept without metrics"]["spec"].is_object());
    assert_eq!(seen["policy without metrics"]["status"]["workloads"].as_array().unwrap().len(), 4);
}
