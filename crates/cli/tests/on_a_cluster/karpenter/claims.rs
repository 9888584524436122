//! Somebody who looks on while NodeClaims come and go.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use controlplane::ControlPlane;
use serde_json::Value;

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Names of claims that bore a plan's mark.
    pub marked: BTreeSet<String>,
    /// Names of those that went.
    pub gone: BTreeSet<String>,
    /// So many were on their way out at once.
    pub most_going: usize,
}

/// A watch by kubectl.
pub struct Claims {
    child: Child,
    thread: JoinHandle<Seen>,
}

impl Claims {
    pub fn watch(plane: &ControlPlane) -> Claims {
        let kubectl = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/controlplane/bin/kubectl");
        let mut child = Command::new(kubectl)
            .arg("--kubeconfig")
            .arg(plane.kubeconfig())
            .args(["get", "nodeclaims", "--watch", "--output-watch-events", "--output", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("kubectl runs");
        let stream = BufReader::new(child.stdout.take().expect("stdout"));
        let thread = std::thread::spawn(move || {
            let (mut seen, mut going) = (Seen::default(), BTreeSet::new());
            for event in serde_json::Deserializer::from_reader(stream).into_iter::<Value>().map_while(Result::ok) {
                let metadata = &event["object"]["metadata"];
                let name = metadata["name"].as_str().unwrap_or_default().to_owned();
                if metadata.pointer("/annotations/optimizer.io~1added-by").is_some() {
                    seen.marked.insert(name.clone());
                }
                if event["type"] == "DELETED" {
                    going.remove(&name);
                    seen.gone.insert(name);
                } else if metadata.get("deletionTimestamp").is_some() {
                    going.insert(name);
                }
                seen.most_going = seen.most_going.max(going.len());
            }
            seen
        });
        Claims { child, thread }
    }

    /// Stops watching.
    pub fn end(mut self) -> Seen {
        // It may have ended with the control plane.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.thread.join().expect("the watcher does not panic")
    }
}
