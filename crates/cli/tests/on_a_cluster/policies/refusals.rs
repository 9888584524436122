//! What may not be is left alone, and said.

use std::sync::LazyLock;

use controlplane::ControlPlane;
use serde_json::{Value, json};

use super::refusals;
use crate::cluster::{items, words};
use crate::operator::{Operator, condition};
use crate::shop::*;

/// Without rights, without leave, and without metrics nothing is changed, and everybody is told why.
pub static REFUSALS: LazyLock<Option<Seen>> = LazyLock::new(|| {
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
