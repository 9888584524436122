//! What a configuration says that it is doing, watched from outside.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use controlplane::ControlPlane;
use serde_json::json;

use super::in_pieces;
use crate::operator::{Operator, configure, wait_for_plan};

/// Every state that was seen, each once for as long as it lasted.
struct States {
    child: Child,
    seen: Arc<Mutex<Vec<String>>>,
}

impl States {
    fn watch(plane: &ControlPlane) -> States {
        let mut child = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/controlplane/bin/kubectl"))
            .arg("--kubeconfig")
            .arg(plane.kubeconfig())
            .args(["get", "optcfg", "default", "--watch", "--output", "jsonpath={.status.state}{\"\\n\"}"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = seen.clone();
        std::thread::spawn(move || {
            for state in lines.map_while(Result::ok).filter(|state| !state.is_empty()) {
                let mut seen = heard.lock().unwrap();
                if seen.last() != Some(&state) {
                    seen.push(state);
                }
            }
        });
        States { child, seen }
    }

    fn have(&self, row: &[&str]) -> bool {
        self.seen.lock().unwrap().windows(row.len()).any(|seen| seen == row)
    }
}

impl Drop for States {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Fails where any state is left out, or written at another time.
#[test]
fn a_configuration_goes_through_its_states_in_order() {
    let (mut cluster, _) = in_pieces();
    configure(&cluster, "observe", json!({}));
    let states = States::watch(&cluster.plane);
    let operator = Operator::start(&cluster, cluster.plane.kubeconfig(), "only");
    cluster.wait("it observes", |_| states.have(&["Analyzing", "Planning", "Reporting", "Watching"]));
    configure(&cluster, "full-auto", json!({}));
    wait_for_plan(&mut cluster, "Completed", &operator);
    let row = ["Analyzing", "Planning", "Waiting", "Executing", "Monitoring", "Watching", "Analyzing"];
    let seen = || states.seen.lock().unwrap().clone();
    let waited = cluster.plane.wait_until("it goes round", crate::cluster::PATIENCE, |_| states.have(&row));
    assert!(waited.is_ok(), "{:?}", seen());
    assert_eq!(operator.stop(), 0);
}
