//! Objects of our own kinds, as they are watched. One that cannot be read is there all the same, to be told so.

use std::sync::Arc;
use std::time::Duration;

use crds::{MigrationPlan, OptimizationConfig, OptimizationPolicy, OptimizationProfile, OptimizationRecommendation};
use futures_util::StreamExt;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{Config, watcher};
use kube::runtime::{WatchStreamExt, predicates};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::error::OperatorError;

/// The first list takes no longer, or something is wrong.
const FIRST_LIST: Duration = Duration::from_secs(60);

/// Objects of our own kinds.
pub struct Objects {
    client: Client,
    pub configs: OfKind,
    pub profiles: OfKind,
    pub plans: OfKind,
    pub policies: OfKind,
    pub recommendations: OfKind,
    changed: Arc<Notify>,
    /// The watches end with it.
    _tasks: JoinSet<()>,
}

/// Objects of one kind.
pub struct OfKind {
    resource: ApiResource,
    store: Store<DynamicObject>,
}

impl Objects {
    /// Begins to watch, and returns when all that there are have been seen.
    pub async fn begin(client: &Client) -> Result<Objects, OperatorError> {
        let changed = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        let objects = Objects {
            client: client.clone(),
            configs: OfKind::watch::<OptimizationConfig>(client, &changed, &mut tasks),
            profiles: OfKind::watch::<OptimizationProfile>(client, &changed, &mut tasks),
            plans: OfKind::watch::<MigrationPlan>(client, &changed, &mut tasks),
            policies: OfKind::watch::<OptimizationPolicy>(client, &changed, &mut tasks),
            recommendations: OfKind::watch::<OptimizationRecommendation>(client, &changed, &mut tasks),
            changed,
            _tasks: tasks,
        };
        let all = [&objects.configs, &objects.profiles, &objects.plans, &objects.policies, &objects.recommendations];
        for kind in all {
            let ready = tokio::time::timeout(FIRST_LIST, kind.store.wait_until_ready()).await;
            if !matches!(ready, Ok(Ok(()))) {
                let listed = objects.api(kind).list(&Default::default()).await;
                let problem = listed.err().map_or("no answer".to_owned(), |error| error.to_string());
                return Err(OperatorError::Watch { kind: kind.resource.plural.clone(), problem });
            }
        }
        Ok(objects)
    }

    /// Waits until something changes, but no longer than this.
    pub async fn changed_within(&self, most: Duration) {
        let _ = tokio::time::timeout(most, self.changed.notified()).await;
    }

    /// Something is to be looked at.
    pub fn look(&self) {
        self.changed.notify_one();
    }

    /// To write to objects of a kind in their namespace.
    pub fn api_in(&self, kind: &OfKind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &kind.resource)
    }

    /// To write to objects of a kind.
    pub fn api(&self, kind: &OfKind) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &kind.resource)
    }
}

impl OfKind {
    fn watch<K: Resource<DynamicType = ()>>(client: &Client, changed: &Arc<Notify>, tasks: &mut JoinSet<()>) -> OfKind {
        let resource = ApiResource::erase::<K>(&());
        let writer = reflector::store::Writer::new(resource.clone());
        let store = writer.as_reader();
        let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
        let changed = changed.clone();
        tasks.spawn(async move {
            let events = reflector::reflector(writer, watcher(api, Config::default())).default_backoff();
            // Our own writes of a status change no generation; who asks for one looks at the clock too.
            let touched = events.touched_objects().predicate_filter(predicates::resource_version, Default::default());
            touched
                .for_each(|_| {
                    changed.notify_one();
                    std::future::ready(())
                })
                .await;
        });
        OfKind { resource, store }
    }

    /// All of them, by namespace and name.
    pub fn all(&self) -> Vec<Arc<DynamicObject>> {
        let mut all = self.store.state();
        all.sort_by(|a, b| (&a.metadata.namespace, &a.metadata.name).cmp(&(&b.metadata.namespace, &b.metadata.name)));
        all
    }

    pub fn get_in(&self, namespace: &str, name: &str) -> Option<Arc<DynamicObject>> {
        self.store.get(&ObjectRef::new_with(name, self.resource.clone()).within(namespace))
    }

    pub fn get(&self, name: &str) -> Option<Arc<DynamicObject>> {
        self.store.get(&ObjectRef::new_with(name, self.resource.clone()))
    }
}

/// Its name.
pub fn name(object: &DynamicObject) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

/// Its namespace, empty where it has none.
pub fn namespace(object: &DynamicObject) -> &str {
    object.metadata.namespace.as_deref().unwrap_or_default()
}

/// An annotation of it.
pub fn annotation<'o>(object: &'o DynamicObject, key: &str) -> Option<&'o str> {
    object.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// A part of it as it is meant, or everything that is wrong with the object.
pub fn part<T: DeserializeOwned>(object: &DynamicObject, part: &str) -> Result<T, String> {
    let wrong = crds::lint(&serde_json::to_value(object).unwrap_or_default());
    if !wrong.is_empty() {
        return Err(wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    }
    let value = object.data.get(part).cloned().unwrap_or_default();
    serde_path_to_error::deserialize(value).map_err(|error| format!("{part}.{}: {}", error.path(), error.inner()))
}

/// Its status as it was last written; the default where there is none, or none that can be read.
pub fn status<T: DeserializeOwned + Default>(object: &DynamicObject) -> T {
    object.data.get("status").cloned().and_then(|status| serde_json::from_value(status).ok()).unwrap_or_default()
}
