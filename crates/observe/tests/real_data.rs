//! Real objects of real clusters, where they are at hand.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use model::{FindingCode, Snapshot};
use observe::{ReadOptions, anonymize, read_paths, record_paths};

/// The folder with test data: $PLIMSOLL_DATA, or beside the project. Missing data fails only where CI is set.
fn data(path: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let folder = std::env::var_os("PLIMSOLL_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let found = folder.join(path);
    if found.exists() {
        return Some(found);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", found.display());
    println!("skipped: {} is missing", found.display());
    None
}

fn read(path: PathBuf) -> Snapshot {
    read_paths(&[path], &ReadOptions::default()).unwrap()
}

fn unreadable(snapshot: &Snapshot) -> usize {
    snapshot.findings.iter().filter(|finding| finding.code == FindingCode::UnreadableObject).count()
}

#[test]
fn seven_nodes_are_seven_nodes() {
    let Some(path) = data("snapshots/seven-nodes.json") else { return };
    let snapshot = read(path);
    assert_eq!((snapshot.nodes.len(), unreadable(&snapshot)), (7, 0));
    assert!(snapshot.nodes.iter().all(|node| node.allocatable.cpu > 0 && node.allocatable.memory > 0));
}

#[test]
fn a_whole_node_with_its_pods_is_read_from_yaml() {
    let Some(path) = data("snapshots/kubernetes-1.31") else { return };
    let snapshot = read(path.clone());
    assert_eq!((snapshot.nodes.len(), unreadable(&snapshot)), (1, 0));
    let text = std::fs::read_to_string(path.join("pods.yaml")).unwrap();
    assert_eq!(snapshot.pods.len(), text.lines().filter(|line| line.starts_with("- apiVersion")).count());
    assert!(snapshot.namespaces.contains_key("kube-system"));
    assert!(snapshot.pods.iter().any(|pod| pod.is_static()) && snapshot.pods.iter().any(|pod| pod.is_daemon()));
    let dns = snapshot.pods.iter().find(|pod| pod.name.starts_with("coredns-")).unwrap();
    assert_eq!(snapshot.workload_of(dns).unwrap().reference.to_string(), "Deployment kube-system/coredns");
    assert_eq!((dns.requests.cpu, dns.requests.memory), (100, 70 << 20));
}

#[test]
fn real_pods_stay_the_same_pods_without_their_names() {
    let Some(path) = data("snapshots/kubernetes-1.31") else { return };
    let recording = record_paths(&[path], &ReadOptions::default()).unwrap();
    let anonymous = anonymize(&recording).unwrap();
    for (old, new) in recording.snapshot.pods.iter().zip(&anonymous.snapshot.pods) {
        assert_eq!((&old.requests, &old.held, old.workload), (&new.requests, &new.held, new.workload));
        assert_eq!((old.is_static(), old.is_daemon(), old.phase), (new.is_static(), new.is_daemon(), new.phase));
        assert_eq!(old.spec.tolerations.len(), new.spec.tolerations.len());
        let tolerates = |snapshot: &Snapshot, pod: &model::Pod| {
            let taints = &snapshot.nodes[0].taints;
            taints.iter().all(|taint| {
                pod.spec.tolerations.iter().any(|one| one.tolerates(&taint.key, &taint.value, taint.effect))
            })
        };
        assert_eq!(tolerates(&recording.snapshot, old), tolerates(&anonymous.snapshot, new));
    }
}
