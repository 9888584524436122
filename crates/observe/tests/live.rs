//! A live cluster, played by a server of a few lines: paging, expiry, throttling, missing rights.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{FindingCode, ReadState, Time};
use observe::{LiveError, LiveOptions, read_bytes, read_live_blocking, record_live_blocking};
use serde_json::{Value, json};

struct Answer {
    status: u16,
    headers: &'static str,
    body: String,
}

fn ok(kind: &str, api_version: &str, items: Vec<Value>, next: &str) -> Answer {
    let list = json!({ "kind": format!("{kind}List"), "apiVersion": api_version,
        "metadata": { "continue": next }, "items": items });
    Answer { status: 200, headers: "", body: list.to_string() }
}

fn status(status: u16, message: &str) -> Answer {
    let body = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status });
    Answer { status, headers: "", body: body.to_string() }
}

/// Answers every request by its path; gives the options to reach it, and what was asked.
fn serve(
    folder: &tempfile::TempDir,
    answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> (LiveOptions, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer, seen) = (stream.unwrap(), answer.clone(), seen.clone());
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let path = first.split(' ').nth(1).unwrap().to_owned();
                seen.lock().unwrap().push(first.rsplit_once(' ').unwrap().0.to_owned());
                let Answer { status, headers, body } = answer(&path);
                let head = format!(
                    "HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            });
        }
    });
    (options(folder, &format!("http://127.0.0.1:{port}")), asked)
}

fn options(folder: &tempfile::TempDir, server: &str) -> LiveOptions {
    let kubeconfig: PathBuf = folder.path().join("config");
    let config = json!({ "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "users": [{ "name": "u", "user": { "token": "t" } }],
        "contexts": [{ "name": "test", "context": { "cluster": "c", "user": "u" } }] });
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let now = Time(1_795_255_199);
    LiveOptions { kubeconfig: Some(kubeconfig), request_timeout: Duration::from_secs(10), ..LiveOptions::new(now) }
}

fn node(name: &str) -> Value {
    json!({ "metadata": { "name": name }, "status": { "allocatable": { "cpu": "4", "memory": "16Gi", "pods": "110" } } })
}

fn pod(name: &str) -> Value {
    json!({ "metadata": { "name": name, "namespace": "web" }, "spec": { "nodeName": "n1", "containers": [{ "name": "a" }] } })
}

#[test]
fn all_pages_are_read_and_a_dump_of_them_is_the_same_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let expired = AtomicUsize::new(0);
    let throttled = AtomicUsize::new(0);
    let (options, asked) = serve(&folder, move |path| {
        let (path, query) = path.split_once('?').unwrap();
        match (path, query) {
            ("/api/v1/nodes", _) if throttled.fetch_add(1, Ordering::SeqCst) == 0 => {
                Answer { headers: "Retry-After: 0\r\n", ..status(429, "slow down") }
            }
            ("/api/v1/nodes", _) => ok("Node", "v1", vec![node("n1")], ""),
            ("/api/v1/pods", "limit=500") => ok("Pod", "v1", vec![pod("a"), pod("b")], "next/1"),
            ("/api/v1/pods", _) if expired.fetch_add(1, Ordering::SeqCst) == 0 => status(410, "expired"),
            ("/api/v1/pods", "limit=500&continue=next%2F1") => ok("Pod", "v1", vec![pod("c")], ""),
            ("/apis/policy/v1/poddisruptionbudgets", _) => status(403, "no"),
            ("/apis/karpenter.sh/v1beta1/nodepools", _) => {
                ok("NodePool", "karpenter.sh/v1beta1", vec![json!({ "metadata": { "name": "general" } })], "")
            }
            ("/apis/metrics.k8s.io/v1beta1/pods", _) => {
                Answer { headers: "Retry-After: 0\r\n", ..status(503, "metrics-server is away") }
            }
            _ => status(404, "not served"),
        }
    });
    let recording = record_live_blocking(&options).unwrap();
    let snapshot = &recording.snapshot;
    assert_eq!((snapshot.nodes.len(), snapshot.pods.len(), snapshot.node_pools.len()), (1, 3, 1));
    assert_eq!(snapshot.cluster, "test");
    assert_eq!(snapshot.taken_at, options.now);
    let forbidden = ReadState::Forbidden("list poddisruptionbudgets.policy".to_owned());
    assert_eq!(snapshot.kinds["PodDisruptionBudget"].state, forbidden);
    assert_eq!(snapshot.kinds["PodMetrics"].state, ReadState::NotServed);
    assert!(snapshot.findings.iter().any(|finding| finding.code == FindingCode::MissingRight));
    assert!(asked.lock().unwrap().iter().all(|asked| asked.starts_with("GET ")));

    let mut saved = Vec::new();
    recording.write(&mut saved).unwrap();
    assert_eq!(format!("{:?}", read_bytes("saved", &saved).unwrap()), format!("{snapshot:?}"));
}

/// A watch that the server has forgotten the beginning of, and one that ends at once: all is listed again, and followed on.
#[test]
fn a_watch_that_is_lost_is_begun_again_with_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let lists = AtomicUsize::new(0);
    let (options, _) = serve(&folder, move |path| {
        let (path, query) = path.split_once('?').unwrap();
        let lines = |event: Value| Answer { status: 200, headers: "", body: format!("{event}\n") };
        match (path, query.contains("watch=true")) {
            ("/api/v1/nodes", false) => ok("Node", "v1", vec![node("n1")], ""),
            ("/api/v1/pods", false) => {
                let names = ["a", "b", "c"].into_iter().take(1 + lists.fetch_add(1, Ordering::SeqCst));
                let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"},
                    "items": names.map(pod).collect::<Vec<_>>()});
                Answer { status: 200, headers: "", body: list.to_string() }
            }
            ("/api/v1/pods", true) if lists.load(Ordering::SeqCst) == 1 => status(410, "too old resource version"),
            ("/api/v1/pods", true) if lists.load(Ordering::SeqCst) == 2 => {
                lines(json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                    "reason": "Expired", "message": "too old resource version", "code": 410}}))
            }
            ("/api/v1/pods", true) => {
                let mut gone = pod("a");
                gone["metadata"]["resourceVersion"] = "8".into();
                lines(json!({"type": "DELETED", "object": gone}))
            }
            _ => status(404, "not served"),
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = observe::connect(&options).await.unwrap();
        let followed = observe::Followed::begin(&connection, &options).await.unwrap();
        let mut changes = followed.changes();
        let names =
            || -> Vec<String> { followed.snapshot(Time(0)).pods.iter().map(|pod| pod.name.to_string()).collect() };
        let expected = ["b", "c"];
        let waited = async {
            while names() != expected {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waited).await.unwrap_or_else(|_| panic!("{:?}", names()));
    });
}

#[test]
fn one_namespace_leaves_all_nodes_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let (options, _) = serve(&folder, |path| match path.split_once('?').unwrap().0 {
        "/api/v1/nodes" => ok("Node", "v1", vec![node("n1")], ""),
        "/api/v1/namespaces/web/pods" => ok("Pod", "v1", vec![pod("a")], ""),
        _ => status(404, "not served"),
    });
    let snapshot = read_live_blocking(&LiveOptions { namespace: Some("web".to_owned()), ..options }).unwrap();
    assert_eq!(snapshot.pods.len(), 1);
    assert!(snapshot.nodes[0].unreadable);
}

#[test]
fn a_server_that_refuses_or_is_away_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let (options_of, _) = serve(&folder, |_| status(401, "Unauthorized"));
    let error = read_live_blocking(&options_of).unwrap_err();
    assert!(matches!(error, LiveError::Unauthorized { .. }), "{error}");
    assert!(error.hint().unwrap().contains("log in"));

    let (options_of, _) = serve(&folder, |_| status(403, "no"));
    let error = read_live_blocking(&options_of).unwrap_err();
    assert!(error.to_string().contains("the right to list nodes, list pods is missing"), "{error}");

    let (options_of, _) = serve(&folder, |_| Answer { status: 200, headers: "", body: "<html>".to_owned() });
    let error = read_live_blocking(&options_of).unwrap_err();
    assert!(error.to_string().contains("no list"), "{error}");

    let (options_of, _) = serve(&folder, |_| {
        std::thread::sleep(Duration::from_secs(5));
        status(404, "")
    });
    let quick = LiveOptions { request_timeout: Duration::from_millis(50), ..options_of };
    let error = read_live_blocking(&quick).unwrap_err();
    assert!(matches!(error, LiveError::TimedOut { .. }), "{error}");

    let error = read_live_blocking(&options(&folder, "http://127.0.0.1:1")).unwrap_err();
    assert!(matches!(error, LiveError::Unreachable { .. }), "{error:?}");

    let wrong = LiveOptions { context: Some("other".to_owned()), ..options(&folder, "http://127.0.0.1:1") };
    assert!(matches!(read_live_blocking(&wrong).unwrap_err(), LiveError::Config { .. }));
}
