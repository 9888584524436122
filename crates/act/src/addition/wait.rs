//! Nodes that a person or another tool adds: watched as they come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};
use model::{AddedNode, Name, Plan, Time};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::fit::{is_known, lacks_now};
use super::{Adder, stand_in};
use crate::carry_out::Stop;
use crate::cluster::Cluster;
use crate::error::ActError;

/// The first list takes no longer, or the API server is in trouble.
const FIRST_LIST_WITHIN: Duration = Duration::from_secs(120);
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// Nodes of the types that a plan buys, those that came after it was made.
pub(super) struct Newcomers {
    plan: Plan,
    nodes: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    by_name: BTreeMap<Name, Node>,
    is_listed: bool,
    problem: Option<String>,
}

impl Drop for Newcomers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Newcomers {
    /// Begins to watch, and returns when all that there are have been seen.
    pub async fn watch(cluster: &Cluster, plan: &Plan) -> Result<Newcomers, ActError> {
        let (sender, mut nodes) = watch::channel(Seen::default());
        let types: BTreeSet<&str> = plan.nodes.add.iter().map(|added| &*added.instance_type).collect();
        let types = types.into_iter().collect::<Vec<&str>>().join(",");
        let of_types = Config::default().labels(&format!("{INSTANCE_TYPE} in ({types})"));
        let task = tokio::spawn(follow(Api::all(cluster.client.clone()), of_types, plan.clone(), sender));
        let listed = tokio::time::timeout(FIRST_LIST_WITHIN, nodes.wait_for(|seen| seen.is_listed));
        let is_listed = matches!(listed.await, Ok(Ok(_)));
        let newcomers = Newcomers { plan: plan.clone(), nodes, task };
        if is_listed {
            return Ok(newcomers);
        }
        let problem = newcomers.nodes.borrow().problem.clone();
        Err(ActError::Refused { what: "watch nodes".to_owned(), problem: problem.unwrap_or("no answer".to_owned()) })
    }

    /// The one that stands for it already, else the first that may.
    fn find(&self, planned: &AddedNode, taken: &BTreeSet<Name>) -> Result<Node, String> {
        let seen = self.nodes.borrow();
        let is_its = |node: &&Node| {
            stand_in::read(node).is_some_and(|it| it.plan == self.plan.name && it.planned == planned.node.name)
        };
        if let Some(node) = seen.by_name.values().find(is_its) {
            return Ok(node.clone());
        }
        let mut nearest = None;
        for (name, node) in &seen.by_name {
            let is_others = stand_in::read(node).is_some_and(|it| it.plan == self.plan.name || !it.is_expired());
            if taken.contains(name) || is_others {
                continue;
            }
            match lacks_now(planned, node) {
                None => return Ok(node.clone()),
                Some(why) => nearest = nearest.or(Some(format!("{name} {why}"))),
            }
        }
        Err(nearest.unwrap_or_else(|| "none has come since the plan was made".to_owned()))
    }
}

impl Adder for Newcomers {
    fn ask_for<'a>(&'a mut self, _: &'a AddedNode) -> BoxFuture<'a, Result<(), Stop>> {
        std::future::ready(Ok(())).boxed()
    }

    fn come<'a>(&'a self, planned: &'a AddedNode, taken: &'a BTreeSet<Name>) -> BoxFuture<'a, Result<Node, String>> {
        std::future::ready(self.find(planned, taken)).boxed()
    }

    fn changed(&mut self) -> BoxFuture<'_, ()> {
        async {
            if self.nodes.changed().await.is_err() {
                // Without a watch nothing changes any more.
                std::future::pending::<()>().await;
            }
        }
        .boxed()
    }
}

/// Keeps the nodes as the API server tells, but for those that the plan was made with.
async fn follow(api: Api<Node>, of_types: Config, plan: Plan, nodes: watch::Sender<Seen>) {
    let mut events = watcher(api, of_types).default_backoff().boxed();
    let mut listed = BTreeMap::new();
    let newcomer = |node: Node| {
        let name = Name::from(node.metadata.name.as_deref()?);
        is_new(&plan, &name, &node).then_some((name, node))
    };
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(node)) => listed.extend(newcomer(node)),
            Ok(Event::InitDone) => {
                let by_name = std::mem::take(&mut listed);
                nodes.send_replace(Seen { by_name, is_listed: true, problem: None });
            }
            Ok(Event::Apply(node)) => {
                if let Some((name, node)) = newcomer(node) {
                    nodes.send_modify(|seen| {
                        seen.by_name.insert(name, node);
                    });
                }
            }
            Ok(Event::Delete(node)) => nodes.send_modify(|seen| {
                seen.by_name.remove(node.metadata.name.as_deref().unwrap_or_default());
            }),
            Err(error) => nodes.send_modify(|seen| seen.problem = Some(error.to_string())),
        }
    }
}

/// Came after the plan was made, or was taken for it before.
fn is_new(plan: &Plan, name: &Name, node: &Node) -> bool {
    let is_ours = stand_in::read(node).is_some_and(|stand_in| stand_in.plan == plan.name);
    let created = node.metadata.creation_timestamp.as_ref().map(|created| Time(created.0.as_second()));
    is_ours || (created.is_some_and(|created| created > plan.taken_at) && !is_known(plan, name))
}
