//! Two policies that mean one workload: refused where that can be seen, settled by age where it comes about later.

use controlplane::ControlPlane;
use serde_json::{Value, json};

use crate::cluster::words;
use crate::operator::condition;
use crate::shop::*;

/// Of the shop's own namespace, beside the one that means all of it.
fn second(plane: &ControlPlane, spec: &Value, more: &[&str]) -> Result<(), String> {
    let mut whole = json!({"reconciliationInterval": "30s"});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let object = json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationPolicy",
        "metadata": {"name": "second", "namespace": "shop"}, "spec": whole,
    });
    let applied = plane.kubectl_with_input(&[&["apply", "-f", "-"], more].concat(), &object.to_string()).unwrap();
    if applied.status.success() { Ok(()) } else { Err(words(&applied)) }
}

/// Fails where `contention::refusal` sees nothing, where it takes what was contended before for new, and where `winners`
/// lets the younger win.
#[test]
fn a_policy_that_means_the_workloads_of_another_is_refused_where_it_can_be_seen() {
    let Some((mut cluster, prometheus)) = shop() else { return };
    policy(&cluster, json!({"mode": "Recommend"}));
    let operator = with_webhooks(&cluster, &prometheus, "only");
    let all = json!({});
    wait(&mut cluster, &operator, "it is refused", |plane| {
        second(plane, &all, &["--dry-run=server"]).is_err_and(|why| why.contains("already"))
    });
    let why = second(&cluster.plane, &all, &[]).unwrap_err();
    assert!(why.contains("policy default/shop means") && why.contains("and 1 more already"), "{why}");
    assert!(why.contains("shop/") && why.contains("mode: Disabled"), "{why}");

    // Disabled it contends for nothing; switched on it would.
    second(&cluster.plane, &json!({"mode": "Disabled"}), &[]).unwrap();
    let why = second(&cluster.plane, &json!({"mode": "Recommend"}), &[]).unwrap_err();
    assert!(why.contains("policy default/shop means"), "{why}");
    // A policy that is there already, older or not, may not reach for more of another's either.
    let of_new = json!({"selector": {"workloadSelector": {"matchLabels": {"tier": "new"}}}});
    second(&cluster.plane, &of_new, &[]).unwrap();
    let reach = json!({"selector": {"workloadSelector": {"matchLabels": {"optimize": "true"}}}});
    assert!(second(&cluster.plane, &reach, &[]).unwrap_err().contains("policy default/shop means"));

    // What comes later is settled by age, and both say so.
    let labelled = ["label", "deployment", "idle", "--namespace", "shop", "tier=new"];
    assert!(cluster.plane.kubectl(&labelled).unwrap().status.success());
    let says = |plane: &ControlPlane, name: &str, namespace: &str, what: &str| {
        let policy = plane.get(&["optpol", name, "--namespace", namespace]).unwrap();
        condition(&policy, "Conflict").is_some_and(|conflict| {
            conflict["status"] == "True" && conflict["message"].as_str().unwrap().contains(what)
        })
    };
    wait(&mut cluster, &operator, "both say so", |plane| {
        says(plane, "shop", "default", "is younger: this one counts")
            && says(plane, "second", "shop", "is older: that one counts")
    });

    // Nobody is locked out by what is contended already.
    let mut slower = of_new.clone();
    slower["reconciliationInterval"] = "1m".into();
    second(&cluster.plane, &slower, &[]).unwrap();
    policy(&cluster, json!({"mode": "Recommend", "reconciliationInterval": "1m"}));
    let mut off = of_new.clone();
    off["mode"] = "Disabled".into();
    second(&cluster.plane, &off, &[]).unwrap();
    assert!(second(&cluster.plane, &of_new, &[]).unwrap_err().contains("policy default/shop means"));
    assert_eq!(operator.stop(), 0);
}
