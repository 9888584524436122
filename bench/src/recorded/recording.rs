//! Lists and watches of a fleet, as an API server would answer them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use controlplane::Answer;
use scenario::Fleet;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::real_size::grow;

/// Where each kind is served.
const PATHS: [(&str, &str); 7] = [
    ("Namespace", "/api/v1/namespaces"),
    ("Node", NODES),
    ("Pod", PODS),
    ("Deployment", "/apis/apps/v1/deployments"),
    ("ReplicaSet", "/apis/apps/v1/replicasets"),
    ("DaemonSet", "/apis/apps/v1/daemonsets"),
    ("PodDisruptionBudget", "/apis/policy/v1/poddisruptionbudgets"),
];
const NODES: &str = "/api/v1/nodes";
const PODS: &str = "/api/v1/pods";
/// Objects bear versions below it, changes those above.
const FIRST_VERSION: u64 = 1_000_000;
const POD_CHANGES_A_SECOND: u64 = 50;
/// A kubelet writes its node's status at least so often.
const NODE_STATUS_EVERY: u64 = 300;
/// Changes come to objects far from each other: a prime that divides no number of objects here.
const STRIDE: u64 = 7_919;
const BOOKMARK_EVERY: Duration = Duration::from_secs(20);
/// Lines that wait for whoever watches.
const LINES_AHEAD: usize = 100;

/// What a cluster would say.
pub struct Recording {
    kinds: BTreeMap<&'static str, Recorded>,
    /// The version of the last change.
    newest: watch::Sender<u64>,
    /// How many changes have been told to watches.
    told: AtomicU64,
}

/// The objects of a kind in their order, as text, each without the kind, as lists have them.
struct Recorded {
    kind: &'static str,
    api_version: String,
    objects: Vec<String>,
}

impl Recording {
    /// Of this fleet, each object as large as real ones are.
    pub fn of(fleet: &Fleet) -> anyhow::Result<Recording> {
        let mut kinds: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        let mut api_versions = HashMap::new();
        for mut object in fleet.objects() {
            grow(&mut object);
            let kind = object["kind"].as_str().unwrap_or_default();
            let known = PATHS.iter().find(|(known, _)| *known == kind);
            let (kind, path) = known.with_context(|| format!("nobody says where a {kind} is served"))?;
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            let key = format!("{}/{}", text("namespace"), text("name"));
            let api_version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
            api_versions.insert(*path, (*kind, api_version));
            if let Some(fields) = object.as_object_mut() {
                fields.retain(|field, _| field != "kind" && field != "apiVersion");
            }
            kinds.entry(path).or_default().insert(key, object.to_string());
        }
        let recorded = |(path, (kind, api_version))| {
            let objects = kinds.remove(path).unwrap_or_default().into_values().collect();
            (path, Recorded { kind, api_version, objects })
        };
        let kinds = api_versions.into_iter().map(recorded).collect();
        Ok(Recording { kinds, newest: watch::Sender::new(FIRST_VERSION), told: AtomicU64::default() })
    }

    /// How many pods there are.
    pub fn pods(&self) -> usize {
        self.kinds[PODS].objects.len()
    }

    /// What all lists together take, in 10⁶ bytes.
    pub fn megabytes(&self) -> f64 {
        let bytes: usize = self.kinds.values().flat_map(|recorded| &recorded.objects).map(String::len).sum();
        bytes as f64 / 1e6
    }

    /// How many changes watches have been told of.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Of pods and nodes together.
    fn changes_a_second(&self) -> u64 {
        POD_CHANGES_A_SECOND + self.kinds[NODES].objects.len() as u64 / NODE_STATUS_EVERY
    }

    /// Changes happen for so long: how many.
    pub fn play(&self, time: Duration) -> u64 {
        let (start, changes) = (Instant::now(), self.changes_a_second());
        let before = *self.newest.borrow();
        while start.elapsed() < time {
            let so_far = (start.elapsed().as_secs_f64() * changes as f64) as u64;
            self.newest.send_replace(before + so_far);
            std::thread::sleep(Duration::from_millis(10));
        }
        *self.newest.borrow() - before
    }

    /// What is answered to this read; nothing where it is not of what was recorded.
    pub fn answer(this: &Arc<Recording>, path: &str, query: &str) -> Option<Answer> {
        let recorded = this.kinds.get(path)?;
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        if parameter("fieldSelector").is_some() || parameter("labelSelector").is_some() {
            return None;
        }
        let number = |name: &str| parameter(name).and_then(|text| text.parse::<u64>().ok());
        if matches!(parameter("watch"), Some("true" | "1")) {
            let (lines, received) = mpsc::channel(LINES_AHEAD);
            let from = number("resourceVersion").unwrap_or(FIRST_VERSION);
            let time = Duration::from_secs(number("timeoutSeconds").unwrap_or(300));
            let (recording, path) = (this.clone(), path.to_owned());
            tokio::spawn(async move {
                let told = recording.tell(&path, from, &lines);
                // Whoever watches is gone, or its time is over.
                let _ = tokio::time::timeout(time, told).await;
            });
            return Some(Answer::Lines(received));
        }
        let limit = number("limit").filter(|limit| *limit > 0).map_or(usize::MAX, |limit| limit as usize);
        Some(Answer::Whole(this.list(recorded, path, limit, parameter("continue"))))
    }

    /// A page from where the last one ended: its token is the version of the list, and how many came before.
    fn list(&self, recorded: &Recorded, path: &str, limit: usize, from: Option<&str>) -> Vec<u8> {
        let from = from.and_then(|token| token.split_once('.'));
        let from = from.and_then(|(version, before)| Some((version.parse().ok()?, before.parse().ok()?)));
        let (version, before): (u64, usize) = from.unwrap_or((*self.newest.borrow(), 0));
        let changes = (FIRST_VERSION + 1..=version).filter_map(|version| Some((self.changed(path, version)?, version)));
        let changed: HashMap<usize, u64> = changes.collect();
        let page = recorded.objects.iter().enumerate().skip(before).take(limit);
        let items: Vec<String> = page
            .map(|(at, text)| match changed.get(&at) {
                Some(version) => recorded.object(at, *version).to_string(),
                None => text.clone(),
            })
            .collect();
        let after = before + items.len();
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if after < recorded.objects.len() {
            metadata["continue"] = json!(format!("{version}.{after}"));
            metadata["remainingItemCount"] = json!(recorded.objects.len() - after);
        }
        let Recorded { kind, api_version, .. } = recorded;
        let head = format!(r#"{{"kind":"{kind}List","apiVersion":"{api_version}","metadata":{metadata},"items":["#);
        [head, items.join(","), "]}\n".to_owned()].concat().into_bytes()
    }

    /// Tells a watch what has changed since, and from time to time that nothing has.
    async fn tell(&self, path: &str, from: u64, lines: &mpsc::Sender<Vec<u8>>) -> Option<()> {
        let recorded = self.kinds.get(path)?;
        let mut newest = self.newest.subscribe();
        let mut bookmarks = tokio::time::interval(BOOKMARK_EVERY);
        let mut told = from;
        loop {
            while told < *newest.borrow_and_update() {
                told += 1;
                if let Some(at) = self.changed(path, told) {
                    let event = json!({"type": "MODIFIED", "object": recorded.named(recorded.object(at, told))});
                    lines.send(format!("{event}\n").into_bytes()).await.ok()?;
                    self.told.fetch_add(1, Ordering::Relaxed);
                }
            }
            tokio::select! {
                changed = newest.changed() => changed.ok()?,
                _ = bookmarks.tick() => {
                    let object = json!({"metadata": {"resourceVersion": told.to_string(), "creationTimestamp": null}});
                    let event = json!({"type": "BOOKMARK", "object": recorded.named(object)});
                    lines.send(format!("{event}\n").into_bytes()).await.ok()?;
                }
            }
        }
    }

    /// The object of this kind that came to be as it is with this version; none where that was one of another kind.
    fn changed(&self, path: &str, version: u64) -> Option<usize> {
        let (number, all) = (version - FIRST_VERSION, self.changes_a_second());
        let is_pods = number % all < POD_CHANGES_A_SECOND;
        let objects = self.kinds.get(path).filter(|_| path == if is_pods { PODS } else { NODES })?.objects.len();
        usize::try_from(number * STRIDE).ok()?.checked_rem(objects)
    }
}

impl Recorded {
    /// An object after its change: containers have started again, a kubelet has written that it lives.
    fn object(&self, at: usize, version: u64) -> Value {
        let mut object: Value = serde_json::from_str(&self.objects[at]).unwrap_or_default();
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let when = json!("2026-11-22T12:00:00Z");
        let status = &mut object["status"];
        for container in status["containerStatuses"].as_array_mut().into_iter().flatten() {
            container["restartCount"] = json!(1);
            container["state"]["running"]["startedAt"] = when.clone();
        }
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            if condition.get("lastHeartbeatTime").is_some() {
                condition["lastHeartbeatTime"] = when.clone();
            } else {
                condition["lastTransitionTime"] = when.clone();
            }
        }
        object
    }

    /// With its kind, as events have it.
    fn named(&self, mut object: Value) -> Value {
        object["apiVersion"] = json!(self.api_version);
        object["kind"] = json!(self.kind);
        object
    }
}
