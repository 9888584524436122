//! How soon pods that are being made get an answer of the admission webhook: over TLS on connections that stay, as the API
//! server asks, beside the operator of a real control plane; at a rate, and as fast as it answers.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use controlplane::ControlPlane;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::plane::{self, PATIENCE, list};
use crate::process::Running;

/// Recommendations in force elsewhere, among which that of the pod's workload is found.
const OTHERS: usize = 500;
const POD_BYTES: usize = 10_000;
/// More than any cluster of 10,000 nodes makes.
const A_SECOND: u32 = 500;
const AT_THAT_RATE: u32 = 10_000;
const AT_ONCE: usize = 20;
const ASKED_BY_EACH: usize = 500;
/// Connections are made and code is warm before anything counts.
const WARM_UP: usize = 20;
const TARGET_MS: f64 = 10.0;

/// Runs it.
pub fn run(plimsoll: &Path) -> anyhow::Result<()> {
    let mut plane = plane::start(plimsoll)?;
    put_in_force(&plane)?;
    let address = format!("127.0.0.1:{}", ControlPlane::free_port()?);
    let mut command = plane::operator(plimsoll, plane.kubeconfig())?;
    command.args(["--log-level", "error", "--namespace", "default", "--webhook-host", "127.0.0.1"]);
    let _operator = Running(command.args(["--webhook-address", &address]).spawn()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut config = kube::Config::new(format!("https://{address}").parse()?);
    // Its certificate is its own; what is measured is the same.
    config.accept_invalid_certs = true;
    config.default_retry = false;
    let client = runtime.block_on(async { kube::Client::try_from(config) })?;
    let review = review().to_string();
    plane.wait_until("pods are sized", PATIENCE, |_| {
        runtime.block_on(ask(&client, &review)).is_ok_and(|(answer, _)| is_sized(&answer))
    })?;
    println!("\nthe webhook, asked for pods of {POD_BYTES} bytes beside {OTHERS} recommendations");
    println!("| asked | answers | p50 ms | p99 ms | target | longest ms |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let saturated = runtime.block_on(as_fast_as_it_answers(&client, &review))?;
    let at_a_rate = runtime.block_on(at_a_rate(&client, &review))?;
    let target = format!("{TARGET_MS:.0}");
    row(&format!("{A_SECOND} a second"), at_a_rate, &target);
    row(&format!("by {AT_ONCE}, each again at once"), saturated, "–");
    Ok(())
}

fn row(asked: &str, mut took: Vec<Duration>, target: &str) {
    took.sort_unstable();
    let percentile = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)].as_secs_f64() * 1_000.0;
    let (p50, p99, longest) = (percentile(50), percentile(99), percentile(100));
    println!("| {asked} | {} | {p50:.1} | {p99:.1} | {target} | {longest:.1} |", took.len());
}

/// How long each took since it was due, whether or not those before it had been answered.
async fn at_a_rate(client: &kube::Client, review: &str) -> anyhow::Result<Vec<Duration>> {
    let start = Instant::now();
    let mut asking = JoinSet::new();
    for number in 0..AT_THAT_RATE {
        let due = start + Duration::from_secs(1) * number / A_SECOND;
        tokio::time::sleep_until(due.into()).await;
        let (client, review) = (client.clone(), review.to_owned());
        asking.spawn(async move {
            let (answer, _) = ask(&client, &review).await?;
            let took = due.elapsed();
            ensure!(is_sized(&answer), "not sized: {answer}");
            anyhow::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = asking.join_next().await {
        all.push(took??);
    }
    Ok(all)
}

async fn as_fast_as_it_answers(client: &kube::Client, review: &str) -> anyhow::Result<Vec<Duration>> {
    let mut asking = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, review) = (client.clone(), review.to_owned());
        asking.spawn(async move {
            let mut took = Vec::with_capacity(ASKED_BY_EACH);
            for number in 0..WARM_UP + ASKED_BY_EACH {
                let (_, time) = ask(&client, &review).await?;
                if number >= WARM_UP {
                    took.push(time);
                }
            }
            anyhow::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = asking.join_next().await {
        all.extend(took??);
    }
    Ok(all)
}

fn is_sized(answer: &Value) -> bool {
    answer["response"]["patch"].is_string()
}

/// The answer, and how long it took until all of it was there.
async fn ask(client: &kube::Client, review: &str) -> anyhow::Result<(Value, Duration)> {
    let body = Body::from(review.to_owned().into_bytes());
    let request = http::Request::post("/size?timeout=2s").header("content-type", "application/json").body(body)?;
    let start = Instant::now();
    let response = client.send(request).await?;
    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    let time = start.elapsed();
    ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&answer));
    Ok((serde_json::from_slice(&answer)?, time))
}

/// A pod of the Deployment `web`, as large as pods with sidecars are.
fn review() -> Value {
    let variable = |number: usize| json!({"name": format!("VARIABLE_{number}"), "value": "x".repeat(40)});
    let requests = json!({"cpu": "2", "memory": "4Gi"});
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "web-5d4f7c9b8-", "namespace": "shop", "labels": {"app": "web", "pod-template-hash": "5d4f7c9b8"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f7c9b8", "uid": "1", "controller": true,
            }],
        },
        "spec": {"containers": [{
            "name": "main", "image": "example/app:1", "resources": {"requests": requests}, "env": [],
        }]},
    });
    let mut variables = Vec::new();
    while pod.to_string().len() < POD_BYTES {
        variables.push(variable(variables.len()));
        pod["spec"]["containers"][0]["env"] = Value::from(variables.clone());
    }
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE", "namespace": "shop", "dryRun": false,
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"}, "object": pod,
        },
    })
}

/// One recommendation for `web` that is in force, and many for others.
fn put_in_force(plane: &ControlPlane) -> anyhow::Result<()> {
    let change = json!({
        "container": "main", "requests": {"cpu": "500m", "memory": "1Gi"}, "requestsBefore": {"cpu": "2", "memory": "4Gi"},
    });
    let of = |name: String| {
        json!({
            "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationRecommendation",
            "metadata": {"name": format!("deployment-{name}"), "namespace": "shop"},
            "spec": {"targetWorkload": {"kind": "Deployment", "name": name}, "changes": [change]},
        })
    };
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    let names = (0..OTHERS).map(|number| format!("other-{number}")).chain(["web".to_owned()]);
    let items: Vec<Value> = std::iter::once(namespace).chain(names.map(of)).collect();
    plane.apply(&list(items))?;
    let status = json!({"status": {"phase": "Applied", "method": "InPlace", "applied": [change]}}).to_string();
    let patch =
        ["patch", "optrec", "deployment-web", "-n", "shop", "--subresource=status", "--type=merge", "-p", &status];
    let patched = plane.kubectl(&patch)?;
    ensure!(patched.status.success(), "{}", String::from_utf8_lossy(&patched.stderr));
    Ok(())
}
