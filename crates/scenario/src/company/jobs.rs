//! CronJobs and the Jobs they made, done and under way.

use serde_json::{Value, json};

use super::controllers::pod_template;
use super::nodes::Node;
use super::placement::{Pod, State};
use super::pods::{age, job_name};
use super::tables::apps;
use super::time::{DAY, HOUR, ago};
use super::words::{App, Kind, Trait};
use crate::object::{controlled_by, object, set, uid};

pub(super) fn objects(nodes: &[Node], pods: &[Pod]) -> Vec<Value> {
    let cron_jobs = apps().filter(|app| app.kind == Kind::CronJob).map(|app| cron_job(app, pods));
    let jobs = pods.iter().filter(|pod| pod.app.kind == Kind::CronJob).map(|pod| job(nodes, pod));
    cron_jobs.chain(jobs).collect()
}

fn job_spec(app: &App) -> Value {
    json!({"backoffLimit": 2, "completions": 1, "parallelism": 1, "template": pod_template(app)})
}

fn cron_job(app: &App, pods: &[Pod]) -> Value {
    let mut object = object("batch/v1", "CronJob", app.namespace, app.name);
    let schedule = app.get(|one| if let Trait::Schedule(schedule) = one { Some(*schedule) } else { None });
    let running = pods.iter().filter(|pod| std::ptr::eq(pod.app, app) && !pod.state.is_finished());
    let active: Vec<Value> = running
        .map(|pod| {
            let name = job_name(pod);
            let uid = uid("Job", app.namespace, &name);
            json!({"apiVersion": "batch/v1", "kind": "Job", "namespace": app.namespace, "name": name, "uid": uid})
        })
        .collect();
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(120 * DAY)));
    set(&mut object, &["metadata", "generation"], json!(2));
    object["spec"] = json!({
        "schedule": schedule, "concurrencyPolicy": "Allow", "suspend": false, "failedJobsHistoryLimit": 1,
        "successfulJobsHistoryLimit": 6, "jobTemplate": {"spec": job_spec(app)},
    });
    object["status"] = json!({"lastScheduleTime": ago(HOUR)});
    if !active.is_empty() {
        object["status"]["active"] = json!(active);
    }
    object
}

fn job(nodes: &[Node], pod: &Pod) -> Value {
    let app = pod.app;
    let name = job_name(pod);
    let age = age(nodes, pod);
    let mut object = object("batch/v1", "Job", app.namespace, &name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(age)));
    set(&mut object, &["metadata", "generation"], json!(1));
    set(&mut object, &["metadata", "labels"], json!({"app": app.name}));
    set(&mut object, &["metadata", "ownerReferences"], controlled_by("batch/v1", "CronJob", app.namespace, app.name));
    object["spec"] = job_spec(app);
    let done = ago((age - 20).max(1));
    let condition = |kind: &str| json!([{"type": kind, "status": "True", "lastTransitionTime": done}]);
    object["status"] = match pod.state {
        State::Succeeded => json!({
            "succeeded": 1, "startTime": ago(age), "completionTime": done, "conditions": condition("Complete"),
        }),
        State::Failed => json!({"failed": 1, "startTime": ago(age), "conditions": condition("Failed")}),
        _ => json!({"active": 1, "ready": 1, "startTime": ago(age)}),
    };
    object
}
