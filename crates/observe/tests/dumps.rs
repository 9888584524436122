//! Dumps in every form that `kubectl` and people write them.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};

use model::{FindingCode, ReadState, Rollout, Snapshot};
use observe::{ReadOptions, anonymize, read_bytes, read_paths, read_values, record_paths, save_snapshot};
use serde_json::{Value, json};

fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "uid": format!("uid-{name}"), "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": { "topology.kubernetes.io/zone": "z1", "kubernetes.io/hostname": name } },
        "spec": { "taints": [{ "key": "k", "effect": "NoSchedule" }] },
        "status": {
            "allocatable": { "cpu": "3920m", "memory": "16Gi", "pods": "110", "nvidia.com/gpu": "1" },
            "conditions": [{ "type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-02T04:00:00Z" }]
        }
    })
}

fn pod(name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "web", "labels": { "app": "api", "pod-template-hash": "6f6b" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-6f6b", "controller": true }] },
        "spec": { "nodeName": node, "containers": [
            { "name": "a", "image": "secret", "env": [{ "name": "PASSWORD", "value": "secret" }],
              "resources": { "requests": { "cpu": "100m" }, "limits": { "memory": "64Mi" } } }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }
    })
}

fn list(items: Vec<Value>) -> Value {
    json!({ "apiVersion": "v1", "items": items, "kind": "List", "metadata": {} })
}

fn read(value: &Value) -> Snapshot {
    read_bytes("test", value.to_string().as_bytes()).unwrap()
}

/// The snapshot's data, for comparing ways of reading it.
fn shown(snapshot: &Snapshot) -> String {
    format!("{snapshot:#?}")
}

#[test]
fn a_list_becomes_a_snapshot() {
    let snapshot = read(&list(vec![pod("api-6f6b-x", "n1"), node("n1")]));
    assert_eq!(snapshot.nodes.len(), 1);
    let pod = &snapshot.pods[0];
    assert_eq!((pod.requests.cpu, pod.requests.memory), (100, 64 << 20));
    assert_eq!(&*pod.spec.scheduler_name, "default-scheduler");
    assert_eq!(pod.spec.termination_grace_seconds, 30);
    assert!(pod.ready && snapshot.nodes[0].ready);
    assert_eq!(snapshot.nodes[0].allocatable.scalar("nvidia.com/gpu"), 1);
    assert_eq!(snapshot.taken_at.to_string(), "2026-01-02T04:00:00Z");
    assert!(snapshot.digest.starts_with("sha256:"));
    let workload = snapshot.workload_of(pod).unwrap();
    assert_eq!(workload.reference.to_string(), "Deployment web/api");
    assert_eq!(workload.rollout, Rollout::Unknown);
    assert_eq!(snapshot.kinds["PodDisruptionBudget"].state, ReadState::NotInInput);
    assert!(snapshot.findings.iter().any(|finding| finding.code == FindingCode::MissingKind));
}

/// Everything of a snapshot but how it is called.
fn same(a: &Snapshot, b: &Snapshot) {
    let unnamed = |snapshot: &Snapshot| shown(&Snapshot { cluster: String::new(), ..snapshot.clone() });
    assert_eq!(unnamed(a), unnamed(b));
}

fn read_file(path: &Path) -> Snapshot {
    read_paths(&[path.to_owned()], &ReadOptions::default()).unwrap()
}

/// A cluster with a bit of everything.
fn example() -> Vec<Value> {
    let mut items =
        vec![node("n1"), node("n2"), pod("api-6f6b-x", "n1"), pod("api-6f6b-y", "n2"), pod("api-6f6b-z", "gone")];
    let meta = |name: &str| json!({ "name": name, "namespace": "web", "generation": 1 });
    let owned = json!({ "name": "api-6f6b", "namespace": "web", "generation": 1,
        "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "controller": true }] });
    items.extend([
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "web", "labels": { "team": "a" } } }),
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("api"), "spec": { "replicas": 3 },
            "status": { "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3 } }),
        json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": owned, "spec": { "replicas": 3 },
            "status": { "observedGeneration": 1, "replicas": 3 } }),
        json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta("api"),
            "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "api" }, "maxReplicas": 9 } }),
        json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta("api"),
            "spec": { "minAvailable": "50%", "selector": { "matchLabels": { "app": "api" } } },
            "status": { "observedGeneration": 1, "disruptionsAllowed": 1, "disruptedPods": { "api-6f6b-x": "2026-01-02T04:00:00Z" } } }),
        json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta("data-db-0"),
            "spec": { "storageClassName": "fast", "volumeName": "pv-1", "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "10Gi" } } }, "status": { "phase": "Bound" } }),
        json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv-1" },
            "spec": { "capacity": { "storage": "10Gi" }, "storageClassName": "fast", "csi": { "driver": "ebs.csi.aws.com", "volumeHandle": "vol-1" },
                "claimRef": { "namespace": "web", "name": "data-db-0" },
                "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                    { "key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z1"] }] }] } } } }),
        json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "fast" },
            "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer" }),
        json!({ "apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": { "name": "n1" },
            "spec": { "drivers": [{ "name": "ebs.csi.aws.com", "allocatable": { "count": 25 } }] } }),
        json!({ "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": meta("api-6f6b-x"),
            "timestamp": "2026-01-02T05:00:00Z", "containers": [{ "name": "a", "usage": { "cpu": "12345678n", "memory": "1Ki" } }] }),
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta("password"), "data": { "a": "c2VjcmV0" } }),
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": meta("db-0"),
            "spec": { "nodeName": "n1", "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
                    { "labelSelector": {}, "namespaceSelector": {}, "topologyKey": "kubernetes.io/hostname" }] } },
                "volumes": [{ "name": "data", "ephemeral": {} }, { "name": "token", "projected": {} }],
                "containers": [{ "name": "db", "resources": { "requests": { "cpu": "10GB" } } }] } }),
    ]);
    items
}

#[test]
fn every_form_of_a_dump_is_the_same_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let items = example();
    let whole = list(items.clone());
    let expected = read(&whole);
    assert_eq!(expected.workloads[0].autoscaled, Some((1, 9)));
    assert_eq!(expected.workloads[0].rollout, Rollout::Complete);
    assert!(expected.node("n1").unwrap().unreadable && !expected.node("n2").unwrap().unreadable);
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let yaml = serde_saphyr::to_string(&whole).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(whole.to_string().as_bytes()).unwrap();
    let documents: Vec<String> = items.iter().map(|item| serde_saphyr::to_string(item).unwrap()).collect();
    let values: Vec<String> = items.iter().map(Value::to_string).collect();
    let forms: Vec<PathBuf> = vec![
        write("pretty.json", serde_json::to_string_pretty(&whole).unwrap().as_bytes()),
        write("bom.json", format!("\u{feff}{whole}").as_bytes()),
        write("list.yaml", yaml.as_bytes()),
        write("documents.yaml", documents.join("---\n").as_bytes()),
        write("values.json", values.join("\n").as_bytes()),
        write("array.json", Value::Array(items.clone()).to_string().as_bytes()),
        write("lists.json", list(vec![list(items[..3].to_vec()), list(items[3..].to_vec())]).to_string().as_bytes()),
        write("misnamed.yaml", &gzip.finish().unwrap()),
        write("dump.json.zst", &zstd::encode_all(whole.to_string().as_bytes(), 1).unwrap()),
    ];
    for form in &forms {
        let snapshot = read_file(form);
        // Where an object stood is the only difference.
        let unplaced = |snapshot: &Snapshot| Snapshot { findings: Vec::new(), ..snapshot.clone() };
        same(&unplaced(&snapshot), &unplaced(&expected));
        assert_eq!(snapshot.findings.len(), expected.findings.len(), "{}", form.display());
    }
    same(&read_values("test", items.into_iter()).unwrap(), &expected);
}

#[test]
fn cluster_info_dumps_have_lists_without_kinds_and_logs() {
    let folder = tempfile::tempdir().unwrap();
    let bare = |mut value: Value| {
        let map = value.as_object_mut().unwrap();
        map.retain(|key, _| key != "kind" && key != "apiVersion");
        value
    };
    let web = folder.path().join("web");
    std::fs::create_dir_all(web.join("api-x")).unwrap();
    let nodes = json!({ "kind": "NodeList", "apiVersion": "v1", "items": [bare(node("n1"))] });
    std::fs::write(folder.path().join("nodes.json"), nodes.to_string()).unwrap();
    // The kind after the items, as tools that sort keys leave it.
    let pods = format!(r#"{{"apiVersion":"v1","items":[{}],"kind":"PodList"}}"#, bare(pod("api-6f6b-x", "n1")));
    std::fs::write(web.join("pods.json"), pods).unwrap();
    std::fs::write(
        web.join("replication-controllers.json"),
        r#"{"kind":"ReplicationControllerList","apiVersion":"v1","items":[]}"#,
    )
    .unwrap();
    std::fs::write(web.join("events.json"), r#"{"kind":"EventList","apiVersion":"v1","items":[{}]}"#).unwrap();
    std::fs::write(web.join("api-x").join("logs.txt"), "no { json").unwrap();
    let snapshot = read_file(folder.path());
    assert_eq!((snapshot.nodes.len(), snapshot.pods.len()), (1, 1));
    assert!(snapshot.has("ReplicationController"));
    same(
        &Snapshot { kinds: Default::default(), ..snapshot },
        &Snapshot { kinds: Default::default(), ..read(&list(vec![node("n1"), pod("api-6f6b-x", "n1")])) },
    );
}

#[test]
fn a_saved_snapshot_reads_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump.json");
    let mut items = example();
    items.push(node("n1"));
    std::fs::write(&dump, list(items).to_string()).unwrap();
    let recording = record_paths(std::slice::from_ref(&dump), &ReadOptions::default()).unwrap();
    same(&recording.snapshot, &read_file(&dump));
    for name in ["saved.json", "saved.json.gz", "saved.json.zst"] {
        let path = folder.path().join(name);
        save_snapshot(&recording, &path).unwrap();
        assert_eq!(shown(&read_file(&path)), shown(&recording.snapshot), "{name}");
    }
    let saved = std::fs::read_to_string(folder.path().join("saved.json")).unwrap();
    assert!(!saved.contains("secret") && !saved.contains("PASSWORD"), "{saved}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "nothing unfinished is left");
}

#[test]
fn order_and_source_do_not_change_the_digest() {
    let mut items = example();
    let digest = read(&list(items.clone())).digest;
    items.reverse();
    assert_eq!(read(&list(items.clone())).digest, digest);
    items.pop();
    assert_ne!(read(&list(items)).digest, digest);
}

#[test]
fn an_anonymous_snapshot_has_the_same_structure() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("acme.json");
    std::fs::write(&dump, list(example()).to_string()).unwrap();
    let recording = record_paths(&[dump], &ReadOptions::default()).unwrap();
    let anonymous = anonymize(&recording).unwrap();
    let (before, after) = (&recording.snapshot, &anonymous.snapshot);
    let mut text = Vec::new();
    anonymous.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for name in ["acme", "api\"", "api-", "\"web\"", "6f6b", "n1\"", "team", "pv-1", "db-0"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    assert_eq!(after.cluster, "anonymous");
    assert_eq!(before.findings.len(), after.findings.len());
    assert_eq!(before.kinds, after.kinds);
    for (old, new) in before.nodes.iter().zip(&after.nodes) {
        assert_eq!((old.zone(), &old.allocatable, old.unreadable), (new.zone(), &new.allocatable, new.unreadable));
        assert_eq!(new.labels.get("kubernetes.io/hostname"), Some(&new.name));
    }
    for (old, new) in before.pods.iter().zip(&after.pods) {
        let node_at = |snapshot: &Snapshot, pod: &model::Pod| {
            snapshot.nodes.iter().position(|node| Some(&node.name) == pod.node.as_ref())
        };
        assert_eq!(node_at(before, old), node_at(after, new));
        assert_eq!((&old.requests, old.workload), (&new.requests, new.workload));
        assert_eq!(before.budgets[0].covers(old), after.budgets[0].covers(new));
    }
    let same_workload = |(old, new): (&model::Workload, &model::Workload)| {
        old.reference.kind == new.reference.kind && old.rollout == new.rollout && old.autoscaled == new.autoscaled
    };
    assert!(before.workloads.iter().zip(&after.workloads).all(same_workload));
    let volume = after.volumes.values().next().unwrap();
    assert!(after.claims.contains_key(&volume.claim.as_ref().map(|claim| (claim.0.clone(), claim.1.clone())).unwrap()));
    assert_eq!(shown(&anonymize(&recording).unwrap().snapshot), shown(after));
}
