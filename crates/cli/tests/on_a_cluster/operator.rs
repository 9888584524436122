//! An operator beside a cluster, and what it writes down.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use controlplane::ControlPlane;
use serde_json::{Value, json};

use crate::cluster::{self, Cluster, PATIENCE, words};

/// A process that ends with the test.
pub struct Operator {
    child: Child,
    pub health: u16,
    pub metrics: u16,
    log: std::path::PathBuf,
}

impl Operator {
    /// Starts one replica.
    pub fn start(cluster: &Cluster, kubeconfig: &Path, identity: &str) -> Operator {
        Operator::start_with(cluster, kubeconfig, identity, &[])
    }

    /// The same with webhooks, which the API server reaches on the loopback address.
    pub fn start_with_webhooks(cluster: &Cluster, kubeconfig: &Path, identity: &str, namespace: &str) -> Operator {
        let address = format!("127.0.0.1:{}", ControlPlane::free_port().unwrap());
        Operator::start_with(
            cluster,
            kubeconfig,
            identity,
            &[&webhooks_at(&address)[..], &["--namespace", namespace]].concat(),
        )
    }

    /// With these flags besides.
    pub fn start_with(cluster: &Cluster, kubeconfig: &Path, identity: &str, more: &[&str]) -> Operator {
        Operator::start_in(cluster, kubeconfig, identity, more, &[])
    }

    /// And with this in its environment.
    pub fn start_in(
        cluster: &Cluster,
        kubeconfig: &Path,
        identity: &str,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Operator {
        let (health, metrics) = (ControlPlane::free_port().unwrap(), ControlPlane::free_port().unwrap());
        // Beyond the loopback address where there is a certificate for it.
        let host = if more.contains(&"--webhook-address") { "0.0.0.0" } else { "127.0.0.1" };
        let log = cluster.folder.path().join(format!("{identity}.log"));
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let (health_at, metrics_at) = (format!("127.0.0.1:{health}"), format!("{host}:{metrics}"));
        let arguments = [
            "operator",
            "--remove-nodes",
            "node",
            "--identity",
            identity,
            "--health-address",
            &health_at,
            "--metrics-address",
            &metrics_at,
        ];
        let mut command = cluster::command(kubeconfig, &[&arguments[..], more].concat());
        command.envs(environment.iter().copied());
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Operator { child, health, metrics, log }
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{signal}");
    }

    /// As `kill -9` does it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The most memory that it has held.
    pub fn peak_megabytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
    }

    /// Asks to stop, and waits for it.
    pub fn stop(mut self) -> i32 {
        self.signal("-TERM");
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(start.elapsed() < Duration::from_secs(20), "it does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its metrics over TLS, as whoever has this token gets them.
    pub fn metrics_as(&self, plane: &ControlPlane, token: &str) -> std::process::Output {
        let server = format!("https://127.0.0.1:{}", self.metrics);
        let empty = Path::new("/dev/null");
        let ask = ["--server", &server, "--insecure-skip-tls-verify", "--token", token, "get", "--raw", "/metrics"];
        plane.kubectl_as(empty, &ask).unwrap()
    }

    /// What it answers over HTTP: the status and the text.
    pub fn ask(&self, port: u16, path: &str) -> (u16, String) {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Webhooks that the API server reaches on the loopback address.
pub fn webhooks_at(address: &str) -> [&str; 4] {
    ["--webhook-address", address, "--webhook-host", "127.0.0.1"]
}

/// Defines our kinds.
pub fn define_kinds(cluster: &mut Cluster) {
    let printed = Command::new(env!("CARGO_BIN_EXE_plimsoll")).arg("crds").output().unwrap();
    assert!(printed.status.success(), "{}", words(&printed));
    let definitions = String::from_utf8(printed.stdout).unwrap();
    let taken = cluster.plane.kubectl_with_input(&["apply", "--server-side", "-f", "-"], &definitions).unwrap();
    assert!(taken.status.success(), "{}", words(&taken));
    cluster.wait("our kinds are served", |plane| {
        plane.get(&["migrationplans,optimizationconfigs,optimizationprofiles,optimizationreports"]).is_ok()
    });
}

/// A configuration that comes round every 30 seconds.
pub fn configure(cluster: &Cluster, mode: &str, more: Value) {
    let mut spec = json!({"mode": mode, "schedule": "@every 30s"});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    cluster.apply(&json!({
        "apiVersion": "optimizer.io/v1alpha1", "kind": "OptimizationConfig", "metadata": {"name": "default"},
        "spec": spec,
    }));
}

pub fn config(plane: &ControlPlane) -> Value {
    plane.get(&["optimizationconfig", "default"]).unwrap_or_default()
}

/// All plans, and the phase of each.
pub fn plans(plane: &ControlPlane) -> Vec<(String, String, Value)> {
    let list = plane.get(&["migrationplans"]).unwrap_or_default();
    let all = list["items"].as_array().cloned().unwrap_or_default();
    all.into_iter()
        .map(|plan| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&plan["metadata"]["name"]), text(&plan["status"]["phase"]), plan)
        })
        .collect()
}

/// Waits until a plan is in this phase, and returns it.
pub fn wait_for_plan(cluster: &mut Cluster, phase: &str, operator: &Operator) -> Value {
    let start = Instant::now();
    loop {
        let found = plans(&cluster.plane)
            .into_iter()
            .find(|(_, found, _)| found == phase || (phase == "Pending" && found.is_empty()));
        if let Some((_, _, plan)) = found {
            return plan;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "no plan is {phase}: {:?}\n{}",
            plans(&cluster.plane)
                .iter()
                .map(|(name, phase, plan)| (name.clone(), phase.clone(), plan["status"]["conditions"].clone()))
                .collect::<Vec<_>>(),
            operator.log()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

pub fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}
