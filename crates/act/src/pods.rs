//! Pods as they come and go, watched for as long as a plan is carried out.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};
use model::Name;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::error::ActError;

/// The first list takes no longer, or the API server is in trouble.
const FIRST_LIST_WITHIN: Duration = Duration::from_secs(120);
/// The annotation of the mirror of a static pod.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What is kept of a pod: the rest may be large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `namespace/name`.
    pub key: String,
    /// The node it is bound to.
    pub node: Option<Name>,
    /// Condition Ready is True.
    pub ready: bool,
    /// It is being deleted.
    pub terminating: bool,
    /// It has succeeded or failed.
    pub finished: bool,
    /// The uid of its controller.
    pub controller: Option<Name>,
    /// It goes with its node: DaemonSet or static.
    pub stays_with_node: bool,
    /// How often its containers have started again.
    pub restarts: i32,
    /// Why no node takes it, in the scheduler's words.
    pub unschedulable: Option<String>,
}

/// All pods at one moment, once they have been listed.
#[derive(Default)]
pub struct Pods {
    /// By uid.
    pub by_uid: HashMap<Name, Seen>,
    is_listed: bool,
    problem: Option<String>,
}

/// Pods as they are now. The watch ends with it.
pub struct Watched {
    pods: watch::Receiver<Pods>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watched {
    /// Begins to watch, and returns when all pods that there are have been seen.
    pub async fn begin(cluster: &Cluster) -> Result<Watched, ActError> {
        let (sender, pods) = watch::channel(Pods::default());
        let task = tokio::spawn(follow(Api::all(cluster.client.clone()), sender));
        let watched = Watched { pods, task };
        match watched.until(FIRST_LIST_WITHIN, |pods| pods.is_listed).await {
            true => Ok(watched),
            false => {
                let problem = watched.pods.borrow().problem.clone();
                Err(ActError::Watch { problem: problem.unwrap_or_else(|| "no answer".to_owned()) })
            }
        }
    }

    /// Asks something of the pods as they are now.
    pub fn now<T>(&self, ask: impl FnOnce(&Pods) -> T) -> T {
        ask(&self.pods.borrow())
    }

    /// Waits until the condition holds; false where it did not in time.
    pub async fn until(&self, within: Duration, mut condition: impl FnMut(&Pods) -> bool) -> bool {
        let mut pods = self.pods.clone();
        let waited = tokio::time::timeout(within, pods.wait_for(|pods| condition(pods))).await;
        matches!(waited, Ok(Ok(_)))
    }
}

/// Keeps the pods as the API server tells. The watcher begins anew by itself whenever it has to.
async fn follow(api: Api<Pod>, pods: watch::Sender<Pods>) {
    let mut events = watcher(api, Config::default()).default_backoff().boxed();
    let mut listed = HashMap::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(pod)) => listed.extend(seen(pod)),
            Ok(Event::InitDone) => {
                let by_uid = std::mem::take(&mut listed);
                pods.send_replace(Pods { by_uid, is_listed: true, problem: None });
            }
            Ok(Event::Apply(pod)) => pods.send_modify(|pods| pods.by_uid.extend(seen(pod))),
            Ok(Event::Delete(pod)) => pods.send_modify(|pods| {
                pods.by_uid.remove(pod.metadata.uid.as_deref().unwrap_or_default());
            }),
            Err(error) => pods.send_modify(|pods| pods.problem = Some(error.to_string())),
        }
    }
}

/// By its uid, without which nothing can be said of a pod.
fn seen(pod: Pod) -> Option<(Name, Seen)> {
    let uid = Name::from(pod.metadata.uid.as_deref()?);
    let key =
        format!("{}/{}", pod.metadata.namespace.unwrap_or_default(), pod.metadata.name.as_deref().unwrap_or_default());
    let status = pod.status.unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let is_true = |kind: &str| conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    let unscheduled =
        conditions.iter().find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    let controller = pod.metadata.owner_references.unwrap_or_default();
    let controller = controller.into_iter().find(|owner| owner.controller == Some(true));
    let is_mirror = pod.metadata.annotations.is_some_and(|annotations| annotations.contains_key(MIRROR));
    let is_daemon = controller.as_ref().is_some_and(|owner| owner.kind == "DaemonSet" || owner.kind == "Node");
    let containers = status.container_statuses.unwrap_or_default();
    let seen = Seen {
        key,
        node: pod.spec.and_then(|spec| spec.node_name).map(Name::from),
        ready: is_true("Ready"),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        finished: matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")),
        controller: controller.map(|owner| Name::from(owner.uid)),
        stays_with_node: is_daemon || is_mirror,
        restarts: containers.iter().map(|container| container.restart_count).sum(),
        unschedulable: unscheduled.map(|condition| condition.message.clone().unwrap_or_default()),
    };
    Some((uid, seen))
}

impl Seen {
    /// It is neither going nor finished.
    pub fn is_to_stay(&self) -> bool {
        !self.terminating && !self.finished
    }
}

impl Pods {
    /// What keeps the node from being empty: pods that neither go with it nor are finished.
    pub fn left_on(&self, node: &Name) -> usize {
        let is_left = |pod: &&Seen| pod.node.as_ref() == Some(node) && !pod.stays_with_node && !pod.finished;
        self.by_uid.values().filter(is_left).count()
    }

    /// Pods of the controller that are there to stay.
    pub fn of_controller<'p>(&'p self, controller: &'p Name) -> impl Iterator<Item = (&'p Name, &'p Seen)> {
        self.by_uid.iter().filter(move |(_, pod)| pod.controller.as_ref() == Some(controller) && pod.is_to_stay())
    }
}
