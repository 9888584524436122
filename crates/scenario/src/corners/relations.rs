//! Affinity and anti-affinity between pods.

use serde_json::{Value, json};

use super::nodes::{HOSTNAME, REGION, ZONE};
use super::selectors::{APPS, selector};
use super::{Cluster, NAMESPACES};
use crate::object::{push, set};
use crate::random::Random;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn affinity(cluster: &mut Cluster, pod: &mut Value) {
    let count = if cluster.random.chance(30) { 2 } else { 1 };
    for _ in 0..count {
        let keys: &[(u32, &str)] = &[(3, ZONE), (1, HOSTNAME), (2, "rack"), (2, REGION)];
        let term = term(&mut cluster.random, pod, keys);
        push(pod, &["spec", "affinity", "podAffinity", REQUIRED], term);
    }
}

/// A pod that wants to be with others like it, of which there may be none: the first of them may go anywhere.
pub(super) fn self_affinity(cluster: &mut Cluster, pod: &mut Value) {
    let group = format!("group-{}", cluster.random.below(4));
    set(pod, &["metadata", "labels", "group"], json!(group));
    let keys = if cluster.random.chance(25) {
        vec![ZONE, "rack"]
    } else {
        vec![*cluster.random.pick(&[ZONE, "rack", REGION])]
    };
    for key in keys {
        let term = json!({"labelSelector": {"matchLabels": {"group": group}}, "topologyKey": key});
        push(pod, &["spec", "affinity", "podAffinity", REQUIRED], term);
    }
}

pub(super) fn anti_affinity(cluster: &mut Cluster, pod: &mut Value) {
    let count = if cluster.random.chance(20) { 2 } else { 1 };
    for _ in 0..count {
        let keys: &[(u32, &str)] = &[(1, ZONE), (6, HOSTNAME), (2, "rack")];
        let term = term(&mut cluster.random, pod, keys);
        push(pod, &["spec", "affinity", "podAntiAffinity", REQUIRED], term);
    }
}

pub(super) fn preferred(cluster: &mut Cluster, pod: &mut Value) {
    let kind = if cluster.random.chance(50) { "podAffinity" } else { "podAntiAffinity" };
    let term = term(&mut cluster.random, pod, &[(1, HOSTNAME), (1, ZONE)]);
    let weighted = json!({"weight": cluster.random.between(1, 100), "podAffinityTerm": term});
    push(pod, &["spec", "affinity", kind, PREFERRED], weighted);
}

fn term(random: &mut Random, pod: &Value, keys: &[(u32, &str)]) -> Value {
    let mut term = json!({"topologyKey": random.weighted(keys)});
    match random.below(20) {
        // No selector selects nobody, an empty one everybody.
        0..=1 => {}
        2 => term["labelSelector"] = json!({}),
        3..=9 => term["labelSelector"] = json!({"matchLabels": {"app": random.pick(&APPS)}}),
        _ => term["labelSelector"] = selector(random),
    }
    if random.chance(25) {
        let count = 1 + random.below(2);
        term["namespaces"] = json!(random.some(&NAMESPACES, count));
    }
    if random.chance(35) {
        term["namespaceSelector"] = match random.below(4) {
            0 => json!({}),
            1 => json!({"matchLabels": {"team": "red"}}),
            2 => json!({"matchExpressions": [{"key": "env", "operator": "Exists"}]}),
            _ => json!({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["blue"]}]}),
        };
    }
    if term.get("labelSelector").is_some()
        && !term["labelSelector"].to_string().contains("version")
        && random.chance(15)
    {
        merged_at_creation(random, pod, &mut term);
    }
    term
}

/// The API server put the pod's value of the day into the selector. The label may have changed since.
fn merged_at_creation(random: &mut Random, pod: &Value, term: &mut Value) {
    let (field, operator) = if random.chance(60) { ("matchLabelKeys", "In") } else { ("mismatchLabelKeys", "NotIn") };
    term[field] = json!(["version"]);
    let Some(now) = pod["metadata"]["labels"]["version"].as_str() else {
        return;
    };
    let then = if random.chance(50) { now } else { "v1" };
    push(
        term,
        &["labelSelector", "matchExpressions"],
        json!({"key": "version", "operator": operator, "values": [then]}),
    );
}
