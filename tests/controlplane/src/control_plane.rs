//! One control plane, from its start to its end.

use std::io::{self, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Error;
use crate::arguments::{apiserver, controller_manager, etcd, kwok, metrics_server, scheduler};
use crate::certificates::{Authority, Validity, service_account_keys};
use crate::kubeconfig::{Credentials, kubeconfig};
use crate::ports::free_ports;
use crate::processes::{Processes, binary};
use crate::state::State;

/// A running control plane. Dropping it stops every process, waits until they are gone, and removes its files.
///
/// Do not put it in a `static`: those are never dropped. Nothing would stay behind, but the kernel would have to kill it.
pub struct ControlPlane {
    // Fields go in this order: the processes before the folder they write to.
    processes: Processes,
    state: State,
    authority: Authority,
    server: String,
    kubeconfig: PathBuf,
    kwok_port: u16,
}

/// A start takes about five seconds; a machine busy with other things may need many times that.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How often conditions are looked at: often against what they take to come true, seldom against what a look costs.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

const ADMIN_TOKEN: &str = "admin-of-a-test";

impl ControlPlane {
    /// The name under which the API server shows a certificate that has expired: a kubeconfig's `tls-server-name`.
    pub const EXPIRED_NAME: &str = "expired.test";

    /// Starts a control plane without nodes, and returns once it takes objects and pods can be made.
    pub fn start() -> Result<Self, Error> {
        // Three tries: between finding a free port and binding it, somebody else may take it.
        let mut tries = 1;
        loop {
            match Self::try_start() {
                Err(Error::Died { log, .. }) if tries < 3 && log.contains("address already in use") => tries += 1,
                result => return result,
            }
        }
    }

    /// The kubeconfig of a user who may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Where KWOK serves the metrics that kubelets would.
    pub fn kwok_address(&self) -> String {
        format!("127.0.0.1:{}", self.kwok_port)
    }

    /// The ids of the processes, to see afterwards that they are gone.
    pub fn process_ids(&self) -> Vec<u32> {
        self.processes.ids()
    }

    /// Starts one more program of build.sh, in the state's folder and as the user who may do everything; it ends with the
    /// control plane.
    pub fn start_beside(&mut self, program: &str, environment: &[(&str, &str)]) -> Result<(), Error> {
        let kubeconfig = self.kubeconfig.display().to_string();
        let environment = [&[("KUBECONFIG", kubeconfig.as_str())], environment].concat();
        self.processes.start(program, self.state.folder(), Vec::new(), &environment)
    }

    /// Starts metrics-server, which reads what pods use from KWOK, and waits until the API server serves what it says.
    ///
    /// It reads of nodes with an annotation `metrics.k8s.io/resource-metrics-path` of `ControlPlane::metrics_path`.
    pub fn start_metrics_server(&mut self) -> Result<(), Error> {
        let [port] = free_ports()?;
        self.run("metrics-server", metrics_server(port, self.kwok_port))?;
        self.apply(&metrics_api(port))?;
        self.wait_until("the metrics API is served", START_TIMEOUT, |plane| {
            plane.get_raw("/apis/metrics.k8s.io/v1beta1/pods")["items"].is_array()
        })
    }

    /// Where KWOK says what the pods of a node use.
    pub fn metrics_path(node: &str) -> String {
        format!("/metrics/nodes/{node}/metrics/resource")
    }

    /// A port of the loopback address that nobody listens on.
    pub fn free_port() -> Result<u16, Error> {
        let [port] = free_ports()?;
        Ok(port)
    }

    /// Runs kubectl as the user who may do everything, and returns whatever came of it.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Output, Error> {
        self.kubectl_as(&self.kubeconfig, arguments)
    }

    /// Runs kubectl as the user of that kubeconfig.
    pub fn kubectl_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Result<Output, Error> {
        self.run_kubectl(kubeconfig, arguments, "")
    }

    /// Runs kubectl with this input, and returns whatever came of it.
    pub fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<Output, Error> {
        self.run_kubectl(&self.kubeconfig, arguments, input)
    }

    /// Runs helm, and returns whatever came of it.
    pub fn helm(arguments: &[&str]) -> Result<Output, Error> {
        let run = || Command::new(binary("helm").map_err(io::Error::other)?).args(arguments).output();
        run().map_err(|source| Error::preparing(format!("running helm {}", arguments.join(" ")), source))
    }

    /// Reads with kubectl, which is told to answer in JSON.
    pub fn get(&self, arguments: &[&str]) -> Result<Value, Error> {
        let arguments = [&["get", "--output", "json"], arguments].concat();
        let output = succeeded(&arguments, self.kubectl(&arguments)?)?;
        serde_json::from_slice(&output.stdout)
            .map_err(|source| Error::preparing(format!("reading the answer to {}", arguments.join(" ")), source))
    }

    /// What the API server answers at this path; null where it is no JSON.
    pub fn get_raw(&self, path: &str) -> Value {
        let answer = self.kubectl(&["get", "--raw", path]);
        answer.ok().and_then(|answer| serde_json::from_slice(&answer.stdout).ok()).unwrap_or_default()
    }

    /// Creates or changes the objects in this text: JSON or YAML, one or a List.
    pub fn apply(&self, objects: &str) -> Result<(), Error> {
        let arguments = ["apply", "--filename", "-"];
        succeeded(&arguments, self.kubectl_with_input(&arguments, objects)?)?;
        Ok(())
    }

    /// Waits until the condition holds. Fails after the timeout, or as soon as a process of the control plane has ended.
    pub fn wait_until(
        &mut self,
        what: &str,
        timeout: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            if condition(self) {
                return Ok(());
            }
            self.processes.check()?;
            if start.elapsed() > timeout {
                return Err(Error::TimedOut { what: what.to_owned(), after: timeout });
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Writes a kubeconfig for a user who may do what these rules of a ClusterRole allow, and nothing else but discovery.
    ///
    /// The rules are a list in YAML or JSON; `[]` is a user without rights.
    pub fn kubeconfig_for(&mut self, user: &str, rules: &str) -> Result<PathBuf, Error> {
        let path = self.write_kubeconfig(user, Validity::Holds)?;

        // The authorizer learns of new roles a moment after they are written. It answers for a path that exists nowhere
        // once it knows this binding, and for the rules' own role then too: both come in the order of their writing.
        let probe = format!("/controlplane-knows/{user}");
        self.apply(&role(user, &format!("{user}-rules"), rules))?;
        self.apply(&role(
            user,
            &format!("{user}-probe"),
            &format!(r#"[{{"nonResourceURLs": ["{probe}"], "verbs": ["get"]}}]"#),
        ))?;
        self.wait_until(&format!("the rights of {user}"), START_TIMEOUT, |plane| {
            plane.kubectl_as(&path, &["auth", "can-i", "get", &probe]).is_ok_and(|output| output.status.success())
        })?;
        Ok(path)
    }

    /// Writes a kubeconfig with a certificate that has expired.
    pub fn expired_kubeconfig_for(&self, user: &str) -> Result<PathBuf, Error> {
        self.write_kubeconfig(user, Validity::Expired)
    }

    /// Writes a kubeconfig with a token of this service account.
    pub fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<PathBuf, Error> {
        let asked = ["create", "token", account, "--namespace", namespace, "--duration", "2h"];
        let token = succeeded(&asked, self.kubectl(&asked)?)?.stdout;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let config = kubeconfig(&self.server, &self.authority.certificate(), &Credentials::Token(&token));
        self.state.write(&format!("kubeconfig-{namespace}-{account}"), &config)
    }

    /// A certificate for a server on the loopback address, with who signed it and its key, as PEM: `ca.crt`, `tls.crt`,
    /// `tls.key`.
    pub fn serving_certificate(&self) -> Result<[(&'static str, String); 3], Error> {
        let made = self.authority.server("somebody's-server")?;
        Ok([("ca.crt", self.authority.certificate()), ("tls.crt", made.certificate), ("tls.key", made.key)])
    }

    fn write_kubeconfig(&self, user: &str, validity: Validity) -> Result<PathBuf, Error> {
        let certificate = self.authority.user(user, validity)?;
        let config = kubeconfig(&self.server, &self.authority.certificate(), &Credentials::Certificate(&certificate));
        self.state.write(&format!("kubeconfig-{user}"), &config)
    }

    fn try_start() -> Result<Self, Error> {
        let state = State::new()?;
        let authority = Authority::new()?;
        let [etcd_port, peer_port, server_port, kwok_port] = free_ports()?;
        let server = format!("https://127.0.0.1:{server_port}");
        let kubeconfig = state
            .write("kubeconfig", &kubeconfig(&server, &authority.certificate(), &Credentials::Token(ADMIN_TOKEN)))?;
        write_secrets(&state, &authority)?;
        let mut plane = Self { processes: Processes::new(), state, authority, server, kubeconfig, kwok_port };

        plane.run("etcd", etcd(etcd_port, peer_port))?;
        // The API server waits for etcd by itself.
        plane.run("kube-apiserver", apiserver(server_port, etcd_port))?;
        plane.wait_until("the API server is ready", START_TIMEOUT, |plane| {
            plane.kubectl(&["get", "--raw", "/readyz"]).is_ok_and(|output| output.status.success())
        })?;

        plane.run("kube-controller-manager", controller_manager())?;
        plane.run("kube-scheduler", scheduler())?;
        plane.run("kwok", kwok(kwok_port))?;
        plane.wait_until("KWOK listens", START_TIMEOUT, |plane| TcpStream::connect(plane.kwok_address()).is_ok())?;
        // A pod cannot be made before its namespace has this, and it is the work of the controllers.
        plane.wait_until("the default service account exists", START_TIMEOUT, |plane| {
            plane
                .kubectl(&["get", "serviceaccount", "default", "--namespace", "default"])
                .is_ok_and(|output| output.status.success())
        })?;
        Ok(plane)
    }

    fn run(&mut self, program: &str, arguments: Vec<String>) -> Result<(), Error> {
        self.processes.start(program, self.state.folder(), arguments, &[])
    }

    fn run_kubectl(&self, kubeconfig: &Path, arguments: &[&str], input: &str) -> Result<Output, Error> {
        let program = binary("kubectl")?;
        let run = || {
            let mut child = Command::new(program)
                .arg("--kubeconfig")
                .arg(kubeconfig)
                .args(arguments)
                // Its cache of what the server offers: this one's, not the one of the person at the machine.
                .env("KUBECACHEDIR", self.state.path("kubectl-cache"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // kubectl may end without reading; its output then tells why.
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait_with_output()
        };
        run().map_err(|source| Error::preparing(format!("running kubectl {}", arguments.join(" ")), source))
    }
}

fn succeeded(arguments: &[&str], output: Output) -> Result<Output, Error> {
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Kubectl {
        arguments: arguments.join(" "),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// A ClusterRole with these rules, and its binding to the user.
fn role(user: &str, name: &str, rules: &str) -> String {
    let rules: String = rules.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}}}
rules:
{rules}---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {user}}}]
"
    )
}

/// The API that metrics-server serves on this port. A Service of this type may lead to the loopback address.
fn metrics_api(port: u16) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: metrics-server, namespace: kube-system}}
spec: {{type: ExternalName, externalName: localhost, ports: [{{port: {port}}}]}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{name: v1beta1.metrics.k8s.io}}
spec:
  group: metrics.k8s.io
  version: v1beta1
  service: {{name: metrics-server, namespace: kube-system, port: {port}}}
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
"
    )
}

/// Writes the files that the programs read.
fn write_secrets(state: &State, authority: &Authority) -> Result<(), Error> {
    state.write("ca.crt", &authority.certificate())?;
    for name in ["etcd", "kube-apiserver"] {
        let server = authority.server(name)?;
        state.write(&format!("{name}.crt"), &server.certificate)?;
        state.write(&format!("{name}.key"), &server.key)?;
    }
    let proxy = authority.user("front-proxy", Validity::Holds)?;
    state.write("front-proxy.crt", &proxy.certificate)?;
    state.write("front-proxy.key", &proxy.key)?;
    let expired = authority.expired_server(ControlPlane::EXPIRED_NAME)?;
    state.write("expired.crt", &expired.certificate)?;
    state.write("expired.key", &expired.key)?;
    let (private, public) = service_account_keys()?;
    state.write("service-accounts.key", &private)?;
    state.write("service-accounts.pub", &public)?;
    state.write("tokens.csv", &format!("{ADMIN_TOKEN},admin,admin,system:masters\n"))?;
    state.write(
        "kube-scheduler.yaml",
        "apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: kubeconfig, qps: 1000, burst: 2000}
leaderElection: {leaderElect: false}
",
    )?;
    Ok(())
}
