//! Topology spread constraints with every field.

use serde_json::{Value, json};

use super::Cluster;
use super::node_choice;
use super::nodes::{HOSTNAME, ZONE};
use super::selectors::{APPS, selector};
use crate::object::push;
use crate::random::Random;

pub(super) fn constraints(cluster: &mut Cluster, pod: &mut Value) {
    if pod["spec"].get("topologySpreadConstraints").is_some() {
        return;
    }
    let count = if cluster.random.chance(30) { 2 } else { 1 };
    let keys = cluster.random.some(&[ZONE, HOSTNAME, "rack"], count);
    for key in keys {
        let constraint = constraint(&mut cluster.random, pod, key);
        let by_affinity = constraint.get("nodeAffinityPolicy").is_some();
        push(pod, &["spec", "topologySpreadConstraints"], constraint);
        if by_affinity && cluster.random.chance(70) {
            node_choice::node_selector(cluster, pod);
        }
    }
}

fn constraint(random: &mut Random, pod: &Value, key: &str) -> Value {
    let mut constraint = json!({
        "maxSkew": random.weighted(&[(7, 1), (3, 2)]),
        "topologyKey": key,
        "whenUnsatisfiable": if random.chance(82) { "DoNotSchedule" } else { "ScheduleAnyway" },
    });
    // No selector counts nobody; an empty one selects all and counts nobody either.
    match random.below(20) {
        0 => {}
        1..=3 => constraint["labelSelector"] = json!({}),
        4..=11 => constraint["labelSelector"] = json!({"matchLabels": {"app": pod["metadata"]["labels"]["app"]}}),
        12..=14 => constraint["labelSelector"] = json!({"matchLabels": {"app": random.pick(&APPS)}}),
        _ => constraint["labelSelector"] = selector(random),
    }
    if constraint["whenUnsatisfiable"] == "DoNotSchedule" && random.chance(50) {
        constraint["minDomains"] = json!(random.between(2, 6));
    }
    if random.chance(40) {
        constraint["nodeAffinityPolicy"] = json!(if random.chance(80) { "Ignore" } else { "Honor" });
    }
    if random.chance(60) {
        constraint["nodeTaintsPolicy"] = json!(if random.chance(80) { "Honor" } else { "Ignore" });
    }
    // The API server refuses a key that the selector has already.
    if constraint.get("labelSelector").is_some()
        && !constraint["labelSelector"].to_string().contains("version")
        && random.chance(35)
    {
        constraint["matchLabelKeys"] = json!(["version"]);
    }
    constraint
}
