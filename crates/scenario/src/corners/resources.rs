//! What pods ask for, in every place where they can ask.

use serde_json::{Value, json};

use super::Cluster;
use crate::object::{object, push, set};
use crate::random::Random;

/// What most containers ask for; some ask for nothing.
pub(super) fn ordinary(random: &mut Random) -> Value {
    if random.chance(12) {
        return json!({});
    }
    let mut requests = json!({});
    if random.chance(90) {
        requests["cpu"] = json!(random.pick(&["0", "50m", "100m", "0.25", "350m", "600m", "1", "1.1"]));
    }
    if random.chance(90) {
        requests["memory"] =
            json!(random.pick(&["64Mi", "128974848", "200M", "0.5Gi", "700Mi", "1Gi", "1500e6", "128974848000m"]));
    }
    if random.chance(12) {
        requests["ephemeral-storage"] = json!(random.pick(&["1Gi", "4Gi", "9G"]));
    }
    json!({"requests": requests})
}

fn sizeable(random: &mut Random) -> Value {
    json!({"requests": {
        "cpu": random.pick(&["400m", "700m", "1", "1500m", "2"]),
        "memory": random.pick(&["300Mi", "900Mi", "1536Mi", "2Gi", "3G"]),
    }})
}

/// Init containers in any order, some of which stay as sidecars.
pub(super) fn sidecars_and_init(cluster: &mut Cluster, pod: &mut Value) {
    // The pod's own requests may not be below the sum of its containers.
    if pod["spec"].get("resources").is_some() {
        return;
    }
    let random = &mut cluster.random;
    for number in 0..random.between(1, 3) {
        let mut container = json!({"name": format!("init-{number}"), "image": "registry.example.com/init:1", "resources": sizeable(random)});
        if random.chance(55) {
            container["restartPolicy"] = json!("Always");
        }
        if random.chance(35) {
            let port = json!({"containerPort": 9000, "hostPort": random.pick(&[8080, 9000]), "protocol": "TCP"});
            container["ports"] = json!([port]);
        }
        push(pod, &["spec", "initContainers"], container);
    }
}

/// Requests of the pod as a whole, never below the sum of its containers.
pub(super) fn pod_level(cluster: &mut Cluster, pod: &mut Value) {
    let random = &mut cluster.random;
    let mut amounts = json!({"memory": random.pick(&["5Gi", "6Gi"])});
    if random.chance(70) {
        amounts["cpu"] = json!(random.pick(&["3", "3500m"]));
    }
    // Written by a person, limits alone; the API server makes them the requests.
    let by_limits = random.chance(20) && pod["spec"].get("overhead").is_none();
    let field = if by_limits { "limits" } else { "requests" };
    // Pods with several containers may ask for more than this in sum, which would not be accepted.
    if pod["spec"].get("initContainers").is_none() {
        set(pod, &["spec", "resources", field], amounts);
    }
}

/// What the sandbox takes, as admission copies it from the runtime class.
///
/// Never beside limits of the pod as a whole: the request that defaults from containers may be a quantity such as
/// `0.5Gi`, which Go holds by pointer, and the scheduler then adds the overhead to the pod's own spec, once more each time
/// it looks (component-helpers/resource, PodRequests). What the API server stores reads `512Mi`, which is held by value.
pub(super) fn overhead(cluster: &mut Cluster, pod: &mut Value) {
    if pod["spec"]["resources"].get("limits").is_some() {
        return;
    }
    const CLASS: &str = "sandboxed";
    let fixed = json!({"cpu": "700m", "memory": "900Mi"});
    if !cluster.others.iter().any(|other| other["kind"] == "RuntimeClass") {
        let mut class = object("node.k8s.io/v1", "RuntimeClass", "", CLASS);
        class["handler"] = json!("kata");
        class["overhead"] = json!({"podFixed": fixed});
        cluster.others.push(class);
    }
    set(pod, &["spec", "runtimeClassName"], json!(CLASS));
    set(pod, &["spec", "overhead"], fixed);
}

/// Extended resources, huge pages, local disk.
pub(super) fn scarce(cluster: &mut Cluster, pod: &mut Value) {
    let random = &mut cluster.random;
    let (resource, amount) = match random.below(4) {
        0 | 1 => ("example.com/gpu", json!(random.pick(&["1", "2", "1e0"]))),
        2 => ("hugepages-2Mi", json!(random.pick(&["32Mi", "64Mi", "128Mi"]))),
        _ => ("ephemeral-storage", json!(random.pick(&["5Gi", "9Gi", "12G"]))),
    };
    let container = &mut pod["spec"]["containers"][0];
    let mut requests = json!({"cpu": "100m", "memory": "100Mi"});
    requests[resource] = amount.clone();
    container["resources"] = json!({"requests": requests});
    container["resources"]["limits"][resource] = amount;
}

/// Limits and no requests, which default to them.
pub(super) fn limits_only(cluster: &mut Cluster, pod: &mut Value) {
    if pod["spec"].get("resources").is_some() {
        return;
    }
    let random = &mut cluster.random;
    let limits = json!({"cpu": random.pick(&["1", "1500m", "2"]), "memory": random.pick(&["1Gi", "2Gi", "3Gi"])});
    pod["spec"]["containers"][0]["resources"] = json!({"limits": limits});
}
