//! Every pod on every node: the scheduler's own filter plugins and ours, one thread each, parsing excluded.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const NODES: usize = 1_000;
const PODS: usize = 2_000;
const RUNS: usize = 5;

pub fn run(oracle: &Path, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("matrix.json");
    scenario::fleet(2, NODES, PODS).write(BufWriter::new(File::create(&path)?))?;
    let snapshot = observe::read_paths(std::slice::from_ref(&path), &observe::ReadOptions::default())?;
    let mut ours = Vec::new();
    let mut passing = 0;
    for _ in 0..RUNS {
        let started = Instant::now();
        let cluster = engine::Cluster::new(&snapshot);
        passing = engine::fit(&cluster).map(|fit| fit.nodes.len()).sum();
        ours.push(started.elapsed().as_secs_f64());
    }
    ours.sort_by(f64::total_cmp);
    let output = Command::new(oracle).arg("bench").arg(&path).output()?;
    anyhow::ensure!(output.status.success(), "oracle: {}", String::from_utf8_lossy(&output.stderr));
    let theirs: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let seconds = theirs["seconds"].as_f64().unwrap_or(f64::NAN);
    anyhow::ensure!(theirs["passing"] == passing, "the two disagree: {theirs} against {passing} passing");
    println!("full matrix of {NODES} nodes and {} pods, one thread each, {passing} pairs pass in both", theirs["pods"]);
    println!("| kube-scheduler 1.36.1's filters | plimsoll (compiling the cluster included) | ratio |");
    println!("| --- | --- | --- |");
    println!("| {seconds:.3} s | {:.4} s | {:.0}× |\n", ours[RUNS / 2], seconds / ours[RUNS / 2]);
    Ok(())
}
