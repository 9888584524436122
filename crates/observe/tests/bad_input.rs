//! Bad input, one kind of badness at a time: each a clear error or a finding, never a panic.
#![allow(clippy::unwrap_used, clippy::panic)]

use model::{Finding, FindingCode, Snapshot, Subject};
use observe::{Limits, ReadError, ReadOptions, read_bytes, read_paths};
use serde_json::{Value, json};

fn node(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name },
        "status": { "allocatable": { "cpu": "4", "memory": "16Gi", "pods": "110" } } })
}

fn pod(name: &str, requests: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "web" },
        "spec": { "nodeName": "n1", "containers": [{ "name": "a", "resources": { "requests": requests } }] } })
}

fn read(items: Vec<Value>) -> Snapshot {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    read_bytes("dump.json", list.to_string().as_bytes()).unwrap()
}

fn finding(snapshot: &Snapshot, code: FindingCode) -> &Finding {
    snapshot.findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("{:#?}", snapshot.findings))
}

fn error(bytes: &[u8]) -> String {
    read_bytes("dump", bytes).unwrap_err().to_string()
}

#[test]
fn broken_quantities_are_findings_with_file_object_and_field() {
    for (text, says) in [("-1", "below zero"), ("NaN", "not a quantity"), ("10GB", "not a quantity")] {
        let snapshot = read(vec![node("n1"), pod("good", json!({ "cpu": "1e3" })), pod("bad", json!({ "cpu": text }))]);
        let finding = finding(&snapshot, FindingCode::UnreadableObject);
        let Subject::Object { kind, name, source } = &finding.subject else { panic!("{finding:?}") };
        assert_eq!((kind.as_str(), name.as_str(), source.as_str()), ("Pod", "web/bad", "dump.json item 3"));
        assert!(finding.message.starts_with("spec.containers[0].resources.requests.cpu: "), "{}", finding.message);
        assert!(finding.message.contains(says), "{}", finding.message);
        assert_eq!(snapshot.pods.len(), 1);
        assert!(snapshot.nodes[0].unreadable);
    }
}

#[test]
fn quantities_that_kubernetes_takes_are_taken() {
    let snapshot =
        read(vec![node("n1"), pod("a", json!({ "cpu": "0.5", "memory": "12E" })), pod("b", json!({ "cpu": 2 }))]);
    assert_eq!((snapshot.pods[0].requests.cpu, snapshot.pods[0].requests.memory), (500, i64::MAX));
    assert_eq!(snapshot.pods[1].requests.cpu, 2_000);
}

#[test]
fn wrong_types_name_the_field() {
    let mut bad = pod("bad", json!({}));
    bad["spec"]["containers"][0]["ports"] = json!([{ "hostPort": "eighty" }]);
    let snapshot = read(vec![node("n1"), bad]);
    let message = &finding(&snapshot, FindingCode::UnreadableObject).message;
    assert!(message.starts_with("spec.containers[0].ports[0].hostPort: invalid type"), "{message}");
}

#[test]
fn a_node_with_a_broken_allocatable_stays_out() {
    let mut bad = node("n2");
    bad["status"]["allocatable"]["memory"] = json!("-1Gi");
    let snapshot = read(vec![node("n1"), bad]);
    assert_eq!(snapshot.nodes.len(), 1);
    assert!(finding(&snapshot, FindingCode::UnreadableObject).message.starts_with("status.allocatable.memory: "));
}

#[test]
fn a_node_that_holds_nothing_a_pod_on_no_node_and_duplicates_are_findings() {
    let mut empty = node("n2");
    empty["status"]["allocatable"] = json!({ "cpu": "0" });
    let mut lost = pod("lost", json!({}));
    lost["spec"]["nodeName"] = json!("gone");
    let snapshot = read(vec![node("n1"), empty, lost, node("n1"), node("n1")]);
    assert!(finding(&snapshot, FindingCode::NodeWithoutAllocatable).message.contains("no cpu, no memory, no pods"));
    assert!(finding(&snapshot, FindingCode::PodOnMissingNode).message.contains("web/lost"));
    assert_eq!(finding(&snapshot, FindingCode::DuplicateObject).count, 2);
    assert_eq!(snapshot.nodes.len(), 2);
}

#[test]
fn owners_in_a_circle_are_a_finding() {
    let owned = |name: &str, owner: &str| {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "web",
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": owner, "controller": true }] } })
    };
    let mut member = pod("a", json!({}));
    member["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "x", "controller": true }]);
    let snapshot = read(vec![node("n1"), owned("x", "y"), owned("y", "x"), member]);
    finding(&snapshot, FindingCode::OwnerCycle);
    assert_eq!(&*snapshot.workload_of(&snapshot.pods[0]).unwrap().reference.name, "x");
}

#[test]
fn inputs_that_are_no_dump_say_what_is_wrong() {
    assert!(error(b"").contains("empty"));
    assert!(error(b" \n").contains("empty"));
    assert!(error(b"hello world\nthis is text\n").contains("not JSON or YAML"));
    assert!(error(b"\x7fELF\x00\x01\x02").contains("binary"));
    assert!(error(b"\xff\xfe{\x00}\x00").contains("binary"));
    assert!(error(br#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","#).contains("cut off"));
    assert!(error(br#"{"hello": "world"}"#).contains("no Node and no Pod"));
    assert!(error(b"hello: world\n").contains("no Node and no Pod"));
    assert!(
        error(br#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}"#).contains("1 object of other kinds")
    );
    assert!(error(b"a: [1, 2\nb: }").contains("line 1"));
    assert!(
        error(&[b'['; 100_000]).contains("expected an object") || error(&[b'['; 100_000]).contains("not an object")
    );
    assert!(error("{\"a\":".repeat(100_000).as_bytes()).contains("nests deeper"));
    assert!(error("a: {".repeat(100_000).as_bytes()).contains("not JSON or YAML"));
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    assert!(error(&gzip).contains("cannot read"));
}

#[test]
fn alias_bombs_and_zip_bombs_end_in_an_error() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", ")));
    }
    assert!(error(bomb.as_bytes()).contains("not JSON or YAML"));

    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { total_bytes: 100 << 20, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    for (start, name) in [("[", "a.zst"), ("{\"a\":\"", "b.zst"), ("#", "c.zst"), ("a: ", "d.zst")] {
        let path = folder.path().join(name);
        let mut encoder = zstd::stream::write::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
        std::io::Write::write_all(&mut encoder, start.as_bytes()).unwrap();
        let spaces = [b' '; 1 << 16];
        (0..8_000).for_each(|_| std::io::Write::write_all(&mut encoder, &spaces).unwrap());
        encoder.finish().unwrap();
        let error = read_paths(&[path], &options).unwrap_err();
        assert!(matches!(error, ReadError::TooLarge { .. }), "{name}: {error}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let missing = read_paths(&["no/such/file.json".into()], &ReadOptions::default()).unwrap_err();
    assert_eq!(missing.to_string(), "cannot open no/such/file.json");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("readme.txt"), "x").unwrap();
    let empty = read_paths(&[folder.path().to_owned()], &ReadOptions::default()).unwrap_err();
    assert!(matches!(empty, ReadError::EmptyFolder { .. }));
}
