//! One kind, followed: a list, then a watch from its moment on, and a list again where the watch is lost.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use http::Request;
use kube::core::WatchEvent;
use model::{Name, ReadState};
use serde_json::Value;
use tokio::sync::mpsc;

use super::super::list::{Listed, Lister, list, path};
use super::super::{Connection, LiveError, LiveOptions, PAGES_AHEAD, Page, right_to_list};
use super::Shared;
use super::store::Objects;
use crate::input::json::{Cutter, Sink};
use crate::input::{Limits, ReadError};
use crate::kinds::KindInfo;
use crate::object::TypeMeta;

/// The API server ends a watch after this many seconds, so that none outlives a server that forgot it.
const WATCH_SECONDS: u32 = 240;
/// A watch that says nothing for this long, not even that it goes on, has hung: servers send a bookmark every minute.
const SILENT: Duration = Duration::from_secs(150);
/// The wait after the first failure; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What is not served, or may not be read, is asked for again: definitions and rights come and go.
const ASK_AGAIN: Duration = Duration::from_secs(300);

/// Whoever follows one kind.
pub(crate) struct Follower {
    client: kube::Client,
    server: String,
    info: &'static KindInfo,
    options: LiveOptions,
    store: Shared,
}

/// Where a watch begins.
pub(crate) struct Begun {
    path: String,
    resource_version: String,
}

/// Why a watch ended.
enum Ended {
    /// As servers end them.
    InTime,
    /// The server does not remember what happened since.
    Expired,
    /// Otherwise.
    Failed,
}

impl Follower {
    pub(crate) fn new(cluster: &Connection, options: &LiveOptions, info: &'static KindInfo, store: Shared) -> Follower {
        let (client, server) = (cluster.client.clone(), cluster.server.clone());
        Follower { client, server, info, options: options.clone(), store }
    }

    /// Everything there is, once; where to go on from, where it is served and may be read.
    pub(crate) async fn list(&self) -> Result<Option<Begun>, LiveError> {
        let (pages, mut received) = mpsc::channel(PAGES_AHEAD);
        let lister = Lister {
            client: self.client.clone(),
            server: self.server.clone(),
            info: self.info,
            namespace: self.options.namespace.clone(),
            timeout: self.options.request_timeout,
            pages,
            progress: self.options.progress.clone(),
        };
        let listing = async {
            let listed = list(&lister).await;
            // Ends the reading.
            let at = lister.info;
            let path = listed.as_ref().ok().and_then(|listed| match listed {
                Listed::Whole { api_version, .. } => Some(path(&lister, api_version)),
                _ => None,
            });
            drop(lister);
            listed.map(|listed| (listed, at, path))
        };
        let reading = async {
            let mut objects = Objects::new();
            while let Some(page) = received.recv().await {
                match page {
                    Page::Restart(_) => objects.clear(),
                    Page::Items { bytes, .. } => self.read_page(&bytes, &mut objects)?,
                }
            }
            Ok::<Objects, ReadError>(objects)
        };
        let (listed, objects) = tokio::join!(listing, reading);
        let objects = objects?;
        let (listed, info, path) = listed?;
        let (state, begun) = match listed {
            Listed::Whole { resource_version, .. } => {
                (ReadState::Complete, path.map(|path| Begun { path, resource_version }))
            }
            Listed::NotServed => (ReadState::NotServed, None),
            Listed::Forbidden => (ReadState::Forbidden(right_to_list(info)), None),
        };
        self.store.lock().replace(self.info.kind, state, objects);
        self.store.tell();
        Ok(begun)
    }

    /// Follows for ever.
    pub(crate) async fn go_on(self, begun: Option<Begun>) {
        let mut begun = begun;
        let mut wait = FIRST_WAIT;
        loop {
            let Some(watched) = &mut begun else {
                tokio::time::sleep(ASK_AGAIN).await;
                begun = self.list_again().await;
                continue;
            };
            let started = tokio::time::Instant::now();
            match self.watch(watched).await {
                Ended::InTime => {}
                Ended::Expired => {
                    begun = self.list_again().await;
                    continue;
                }
                Ended::Failed => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
            if started.elapsed() > LONGEST_WAIT {
                wait = FIRST_WAIT;
            }
        }
    }

    /// Until it succeeds.
    async fn list_again(&self) -> Option<Begun> {
        let mut wait = FIRST_WAIT;
        loop {
            if let Ok(begun) = self.list().await {
                return begun;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// One watch, from where the last one ended.
    async fn watch(&self, begun: &mut Begun) -> Ended {
        let query = format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}");
        let path = format!("{}?{query}&resourceVersion={}", begun.path, begun.resource_version);
        let Ok(request) = Request::get(path).body(Vec::new()) else { return Ended::Failed };
        let asked = tokio::time::timeout(self.options.request_timeout, self.client.request_events::<Value>(request));
        let events = match asked.await {
            Ok(Ok(events)) => events,
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 410) => return Ended::Expired,
            _ => return Ended::Failed,
        };
        let mut events = std::pin::pin!(events);
        loop {
            match tokio::time::timeout(SILENT, events.try_next()).await {
                Ok(Ok(Some(WatchEvent::Error(status)))) if status.code == 410 => return Ended::Expired,
                Ok(Ok(Some(event))) => {
                    if !self.take(event, begun) {
                        return Ended::Failed;
                    }
                }
                Ok(Ok(None)) => {
                    self.store.lock().heard(self.info.kind);
                    return Ended::InTime;
                }
                Ok(Err(_)) | Err(_) => return Ended::Failed,
            }
        }
    }

    /// Takes one event in; false where it is none.
    fn take(&self, event: WatchEvent<Value>, begun: &mut Begun) -> bool {
        let mut store = self.store.lock();
        store.heard(self.info.kind);
        let (object, is_there) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
            WatchEvent::Deleted(object) => (object, false),
            WatchEvent::Bookmark(bookmark) => {
                begun.resource_version = bookmark.metadata.resource_version;
                return true;
            }
            WatchEvent::Error(_) => return false,
        };
        let Some(version) = object.pointer("/metadata/resourceVersion").and_then(Value::as_str) else { return false };
        begun.resource_version = version.to_owned();
        let changed = if is_there {
            let read = store.read(self.info.kind, object.to_string().as_bytes());
            read.is_some_and(|(key, outcome)| store.put(self.info.kind, key, outcome))
        } else {
            let text = |field: &str| Name::from(object["metadata"][field].as_str().unwrap_or_default());
            store.remove(self.info.kind, &(text("namespace"), text("name")))
        };
        drop(store);
        if changed {
            self.store.tell();
        }
        true
    }

    fn read_page(&self, bytes: &[u8], objects: &mut Objects) -> Result<(), ReadError> {
        let name = right_to_list(self.info);
        let limits: &Limits = &self.options.limits;
        let mut cutter = Cutter::new(&name, limits);
        let mut items = Items { follower: self, objects };
        cutter.push(bytes, &mut items)?;
        cutter.finish()
    }
}

/// Takes the items of a page.
struct Items<'i> {
    follower: &'i Follower,
    objects: &'i mut Objects,
}

impl Sink for Items<'_> {
    fn object(&mut self, bytes: Vec<u8>, _: &Arc<TypeMeta>) -> Result<(), ReadError> {
        let read = self.follower.store.lock().read(self.follower.info.kind, &bytes);
        self.objects.extend(read);
        Ok(())
    }

    fn yaml(&mut self, _: Vec<u8>, _: u64, _: &Arc<TypeMeta>) -> Result<(), ReadError> {
        Ok(())
    }

    fn list_end(&mut self, _: &TypeMeta) {}
}
