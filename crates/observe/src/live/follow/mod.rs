//! A cluster that is followed: each kind listed once, then watched. What is kept is what a snapshot is made of.

mod store;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Snapshot, Time};
use tokio::sync::watch as channel;
use tokio::task::JoinSet;

use super::{Connection, LiveError, LiveOptions};
use crate::assemble::assemble;
use crate::kinds::{KINDS, Kind};
use store::Store;

/// A cluster that is followed. Following ends with it.
pub struct Followed {
    name: String,
    store: Shared,
    changes: channel::Receiver<u64>,
    /// The tasks end when it is dropped.
    _tasks: JoinSet<()>,
}

/// What all tasks write to.
#[derive(Clone)]
pub(crate) struct Shared {
    store: Arc<Mutex<Store>>,
    changed: Arc<channel::Sender<u64>>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is not as it was.
    pub(crate) fn tell(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }
}

/// What is measured anew every few seconds cannot be watched, and no plan is made of it.
fn is_followed(kind: Kind) -> bool {
    !matches!(kind, Kind::PodMetrics | Kind::NodeMetrics)
}

impl Followed {
    /// Begins to follow, and returns when everything has been listed once.
    pub async fn begin(cluster: &Connection, options: &LiveOptions) -> Result<Followed, LiveError> {
        let (changed, changes) = channel::channel(0);
        let store = Shared { store: Arc::default(), changed: Arc::new(changed) };
        let mut lists = JoinSet::new();
        for info in KINDS.iter().filter(|info| is_followed(info.kind)) {
            let follower = watch::Follower::new(cluster, options, info, store.clone());
            lists.spawn(async move {
                let begun = follower.list().await;
                (follower, begun)
            });
        }
        let mut tasks = JoinSet::new();
        while let Some(joined) = lists.join_next().await {
            let (follower, begun) = joined.map_err(|source| LiveError::Config { source: Box::new(source) })?;
            // The first failure ends the others: dropping the sets aborts them.
            let begun = begun?;
            tasks.spawn(follower.go_on(begun));
        }
        let followed = Followed { name: cluster.name.clone(), store, changes, _tasks: tasks };
        match followed.store.lock().missing_right() {
            Some(right) => Err(LiveError::Forbidden { server: cluster.server.clone(), right }),
            None => Ok(()),
        }?;
        Ok(followed)
    }

    /// The cluster as far as it has been heard of.
    pub fn snapshot(&self, now: Time) -> Snapshot {
        let mut collected = self.store.lock().collected();
        collected.newest = now;
        assemble(collected, &self.name)
    }

    /// How long ago the kind that has been silent for longest was heard of.
    pub fn silent_for(&self) -> Duration {
        self.store.lock().silent_for()
    }

    /// How often something has changed; whoever keeps a number can wait for another.
    pub fn changes(&self) -> channel::Receiver<u64> {
        self.changes.clone()
    }
}
