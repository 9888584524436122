//! A rollout is brought back by what Prometheus says of it.

use controlplane::ControlPlane;
use serde_json::json;

use crate::operator::condition;
use crate::shop::*;

/// Somebody asked whether Prometheus is healthy: a sign of trouble that a test can give.
const QUERY: &str = "prometheus_http_requests_total{handler=\"/-/healthy\"} > 0";

/// Fails where `unless_crossed` takes every reading for fine.
#[test]
fn a_canary_is_brought_back_once_the_rollback_query_is_crossed() {
    let Some((mut cluster, prometheus)) = shop() else { return };
    policy(
        &cluster,
        json!({
            "mode": "Auto", "autoApprove": {"minConfidence": 0, "maxRiskLevel": "high"},
            "rolloutStrategy": {
                "rollbackQuery": QUERY, "steps": [{"replicas": "40%", "duration": "10m"}, {"replicas": "100%"}],
            },
        }),
    );
    let ran = pods(&cluster.plane, "");
    let asked = |plane: &ControlPlane| -> Vec<serde_json::Value> {
        pods(plane, "").iter().map(|pod| requests(pod).clone()).collect()
    };
    let before = asked(&cluster.plane);
    let operator = start(&cluster, &prometheus, "only", &[]);
    wait(&mut cluster, &operator, "canaries are watched", |plane| {
        let status = &recommendation(plane, "deployment-web")["status"];
        status["step"] == 1 && status["stepSince"].is_string()
    });
    assert_ne!(asked(&cluster.plane), before);
    prometheus.touch("/-/healthy").unwrap();
    wait(&mut cluster, &operator, "both are rolled back", |plane| {
        ["deployment-web", "statefulset-api"].iter().all(|name| phase(plane, name) == "RolledBack")
    });
    let found = recommendation(&cluster.plane, "deployment-web");
    let applied = condition(&found, "Applied").unwrap();
    assert_eq!(applied["reason"], "RollbackQueryCrossed", "{applied}");
    let why = applied["message"].as_str().unwrap();
    assert!(why.contains("handler=\"/-/healthy\"") && why.contains("} 1 is the result of"), "{why}");
    assert_eq!(asked(&cluster.plane), before);
    assert_eq!(uids(&pods(&cluster.plane, "")), uids(&ran), "nothing was replaced");
    assert_eq!(operator.stop(), 0);
}
