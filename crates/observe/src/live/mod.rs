//! A running cluster, by lists alone: paged, a few kinds at a time, and what may not be read is named.

mod connect;
mod errors;
mod follow;
mod list;
mod pod_metrics;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{Finding, FindingCode, ReadState, Severity, Snapshot, Subject, Time};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

pub use connect::{Connection, connect};
pub use errors::LiveError;
pub use follow::Followed;
pub use pod_metrics::{PodReading, PodReadings, read_pod_metrics};

use crate::collect::Collected;
use crate::input::json::Cutter;
use crate::input::pipeline::collect;
use crate::input::{Limits, ReadError};
use crate::kinds::{KINDS, Kind, KindInfo};
use crate::object::Keep;
use crate::recording::{Recording, record};
use list::{Listed, Lister, list};

/// How a live cluster is read.
#[derive(Clone)]
pub struct LiveOptions {
    /// A context of the kubeconfig; its current one by default.
    pub context: Option<String>,
    /// A kubeconfig; by default what kubectl takes: $KUBECONFIG, ~/.kube/config, or the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// Only this namespace's objects, and everything that lives in none.
    pub namespace: Option<String>,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// The moment to write down as that of the snapshot: nothing here reads a clock.
    pub now: Time,
    /// Bounds on what the API server may send.
    pub limits: Limits,
    /// Called after each page with the kind and how many of it there are so far.
    pub progress: Option<Progress>,
}

/// Hears how far reading has come.
pub type Progress = Arc<dyn Fn(Kind, usize) + Send + Sync>;

impl LiveOptions {
    /// The current context, all namespaces, 30 seconds a request.
    pub fn new(now: Time) -> LiveOptions {
        LiveOptions {
            context: None,
            kubeconfig: None,
            namespace: None,
            request_timeout: Duration::from_secs(30),
            now,
            limits: Limits::default(),
            progress: None,
        }
    }
}

/// Lists under way at once: quick, and no load that an API server would notice.
const LISTS_AT_ONCE: usize = 4;
/// Pages that wait to be parsed; at some 5 MB a page.
const PAGES_AHEAD: usize = 4;

/// What the lists hand to the thread that parses.
pub(crate) enum Page {
    /// The bytes of a list, and how many objects of its kind came before.
    Items { kind: Kind, bytes: Vec<u8>, before: usize },
    /// The list began anew: what came of this kind before does not count.
    Restart(Kind),
}

/// Reads a running cluster.
pub async fn read_live(options: &LiveOptions) -> Result<Snapshot, LiveError> {
    read_from(&connect(options).await?, options).await
}

/// Reads a running cluster once more.
pub async fn read_from(cluster: &Connection, options: &LiveOptions) -> Result<Snapshot, LiveError> {
    Ok(read(cluster, options, Keep::Model).await?.snapshot)
}

/// Reads a running cluster, and keeps what a saved snapshot needs.
pub async fn record_live(options: &LiveOptions) -> Result<Recording, LiveError> {
    read(&connect(options).await?, options, Keep::ModelAndPruned).await
}

/// [`read_live`] for callers without a runtime.
pub fn read_live_blocking(options: &LiveOptions) -> Result<Snapshot, LiveError> {
    runtime()?.block_on(read_live(options))
}

/// [`record_live`] for callers without a runtime.
pub fn record_live_blocking(options: &LiveOptions) -> Result<Recording, LiveError> {
    runtime()?.block_on(record_live(options))
}

fn runtime() -> Result<tokio::runtime::Runtime, LiveError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|source| LiveError::Config { source: Box::new(source) })
}

async fn read(cluster: &Connection, options: &LiveOptions, keep: Keep) -> Result<Recording, LiveError> {
    let (pages, received) = mpsc::channel(PAGES_AHEAD);
    let limits = options.limits.clone();
    let parsing = tokio::task::spawn_blocking(move || parse(received, keep, &limits));
    let states = list_all(options, &cluster.client, &cluster.server, pages).await;
    let parsed = parsing.await.map_err(|source| LiveError::Config { source: Box::new(source) })?;
    // When parsing fails the lists fail too, for want of somebody who takes their pages.
    let mut collected = parsed?;
    collected.states = states?.into_iter().collect();
    if let Some(right) = missing_right(&collected) {
        return Err(LiveError::Forbidden { server: cluster.server.clone(), right });
    }
    // Lists that come at once come in any order.
    collected.notes.sort_by(|a, b| (&a.kind, &a.name, &a.source).cmp(&(&b.kind, &b.name, &b.source)));
    collected.newest = options.now;
    let mut recording = record(collected, &cluster.name);
    if let Some(namespace) = &options.namespace {
        note_other_namespaces(&mut recording.snapshot, namespace);
    }
    Ok(recording)
}

/// All kinds, a few at once, each to its end.
async fn list_all(
    options: &LiveOptions,
    client: &kube::Client,
    server: &str,
    pages: mpsc::Sender<Page>,
) -> Result<Vec<(Kind, ReadState)>, LiveError> {
    let turns = Arc::new(Semaphore::new(LISTS_AT_ONCE));
    let mut lists = JoinSet::new();
    for info in &KINDS {
        let lister = Lister {
            client: client.clone(),
            server: server.to_owned(),
            info,
            namespace: options.namespace.clone(),
            timeout: options.request_timeout,
            pages: pages.clone(),
            progress: options.progress.clone(),
        };
        let turns = turns.clone();
        lists.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire_owned().await.ok();
            (lister.info.kind, list(&lister).await)
        });
    }
    drop(pages);
    let mut states = Vec::new();
    while let Some(joined) = lists.join_next().await {
        let (kind, result) = joined.map_err(|source| LiveError::Config { source: Box::new(source) })?;
        // The first failure ends the others: dropping the set aborts them.
        states.push((
            kind,
            match result? {
                Listed::Whole { .. } => ReadState::Complete,
                Listed::NotServed => ReadState::NotServed,
                Listed::Forbidden => ReadState::Forbidden(right_to_list(kind.info())),
            },
        ));
    }
    Ok(states)
}

/// As RBAC has it: `list poddisruptionbudgets.policy`.
fn right_to_list(info: &KindInfo) -> String {
    match info.group {
        "" => format!("list {}", info.plural),
        group => format!("list {}.{group}", info.plural),
    }
}

/// The right without which there is nothing to say.
fn missing_right(collected: &Collected) -> Option<String> {
    let right = |kind: Kind| match collected.states.get(&kind) {
        Some(ReadState::Forbidden(right)) => Some(right.clone()),
        _ => None,
    };
    Some(format!("{}, {}", right(Kind::Node)?, right(Kind::Pod)?))
}

fn parse(mut pages: mpsc::Receiver<Page>, keep: Keep, limits: &Limits) -> Result<Collected, ReadError> {
    collect(keep, limits, move |feeder| {
        while let Some(page) = pages.blocking_recv() {
            match page {
                Page::Restart(kind) => feeder.forget(kind)?,
                Page::Items { kind, bytes, before } => {
                    let name = right_to_list(kind.info());
                    feeder.begin_input_at(&name, before as u64);
                    let mut cutter = Cutter::new(&name, limits);
                    cutter.push(&bytes, feeder)?;
                    cutter.finish()?;
                }
            }
        }
        Ok(())
    })
}

/// With one namespace read, nobody knows what the others' pods hold.
fn note_other_namespaces(snapshot: &mut Snapshot, namespace: &str) {
    for node in &mut snapshot.nodes {
        node.unreadable = true;
    }
    snapshot.findings.push(
        Finding::new(
            FindingCode::MissingKind,
            Subject::Cluster,
            format!("only namespace {namespace} was read, so nobody knows what is free on the nodes"),
        )
        .severity(Severity::Warning)
        .hint("read all namespaces to plan"),
    );
}
