//! A part of the replicas first: watched, killed in the middle, and brought back where something goes wrong.

use std::sync::{Arc, LazyLock, Mutex};

use controlplane::{ControlPlane, Fate, FaultProxy, Write};
use serde_json::json;

use super::canary;
use crate::operator::{Operator, condition};
use crate::shop::*;

/// Two of five first; a pod that restarts brings everything back, and a kill -9 in the middle nothing.
pub static CANARY: LazyLock<Option<Vec<String>>> = LazyLock::new(|| {
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
