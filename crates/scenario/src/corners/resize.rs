//! In-place resizes under way: the spec says one thing, the node has granted another, the container has a third.

use serde_json::{Value, json};

use super::Cluster;
use crate::object::{push, set};
use crate::random::Random;

fn amounts(random: &mut Random) -> Value {
    json!({
        "cpu": random.pick(&["100m", "500m", "900m", "1300m", "2"]),
        "memory": random.pick(&["100Mi", "600Mi", "1200Mi", "2Gi", "3Gi"]),
    })
}

/// Containers and sidecars whose status differs from their spec.
pub(super) fn container(cluster: &mut Cluster, pod: &mut Value) {
    if pod["spec"].get("nodeName").is_none() || pod["spec"].get("resources").is_some() {
        return;
    }
    let random = &mut cluster.random;
    pod["spec"]["containers"][0]["resources"] = json!({"requests": amounts(random)});
    let status = status(random, "main");
    push(pod, &["status", "containerStatuses"], status);
    if random.chance(40) {
        let sidecar = json!({
            "name": "proxy", "image": "registry.example.com/proxy:1", "restartPolicy": "Always",
            "resources": {"requests": amounts(random)},
        });
        push(pod, &["spec", "initContainers"], sidecar);
        let status = self::status(random, "proxy");
        push(pod, &["status", "initContainerStatuses"], status);
    }
    // A plain init container is over: its status is not asked.
    if random.chance(10) {
        let init = json!({"name": "setup", "image": "registry.example.com/setup:1", "resources": {"requests": {"cpu": "50m"}}});
        push(pod, &["spec", "initContainers"], init);
        let status = self::status(random, "setup");
        push(pod, &["status", "initContainerStatuses"], status);
    }
    waiting(random, pod);
}

fn status(random: &mut Random, name: &str) -> Value {
    let mut status = json!({"name": name, "ready": true, "restartCount": 0, "state": {"running": {}}});
    if random.chance(85) {
        status["resources"] = json!({"requests": amounts(random)});
    }
    if random.chance(75) {
        status["allocatedResources"] = amounts(random);
    }
    status
}

/// The same for the requests of the pod as a whole.
pub(super) fn pod_level(cluster: &mut Cluster, pod: &mut Value) {
    let has_more = pod["spec"].get("initContainers").is_some() || pod["status"].get("containerStatuses").is_some();
    if pod["spec"].get("nodeName").is_none() || has_more {
        return;
    }
    let random = &mut cluster.random;
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "100m", "memory": "64Mi"}});
    set(pod, &["spec", "resources", "requests"], amounts(random));
    if random.chance(85) {
        set(pod, &["status", "resources", "requests"], amounts(random));
    }
    if random.chance(75) {
        set(pod, &["status", "allocatedResources"], amounts(random));
    }
    waiting(random, pod);
}

/// Whether the kubelet has put the resize off, refused it, or is at it.
fn waiting(random: &mut Random, pod: &mut Value) {
    let condition = match random.below(10) {
        0..=3 => {
            json!({"type": "PodResizePending", "status": "True", "reason": "Infeasible", "message": "node didn't have enough capacity"})
        }
        4..=6 => json!({"type": "PodResizePending", "status": "True", "reason": "Deferred"}),
        7 => json!({"type": "PodResizeInProgress", "status": "True"}),
        _ => return,
    };
    push(pod, &["status", "conditions"], condition);
}
