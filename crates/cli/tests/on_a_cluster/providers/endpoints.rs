//! The provider and the strategy `custom`, with right answers and wrong ones.

use controlplane::ControlPlane;
use serde_json::{Value, json};

use super::{container, message, small_shop};
use crate::cluster::words;
use crate::operator::{Operator, condition};
use crate::server::{Asked, Server};
use crate::shop::{policy, recommendation, wait};

/// Two days of two workloads, some of it no measurement; in two pages.
fn usage(asked: &Value) -> Value {
    let until = asked["until"].as_i64().unwrap();
    let points = |amount: f64| (0..576).map(|slot| json!([until - slot * 300, amount])).collect::<Vec<_>>();
    let mut cpu = points(0.1);
    cpu.extend([
        json!([until - 7, "NaN"]),
        json!([until - 8, -1]),
        json!([until + 86_400, 5]),
        json!([until - 9, null]),
    ]);
    let web = json!({"namespace": "shop", "kind": "Deployment", "name": "web", "container": "main", "cpu": cpu, "memory": points(1e8)});
    let api = json!({"namespace": "shop", "pod": "api-5d4f7c9b8-x2x9z", "container": "main", "cpu": points(0.1), "memory": points(1e8)});
    match asked["continue"].as_str() {
        None => json!({"containers": [web], "continue": "second"}),
        Some(_) => json!({"containers": [api]}),
    }
}

/// Right for one, wrong for the other, silent of whoever else is asked about.
fn requests() -> Value {
    let of = |request: &str| json!({"request": request, "confidence": 0.99, "explanation": "as the moon has it"});
    json!({"containers": [
        {"namespace": "shop", "kind": "Deployment", "name": "web", "container": "main", "cpu": of("150m"), "memory": of("220Mi")},
        {"namespace": "shop", "kind": "Deployment", "name": "api", "container": "main", "cpu": of("-1"), "memory": of("300m")},
    ]})
}

fn right(asked: &Asked) -> (u16, String) {
    match asked.path.as_str() {
        "/health" => (200, "well".to_owned()),
        "/usage" => (200, usage(&asked.body).to_string()),
        "/requests" => (200, requests().to_string()),
        _ => (404, String::new()),
    }
}

fn found(plane: &ControlPlane) -> Value {
    plane.get(&["optpol", "shop"]).unwrap_or_default()
}

#[test]
fn use_and_requests_come_from_endpoints_and_wrong_answers_are_skipped() {
    let mut cluster = small_shop(&["web", "api", "idle"]);
    let server = Server::start(right);
    let token = cluster.folder.path().join("token");
    std::fs::write(&token, "secret-of-a-test").unwrap();
    policy(
        &cluster,
        json!({
            "strategy": "custom", "metricsConfig": {"provider": "custom"},
            "resourceBounds": {"cpu": {"max": "120m"}},
        }),
    );
    let token = token.display().to_string();
    let flags = ["--usage-endpoint", &server.url, "--usage-token-file", &token, "--usage-label", "cluster=prod"];
    let flags = [&flags[..], &["--strategy-endpoint", &server.url, "--namespace", "default"]].concat();
    let operator = Operator::start_with(&cluster, cluster.plane.kubeconfig(), "only", &flags);
    wait(&mut cluster, &operator, "there is a recommendation", |plane| {
        recommendation(plane, "deployment-web")["spec"].is_object()
    });
    wait(&mut cluster, &operator, "the policy is ready", |plane| {
        condition(&found(plane), "Ready").is_some_and(|ready| ready["status"] == "True")
    });
    let first = found(&cluster.plane);

    // Bounds are ours, and so is how sure it can be at most.
    let web = container(&first, "web");
    assert_eq!((&web["cpu"]["recommended"], &web["memory"]["recommended"]), (&json!("120m"), &json!("220Mi")));
    let why = web["cpu"]["explanation"].as_str().unwrap();
    assert!(why.starts_with("as the moon has it; cut to the most"), "{why}");
    assert!(web["cpu"]["confidence"].as_f64().unwrap() < 0.99, "two days are known: {web}");
    let skipped = |name: &str, resource: &str| {
        container(&first, name)[resource]["skipped"].as_str().unwrap_or_default().to_owned()
    };
    assert!(skipped("api", "cpu").contains("cpu.request: -1 is nothing to ask for"), "{}", skipped("api", "cpu"));
    assert!(skipped("api", "memory").contains("is the unit wrong?"), "{}", skipped("api", "memory"));
    assert!(skipped("idle", "cpu").contains("its use is unknown"), "{}", skipped("idle", "cpu"));
    assert!(recommendation(&cluster.plane, "deployment-api").is_null());
    let said = message(&first, "MetricsAvailable");
    assert!(said.starts_with("2 of 3 workloads are measured by provider custom"), "{said}");
    assert!(said.contains("4 samples are left out") && said.contains("containers[0].cpu[576]"), "{said}");

    // What they were asked is what the contract says.
    let asked = server.asked("/usage");
    assert!(asked.iter().all(|asked| asked.authorization == "Bearer secret-of-a-test"));
    let body = &asked[0].body;
    assert_eq!((&body["labels"], &body["stepSeconds"]), (&json!({"cluster": "prod"}), &json!(300)));
    assert_eq!(body["until"].as_i64().unwrap() - body["from"].as_i64().unwrap(), 14 * 86_400);
    let asked = server.asked("/requests");
    let names: Vec<&Value> = asked[0].body["containers"].as_array().unwrap().iter().map(|of| &of["name"]).collect();
    assert_eq!(names, ["api", "web"], "nothing is asked of what nobody has measured");
    assert_eq!(asked[0].body["containers"][1]["cpu"]["request"], 0.4);

    // The same once, without an operator.
    let both = ["--usage-endpoint", &server.url, "--request-strategy", "custom", "--strategy-endpoint", &server.url];
    let once = cluster.plimsoll(&[&["rightsize", "web", "-n", "shop", "-o", "json"], &both[..]].concat());
    assert!(words(&once).contains("as the moon has it"), "{}", words(&once));

    // What breaks the contract is refused by its place; nothing is changed, and what was found stays.
    server.answer(|asked| match asked.path.as_str() {
        "/usage" => (200, json!({"containers": [{"namespace": "shop", "cpus": []}]}).to_string()),
        _ => right(asked),
    });
    let once = cluster.plimsoll(&[&["rightsize"], &both[..]].concat());
    assert!(!once.status.success() && words(&once).contains("containers[0].cpus: unknown field"), "{}", words(&once));
    wait(&mut cluster, &operator, "the broken contract is told", |plane| {
        message(&found(plane), "MetricsAvailable").contains("containers[0].cpus: unknown field")
    });
    server.answer(|asked| match asked.path.as_str() {
        "/requests" => (200, json!({"containers": [{"name": "web"}]}).to_string()),
        _ => right(asked),
    });
    wait(&mut cluster, &operator, "the broken strategy is told", |plane| {
        let policy = found(plane);
        condition(&policy, "Ready").is_some_and(|ready| ready["reason"] == "StrategyMissing")
            && message(&policy, "Ready").contains("the strategy endpoint at")
    });
    server.answer(|_| (503, "asleep".to_owned()));
    wait(&mut cluster, &operator, "the provider is unwell", |plane| {
        let policy = found(plane);
        let metrics = condition(&policy, "MetricsAvailable").unwrap().clone();
        metrics["status"] == "False"
            && message(&policy, "MetricsAvailable").starts_with("provider custom: the usage endpoint at")
            && message(&policy, "MetricsAvailable").contains("503: asleep")
    });
    let stays = recommendation(&cluster.plane, "deployment-web");
    assert_eq!(stays["spec"]["changes"][0]["requests"], json!({"cpu": "120m", "memory": "220Mi"}));
    let log = operator.log();
    assert!(!log.contains("secret-of-a-test"));
    assert_eq!(operator.stop(), 0);
}
