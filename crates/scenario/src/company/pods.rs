//! The pods.

use serde_json::{Value, json};

use super::cluster_objects::PRIORITIES;
use super::nodes::Node;
use super::placement::{Pod, State};
use super::storage::claim_name;
use super::template;
use super::time::{DAY, HOUR, ago};
use super::words::{App, Kind, Trait};
use crate::object::{controlled_by, hash, object, push, set, suffix};

/// The template's hash as ReplicaSets have it; a rollout under way has an old and a new one.
pub(super) fn template_hash(app: &App, is_newest: bool) -> String {
    suffix(&app.key(), u64::from(is_newest), 10)
}

/// Is the pod of the newest template?
pub(super) fn is_newest(pod: &Pod) -> bool {
    pod.app.mid_rollout().is_none_or(|updated| pod.ordinal + updated >= pod.app.replicas)
}

/// The Job of a CronJob's pod is named after the minute it was due.
pub(super) fn job_name(pod: &Pod) -> String {
    format!("{}-{}", pod.app.name, 29_900_000 + 1_440 * pod.ordinal)
}

/// metadata.name.
pub(super) fn name(pod: &Pod) -> String {
    let app = pod.app;
    let end = suffix(&app.key(), 100 + pod.ordinal as u64, 5);
    match app.kind {
        Kind::Deployment => format!("{}-{}-{end}", app.name, template_hash(app, is_newest(pod))),
        Kind::StatefulSet => format!("{}-{}", app.name, pod.ordinal),
        Kind::DaemonSet => format!("{}-{end}", app.name),
        Kind::CronJob => format!("{}-{end}", job_name(pod)),
        Kind::BarePod => app.name.to_owned(),
    }
}

/// Minutes since it was made, less than its node's age.
pub(super) fn age(nodes: &[Node], pod: &Pod) -> i64 {
    let chance = hash(&pod.app.key(), "age", &pod.ordinal.to_string());
    let wanted = match pod.state {
        State::Pending => return 0,
        State::Starting => return 1,
        State::Succeeded | State::Failed => 2 * HOUR + (chance % (3 * DAY as u64)) as i64,
        State::Running if pod.app.kind == Kind::DaemonSet => 30 * DAY,
        State::Running if pod.app.kind == Kind::CronJob => 3 + (chance % 40) as i64,
        State::Running => 20 + (chance % (14 * DAY as u64)) as i64,
    };
    pod.node.map_or(wanted, |node| wanted.min(nodes[node].age - 1))
}

pub(super) fn objects(nodes: &[Node], pods: &[Pod]) -> Vec<Value> {
    pods.iter().map(|pod| pod_object(nodes, pod)).collect()
}

fn pod_object(nodes: &[Node], pod: &Pod) -> Value {
    let app = pod.app;
    let name = name(pod);
    let mut object = object("v1", "Pod", app.namespace, &name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(age(nodes, pod))));
    metadata(&mut object, nodes, pod);
    set(&mut object, &["spec"], spec(nodes, pod));
    set(&mut object, &["status"], status(nodes, pod));
    object
}

fn metadata(object: &mut Value, nodes: &[Node], pod: &Pod) {
    let app = pod.app;
    let mut labels = template::labels(app);
    let revision = template_hash(app, true);
    let owner = match app.kind {
        Kind::Deployment => {
            let hash = template_hash(app, is_newest(pod));
            labels["pod-template-hash"] = json!(hash);
            let owner = format!("{}-{hash}", app.name);
            set(object, &["metadata", "generateName"], json!(format!("{owner}-")));
            Some(("apps/v1", "ReplicaSet", owner))
        }
        Kind::StatefulSet => {
            labels["apps.kubernetes.io/pod-index"] = json!(pod.ordinal.to_string());
            labels["statefulset.kubernetes.io/pod-name"] = json!(name(pod));
            labels["controller-revision-hash"] = json!(format!("{}-{revision}", app.name));
            Some(("apps/v1", "StatefulSet", app.name.to_owned()))
        }
        Kind::DaemonSet => {
            labels["controller-revision-hash"] = json!(revision);
            labels["pod-template-generation"] = json!("4");
            set(object, &["metadata", "generateName"], json!(format!("{}-", app.name)));
            Some(("apps/v1", "DaemonSet", app.name.to_owned()))
        }
        Kind::CronJob => {
            labels["batch.kubernetes.io/job-name"] = json!(job_name(pod));
            Some(("batch/v1", "Job", job_name(pod)))
        }
        Kind::BarePod => None,
    };
    // Since 1.35 binding copies where the node is.
    if let Some(node) = pod.node {
        labels["topology.kubernetes.io/region"] = json!("eu-west-1");
        if let Some(zone) = nodes[node].zone_name() {
            labels["topology.kubernetes.io/zone"] = json!(zone);
        }
    }
    set(object, &["metadata", "labels"], labels);
    if let Some((api_version, kind, owner)) = owner {
        set(object, &["metadata", "ownerReferences"], controlled_by(api_version, kind, app.namespace, &owner));
    }
    if let Some((key, value)) = annotation(app) {
        set(object, &["metadata", "annotations"], json!({key: value}));
    }
}

/// What its template's annotations say, where they say anything.
pub(super) fn annotation(app: &App) -> Option<(&'static str, &'static str)> {
    app.get(|one| match one {
        Trait::DoNotDisrupt => Some(("karpenter.sh/do-not-disrupt", "true")),
        Trait::NotSafeToEvict => Some(("cluster-autoscaler.kubernetes.io/safe-to-evict", "false")),
        _ => None,
    })
}

fn spec(nodes: &[Node], pod: &Pod) -> Value {
    let app = pod.app;
    let mut spec = template::spec(app);
    if let Some(node) = pod.node {
        spec["nodeName"] = json!(nodes[node].name);
    }
    let class = app.get(|one| if let Trait::Priority(class) = one { Some(*class) } else { None });
    let priority = PRIORITIES.iter().find(|(name, _)| class == Some(name)).map_or(0, |(_, value)| *value);
    spec["priority"] = json!(priority);
    if app.disk().is_some() || app.local_disk().is_some() {
        let claim = json!({"name": "data", "persistentVolumeClaim": {"claimName": claim_name(app, pod.ordinal)}});
        push(&mut spec, &["volumes"], claim);
    }
    match (app.kind, pod.node) {
        (Kind::DaemonSet, Some(node)) => of_daemon(app, &nodes[node], &mut spec),
        // The API server adds these to every pod without its own.
        _ => {
            for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
                let toleration =
                    json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
                push(&mut spec, &["tolerations"], toleration);
            }
        }
    }
    spec
}

/// What the DaemonSet controller adds: the node, and the taints of trouble.
fn of_daemon(app: &App, node: &Node, spec: &mut Value) {
    for (trouble, effect) in [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ] {
        let key = format!("node.kubernetes.io/{trouble}");
        push(spec, &["tolerations"], json!({"key": key, "operator": "Exists", "effect": effect}));
    }
    if app.has(Trait::HostNetwork) {
        let toleration =
            json!({"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"});
        push(spec, &["tolerations"], toleration);
    }
    const REQUIRED: [&str; 3] = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
    let field = json!([{"key": "metadata.name", "operator": "In", "values": [node.name]}]);
    let term = &mut spec[REQUIRED[0]][REQUIRED[1]][REQUIRED[2]]["nodeSelectorTerms"];
    match term.as_array_mut().and_then(|terms| terms.first_mut()) {
        Some(term) => term["matchFields"] = field,
        None => *term = json!([{"matchFields": field}]),
    }
}

fn status(nodes: &[Node], pod: &Pod) -> Value {
    let app = pod.app;
    let qos = if app.has(Trait::NoRequests) {
        "BestEffort"
    } else if app.has(Trait::Guaranteed) && !app.has(Trait::Proxy) {
        "Guaranteed"
    } else {
        "Burstable"
    };
    let Some(node) = pod.node.map(|node| &nodes[node]) else {
        return json!({"phase": "Pending", "qosClass": qos});
    };
    let (phase, is_ready) = match pod.state {
        State::Running => ("Running", true),
        State::Starting => ("Running", false),
        State::Pending => ("Pending", false),
        State::Succeeded => ("Succeeded", false),
        State::Failed => ("Failed", false),
    };
    let age = age(nodes, pod);
    let condition = |kind: &str, is_true: bool| {
        let status = if is_true { "True" } else { "False" };
        json!({"type": kind, "status": status, "lastTransitionTime": ago(age)})
    };
    let chance = hash(&app.key(), "address", &pod.ordinal.to_string());
    let address = match app.has(Trait::HostNetwork) {
        true => node.ip.clone(),
        false => format!("10.20.{}.{}", 64 + chance % 128, 4 + chance / 128 % 250),
    };
    let mut status = json!({
        "phase": phase,
        "qosClass": qos,
        "conditions": [
            condition("PodScheduled", true),
            condition("Ready", is_ready),
        ],
        "containerStatuses": container_statuses(app, pod, age, is_ready),
        "hostIP": node.ip,
        "podIP": address,
        "startTime": ago(age),
    });
    if app.has(Trait::Sidecar) {
        status["initContainerStatuses"] = json!([running(app, "vault-agent", age, true, 0)]);
    }
    status
}

fn container_statuses(app: &App, pod: &Pod, age: i64, is_ready: bool) -> Vec<Value> {
    // One in eight has restarted now and then.
    let chance = hash(&app.key(), "restarts", &pod.ordinal.to_string());
    let restarts = if chance.is_multiple_of(8) { 1 + chance / 8 % 5 } else { 0 };
    let mut statuses = vec![match pod.state {
        State::Succeeded => terminated(app, age, 0),
        State::Failed => terminated(app, age, 1),
        _ => running(app, app.name, age, is_ready, restarts),
    }];
    if app.has(Trait::Proxy) {
        statuses.push(running(app, "istio-proxy", age, true, 0));
    }
    statuses
}

fn running(app: &App, container: &str, age: i64, is_ready: bool, restarts: u64) -> Value {
    json!({
        "name": container, "image": template::image(app, container), "ready": is_ready, "restartCount": restarts,
        "started": true, "state": {"running": {"startedAt": ago(age)}},
    })
}

fn terminated(app: &App, age: i64, exit_code: i64) -> Value {
    let reason = if exit_code == 0 { "Completed" } else { "Error" };
    json!({
        "name": app.name, "image": template::image(app, app.name), "ready": false, "restartCount": 0, "started": false,
        "state": {"terminated": {
            "exitCode": exit_code, "reason": reason, "startedAt": ago(age), "finishedAt": ago((age - 19).max(1)),
        }},
    })
}
