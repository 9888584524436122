//! Random clusters, every pod on every node, against kube-scheduler's own filters (`tests/controlplane/oracle`).
//!
//! Skipped, with a line that says so, where the oracle is not built; it fails there when CI is set.

#![allow(clippy::unwrap_used, clippy::panic)]

mod random;
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use check::Rule;
use model::Snapshot;
use random::{cluster, dump};

/// Enough to meet every corner in a few seconds; `CLUSTERS` and `SEED` ask for others.
const CLUSTERS: u64 = 400;

#[test]
fn every_pod_on_every_node_is_judged_as_kube_scheduler_judges() {
    let oracle = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/controlplane/bin/oracle");
    if !oracle.exists() {
        assert!(std::env::var_os("CI").is_none(), "the oracle is not built");
        eprintln!("skipped: the oracle is not built");
        return;
    }
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let first = number("SEED", 1) * 1_000_000;
    let seeds: Vec<u64> = (first..first + number("CLUSTERS", CLUSTERS)).collect();
    let clusters: Vec<Snapshot> = seeds.iter().map(|seed| cluster(*seed)).collect();

    let lines: String = clusters.iter().map(|snapshot| format!("{}\n", dump(snapshot))).collect();
    let mut child = Command::new(oracle).arg("fit").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());

    let answers: Vec<BTreeMap<String, Vec<String>>> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), clusters.len());
    let (mut pairs, mut passing) = (0, 0);
    let mut refusing: BTreeMap<Rule, usize> = BTreeMap::new();
    for ((seed, snapshot), answer) in seeds.iter().zip(&clusters).zip(&answers) {
        let mut state = check::State::new(snapshot);
        for (pod, nodes) in check::fit_matrix(snapshot) {
            for node in 0..snapshot.nodes.len() {
                if let Some(rejection) = state.rejects(pod, node) {
                    *refusing.entry(rejection.rule).or_default() += 1;
                }
            }
            let key = snapshot.pods[pod].key();
            let mut ours: Vec<String> = nodes.iter().map(|node| snapshot.nodes[*node].name.to_string()).collect();
            ours.sort();
            pairs += snapshot.nodes.len();
            passing += ours.len();
            if ours != answer[&key] {
                let why: Vec<_> = (0..snapshot.nodes.len())
                    .map(|node| (snapshot.nodes[node].name.to_string(), state.rejects(pod, node)))
                    .collect();
                std::fs::write(std::env::temp_dir().join("disagreement.json"), dump(snapshot).to_string()).unwrap();
                panic!("seed {seed}, pod {key}: the scheduler says {:?}, we say {ours:?}: {why:#?}", answer[&key]);
            }
        }
    }
    eprintln!("{} clusters, {pairs} pairs, {} % pass", clusters.len(), passing * 100 / pairs.max(1));
    eprintln!("refused first by {refusing:?}");
    // All filters but NodeDeclaredFeatures and DynamicResources, which the generator leaves out.
    assert_eq!(refusing.len(), 11, "{refusing:?}");
    assert!(passing * 5 > pairs && passing * 3 < pairs * 2, "the clusters say too little");
}
