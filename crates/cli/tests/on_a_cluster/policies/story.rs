//! A policy from its first look to the operator's next version.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use controlplane::ControlPlane;
use serde_json::{Value, json};

use super::story;
use crate::cluster::{items, words};
use crate::operator::{condition, define_kinds};
use crate::shop::*;

/// Recommended, approved by somebody, applied in place, then by itself, then disabled, and started anew.
pub static STORY: LazyLock<Option<Seen>> = LazyLock::new(|| {
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
    assert_eq!(
        (&measured["status"], &measured["message"]),
        (&json!("True"), &json!("3 of 4 workloads are measured by provider prometheus"))
    );
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
    // Every 30 seconds a look begins; what it says is when it ended.
    assert!((25..120).contains(&between), "{between}");
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
