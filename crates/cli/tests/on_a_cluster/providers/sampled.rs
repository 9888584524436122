//! The provider metrics-server: sampled, written down, and known again after the operator was killed.

use std::time::{SystemTime, UNIX_EPOCH};

use controlplane::ControlPlane;
use engine::rightsizing::Resource;
use engine::rightsizing::sketch::{SLOT_SECONDS, Sketch};
use model::{Time, WorkloadRef};
use operator::{SampledContainer, checkpoint};
use serde_json::{Value, json};

use super::{container, message, small_shop};
use crate::cluster::Cluster;
use crate::operator::{Operator, condition};
use crate::shop::{policy, recommendation, wait};

const HOURS: i64 = 30;

fn key(name: &str) -> SampledContainer {
    let workload = WorkloadRef { kind: "Deployment".into(), namespace: "shop".into(), name: name.into() };
    SampledContainer { workload, container: "main".into() }
}

/// A day and a quarter of `web`, as an operator before has written them down until two hours ago; and what nobody can read.
fn seed(cluster: &Cluster) -> usize {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let start = (now / 3_600 - 2 - HOURS) * 3_600;
    let mut sketch = Sketch::default();
    for slot in 0..HOURS * 12 {
        let (at, swing) = (Time(start + slot * SLOT_SECONDS), 1.0 + (slot % 7) as f64 / 100.0);
        assert!(sketch.put(Resource::Cpu, at, 0.1 * swing) && sketch.put(Resource::Memory, at, 1e8 * swing));
    }
    let part = checkpoint::packed(&[(key("web"), sketch)]).remove(0);
    let config_map = |number: usize, bytes: &[u8]| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("plimsoll-samples-{number}"), "namespace": "default",
                         "labels": {"optimizer.io/samples": "metrics-server"}},
            "binaryData": {"samples": base64(bytes)},
        })
    };
    cluster.apply(&crate::cluster::list([config_map(0, &part), config_map(7, b"plimsoll samples 9\n...")]));
    (HOURS * 12) as usize
}

fn base64(bytes: &[u8]) -> Value {
    serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap()
}

/// How many samples of CPU are written down of this container.
fn written(plane: &ControlPlane, name: &str) -> usize {
    let parts = plane.get(&["configmap", "--namespace", "default", "--selector", "optimizer.io/samples"]).unwrap();
    let part = |found: &Value| -> Option<k8s_openapi::ByteString> {
        serde_json::from_value(found["binaryData"]["samples"].clone()).ok()
    };
    // The part that nobody can read is there at first.
    let parts = parts["items"].as_array().unwrap().iter().filter_map(part);
    let sketches: Vec<_> = parts.filter_map(|part| checkpoint::unpacked(&part.0).ok()).flatten().collect();
    let found = sketches.iter().find(|(of, _)| *of == key(name));
    found.map_or(0, |(_, sketch)| sketch.usage().cpu.samples().len())
}

/// The number in "P90 of 870 samples".
fn samples(policy: &Value) -> usize {
    let explanation = container(policy, "web")["cpu"]["explanation"].as_str().unwrap_or_default().to_owned();
    let words: Vec<&str> = explanation.split(' ').collect();
    let at = words.iter().position(|word| word.starts_with("samples"));
    at.and_then(|at| words[at - 1].parse().ok()).unwrap_or(0)
}

fn start(cluster: &Cluster, identity: &str, checkpoint: &str) -> Operator {
    let flags = ["--namespace", "default", "--sample-interval", "2", "--checkpoint-interval", checkpoint];
    Operator::start_with(cluster, cluster.plane.kubeconfig(), identity, &flags)
}

fn found(plane: &ControlPlane) -> Value {
    plane.get(&["optpol", "shop"]).unwrap_or_default()
}

#[test]
fn what_metrics_server_says_is_sampled_and_survives_a_kill() {
    let mut cluster = small_shop(&["web", "fresh"]);
    cluster.plane.start_metrics_server().unwrap();
    let seeded = seed(&cluster);
    policy(&cluster, json!({"strategy": "percentile", "metricsConfig": {"provider": "metrics-server"}}));
    let mut operator = start(&cluster, "first", "2");

    // Of what was sampled for long enough it recommends; of the other it says that too little is known.
    wait(&mut cluster, &operator, "there is a recommendation", |plane| {
        recommendation(plane, "deployment-web")["spec"].is_object()
    });
    wait(&mut cluster, &operator, "both are measured", |plane| {
        message(&found(plane), "MetricsAvailable")
            .starts_with("2 of 2 workloads are measured by provider metrics-server")
    });
    let first = found(&cluster.plane);
    let said = message(&first, "MetricsAvailable");
    assert!(said.contains("sampled since 2") && said.contains("still learning"), "{said}");
    let skipped = container(&first, "fresh")["cpu"]["skipped"].as_str().unwrap().to_owned();
    assert!(skipped.contains("too little is known"), "{skipped}");
    assert!(recommendation(&cluster.plane, "deployment-fresh").is_null());
    let web = recommendation(&cluster.plane, "deployment-web");
    let requests = &web["spec"]["changes"][0]["requests"];
    let cores = model::Quantity::parse(requests["cpu"].as_str().unwrap()).unwrap().milli_value();
    assert!((100..150).contains(&cores), "{requests}");
    let (confidence, risks) = (web["spec"]["confidence"].as_f64().unwrap(), web["spec"]["riskReasons"].to_string());
    assert!(confidence < 0.9 && risks.contains("only 1 days are known"), "{confidence} {risks}");
    assert!(operator.log().contains("it is of another version"), "{}", operator.log());

    // Written down, with what was sampled since; the part that nobody can read is gone.
    wait(&mut cluster, &operator, "it is written down", |plane| {
        written(plane, "web") > seeded
            && written(plane, "fresh") > 0
            && plane.get(&["configmap", "plimsoll-samples-7", "--namespace", "default"]).is_err()
    });
    let before = written(&cluster.plane, "web");
    operator.kill();
    let operator = start(&cluster, "second", "3600");
    wait(&mut cluster, &operator, "the next one knows it", |_| {
        operator.log().contains("what was sampled before is known")
    });
    wait(&mut cluster, &operator, "it looks again", |plane| {
        let again = found(plane);
        again["status"]["lastRecommendation"] != first["status"]["lastRecommendation"] && samples(&again) >= before
    });

    // Where metrics-server is away, that is said, and what was found stays.
    let gone = cluster.plane.kubectl(&["delete", "apiservice", "v1beta1.metrics.k8s.io"]).unwrap();
    assert!(gone.status.success());
    wait(&mut cluster, &operator, "its absence is told", |plane| {
        let policy = found(plane);
        condition(&policy, "MetricsAvailable").is_some_and(|found| found["status"] == "False")
            && message(&policy, "MetricsAvailable").starts_with("provider metrics-server: ")
    });
    assert_eq!(recommendation(&cluster.plane, "deployment-web")["spec"]["changes"], web["spec"]["changes"]);

    // Told to stop, it writes down what came since.
    assert_eq!(operator.stop(), 0);
    let log = std::fs::read_to_string(cluster.folder.path().join("second.log")).unwrap();
    assert!(log.contains("what was sampled is written down"), "{log}");
    assert!(written(&cluster.plane, "web") >= before);
}
