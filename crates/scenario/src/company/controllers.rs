//! The controllers of pods and their autoscalers, with the status that they have when all is quiet.

use serde_json::{Value, json};

use super::nodes::Node;
use super::placement::{Pod, State};
use super::pods::{annotation, is_newest, template_hash};
use super::tables::apps;
use super::template;
use super::time::{DAY, ago};
use super::words::{App, Kind};
use crate::object::{controlled_by, hash, object, set};

/// A workload's pods, counted.
pub(super) struct Tally {
    pub pods: usize,
    pub ready: usize,
    /// Of the newest template.
    pub updated: usize,
}

/// Counts a workload's unfinished pods.
pub(super) fn tally(app: &App, pods: &[Pod]) -> Tally {
    let mut tally = Tally { pods: 0, ready: 0, updated: 0 };
    for pod in pods.iter().filter(|pod| std::ptr::eq(pod.app, app) && !pod.state.is_finished()) {
        tally.pods += 1;
        tally.ready += usize::from(pod.state == State::Running);
        tally.updated += usize::from(is_newest(pod));
    }
    tally
}

pub(super) fn objects(nodes: &[Node], pods: &[Pod]) -> Vec<Value> {
    let mut objects = Vec::new();
    for app in apps() {
        match app.kind {
            Kind::Deployment => {
                objects.push(deployment(app, pods));
                objects.extend(replica_sets(app, pods));
            }
            Kind::StatefulSet => objects.push(stateful_set(app, pods)),
            Kind::DaemonSet => objects.push(daemon_set(app, nodes)),
            Kind::CronJob | Kind::BarePod => {}
        }
        if let Some(bounds) = app.bounds() {
            objects.push(autoscaler(app, bounds, pods));
        }
    }
    objects
}

/// Minutes since somebody first deployed it.
fn age(app: &App) -> i64 {
    30 * DAY + (hash(&app.key(), "deployed", "") % (200 * DAY as u64)) as i64
}

/// The object of a controller, without status.
fn controller(app: &App, kind: &str) -> Value {
    let mut object = object("apps/v1", kind, app.namespace, app.name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(age(app))));
    set(&mut object, &["metadata", "generation"], json!(generation(app)));
    set(&mut object, &["metadata", "labels"], template::labels(app));
    set(&mut object, &["spec", "selector"], json!({"matchLabels": {"app": app.name}}));
    set(&mut object, &["spec", "template"], pod_template(app));
    object
}

fn generation(app: &App) -> u64 {
    1 + hash(&app.key(), "generation", "") % 40
}

pub(super) fn pod_template(app: &App) -> Value {
    let mut template = json!({"metadata": {"labels": template::labels(app)}, "spec": template::spec(app)});
    if let Some((key, value)) = annotation(app) {
        set(&mut template, &["metadata", "annotations"], json!({key: value}));
    }
    template
}

fn deployment(app: &App, pods: &[Pod]) -> Value {
    let tally = tally(app, pods);
    let mut object = controller(app, "Deployment");
    let revision = (1 + generation(app) / 2).to_string();
    set(&mut object, &["metadata", "annotations"], json!({"deployment.kubernetes.io/revision": revision}));
    set(&mut object, &["spec", "replicas"], json!(app.replicas));
    set(&mut object, &["spec", "progressDeadlineSeconds"], json!(600));
    set(
        &mut object,
        &["spec", "strategy"],
        json!({
            "type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
        }),
    );
    let condition = |kind: &str, reason: &str, minutes: i64| {
        let at = ago(minutes);
        json!({"type": kind, "status": "True", "reason": reason, "lastTransitionTime": at, "lastUpdateTime": at})
    };
    let progress = match app.mid_rollout() {
        Some(_) => condition("Progressing", "ReplicaSetUpdated", 2),
        None => condition("Progressing", "NewReplicaSetAvailable", 15 * DAY),
    };
    let mut status = json!({
        "observedGeneration": generation(app),
        "conditions": [condition("Available", "MinimumReplicasAvailable", 15 * DAY), progress],
    });
    // Numbers that are zero are not written.
    for (field, number) in [
        ("replicas", tally.pods),
        ("updatedReplicas", tally.updated),
        ("readyReplicas", tally.ready),
        ("availableReplicas", tally.ready),
        ("unavailableReplicas", app.replicas - tally.ready.min(app.replicas)),
    ] {
        if number > 0 {
            status[field] = json!(number);
        }
    }
    object["status"] = status;
    object
}

/// The current ReplicaSet, and in a rollout the one before.
fn replica_sets(app: &App, pods: &[Pod]) -> Vec<Value> {
    let mut sets = vec![replica_set(app, pods, true)];
    if app.mid_rollout().is_some() {
        sets.push(replica_set(app, pods, false));
    }
    sets
}

fn replica_set(app: &App, pods: &[Pod], newest: bool) -> Value {
    let hash = template_hash(app, newest);
    let mine = |pod: &&Pod| std::ptr::eq(pod.app, app) && is_newest(pod) == newest;
    let count = pods.iter().filter(mine).count();
    let ready = pods.iter().filter(mine).filter(|pod| pod.state == State::Running).count();
    let mut labels = template::labels(app);
    labels["pod-template-hash"] = json!(hash);
    let mut template = pod_template(app);
    set(&mut template, &["metadata", "labels"], labels.clone());
    let minutes = if newest && app.mid_rollout().is_some() { 2 } else { 15 * DAY };
    let mut object = object("apps/v1", "ReplicaSet", app.namespace, &format!("{}-{hash}", app.name));
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(minutes)));
    set(&mut object, &["metadata", "generation"], json!(2));
    set(&mut object, &["metadata", "labels"], labels);
    set(
        &mut object,
        &["metadata", "annotations"],
        json!({
            "deployment.kubernetes.io/desired-replicas": app.replicas.to_string(),
            "deployment.kubernetes.io/revision": (generation(app) / 2 + u64::from(newest)).to_string(),
        }),
    );
    set(&mut object, &["metadata", "ownerReferences"], controlled_by("apps/v1", "Deployment", app.namespace, app.name));
    set(
        &mut object,
        &["spec"],
        json!({
            "replicas": count,
            "selector": {"matchLabels": {"app": app.name, "pod-template-hash": hash}},
            "template": template,
        }),
    );
    object["status"] = json!({"observedGeneration": 2, "replicas": count});
    if count > 0 {
        object["status"]["fullyLabeledReplicas"] = json!(count);
        object["status"]["readyReplicas"] = json!(ready);
        object["status"]["availableReplicas"] = json!(ready);
    }
    object
}

fn stateful_set(app: &App, pods: &[Pod]) -> Value {
    let tally = tally(app, pods);
    let mut object = controller(app, "StatefulSet");
    let revision = format!("{}-{}", app.name, template_hash(app, true));
    set(&mut object, &["spec", "replicas"], json!(app.replicas));
    set(&mut object, &["spec", "serviceName"], json!(format!("{}-headless", app.name)));
    set(&mut object, &["spec", "podManagementPolicy"], json!("OrderedReady"));
    set(&mut object, &["spec", "updateStrategy"], json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
    let disk = app.disk().map(|gib| ("gp3", gib)).or(app.local_disk().map(|gib| ("local-nvme", gib)));
    if let Some((class, gib)) = disk {
        set(
            &mut object,
            &["spec", "volumeClaimTemplates"],
            json!([{
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": class,
                    "resources": {"requests": {"storage": format!("{gib}Gi")}},
                },
            }]),
        );
    }
    object["status"] = json!({
        "observedGeneration": generation(app), "replicas": tally.pods, "readyReplicas": tally.ready,
        "availableReplicas": tally.ready, "currentReplicas": tally.pods, "updatedReplicas": tally.pods,
        "currentRevision": revision, "updateRevision": revision, "collisionCount": 0,
    });
    object
}

fn daemon_set(app: &App, nodes: &[Node]) -> Value {
    let count = nodes.iter().filter(|node| node.is_selected_by(app)).count();
    let mut object = controller(app, "DaemonSet");
    set(
        &mut object,
        &["spec", "updateStrategy"],
        json!({
            "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"},
        }),
    );
    object["status"] = json!({
        "observedGeneration": generation(app), "currentNumberScheduled": count, "desiredNumberScheduled": count,
        "numberAvailable": count, "numberReady": count, "updatedNumberScheduled": count, "numberMisscheduled": 0,
    });
    object
}

fn autoscaler(app: &App, (low, high): (usize, usize), pods: &[Pod]) -> Value {
    let mut object = object("autoscaling/v2", "HorizontalPodAutoscaler", app.namespace, app.name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(age(app))));
    object["spec"] = json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": app.name},
        "minReplicas": low,
        "maxReplicas": high,
        "metrics": [{
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
        }],
    });
    let can_scale = json!({"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"});
    object["status"] = json!({
        "currentReplicas": tally(app, pods).pods, "desiredReplicas": app.replicas, "conditions": [can_scale],
    });
    object
}
