//! Somebody who looks on from outside while a plan is carried out.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use controlplane::ControlPlane;
use serde_json::Value;

/// What was seen to go wrong, and how much was seen at all.
#[derive(Default)]
pub struct Seen {
    pub events: usize,
    pub wrongs: Vec<String>,
}

/// Watches budgets and workloads with kubectl.
pub struct Watcher {
    children: Vec<Child>,
    threads: Vec<JoinHandle<()>>,
    seen: Arc<Mutex<Seen>>,
}

impl Watcher {
    /// `least` has the ready replicas below which a workload must never come.
    pub fn start(plane: &ControlPlane, least: BTreeMap<String, i64>) -> Watcher {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut watcher = Watcher { children: Vec::new(), threads: Vec::new(), seen: seen.clone() };
        watcher.watch(plane, "poddisruptionbudgets", |budget| {
            let status = |field: &str| budget["status"][field].as_i64().unwrap_or(0);
            (status("currentHealthy") < status("desiredHealthy")).then(|| {
                format!(
                    "{}: {} healthy of {}",
                    budget["metadata"]["name"],
                    status("currentHealthy"),
                    status("desiredHealthy")
                )
            })
        });
        watcher.watch(plane, "deployments,statefulsets", move |workload| {
            let name = workload["metadata"]["name"].as_str().unwrap_or_default();
            let ready = workload["status"]["readyReplicas"].as_i64().unwrap_or(0);
            let least = least.get(name).copied().unwrap_or(0);
            (ready < least).then(|| format!("{name}: {ready} ready, {least} at least"))
        });
        watcher
    }

    fn watch(
        &mut self,
        plane: &ControlPlane,
        kinds: &str,
        wrong: impl Fn(&Value) -> Option<String> + Send + Sync + 'static,
    ) {
        let wrong = Arc::new(wrong);
        // kubectl watches one kind at a time.
        for kind in kinds.split(',') {
            let kubectl = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/controlplane/bin/kubectl");
            let mut child = Command::new(kubectl)
                .arg("--kubeconfig")
                .arg(plane.kubeconfig())
                .args(["get", kind, "--all-namespaces", "--watch", "--output", "json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("kubectl runs");
            let stream = BufReader::new(child.stdout.take().expect("stdout"));
            let (seen, wrong) = (self.seen.clone(), wrong.clone());
            self.threads.push(std::thread::spawn(move || {
                for object in serde_json::Deserializer::from_reader(stream).into_iter::<Value>().map_while(Result::ok) {
                    let mut seen = seen.lock().expect("nobody panics with it");
                    seen.events += 1;
                    seen.wrongs.extend(wrong(&object));
                }
            }));
            self.children.push(child);
        }
    }

    /// Stops watching.
    pub fn end(mut self) -> Seen {
        for child in &mut self.children {
            // It may have ended with the control plane.
            let _ = child.kill();
            let _ = child.wait();
        }
        for thread in self.threads {
            thread.join().expect("the watcher does not panic");
        }
        std::mem::take(&mut self.seen.lock().expect("nobody panics with it"))
    }
}
