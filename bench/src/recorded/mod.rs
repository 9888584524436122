//! The operator's memory beside clusters larger than a control plane on two cores holds: lists and watches are played back
//! by a proxy, and everything else, such as our own kinds and the lease, is a real API server's.

mod real_size;
mod recording;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use controlplane::{ControlPlane, Fate, FaultProxy};

use crate::plane::{self, PATIENCE};
use crate::process::{self, Running};
use recording::Recording;

/// Nodes, pods, and the target in MB.
const CLUSTERS: [(usize, usize, f64); 2] = [(5_000, 50_000, 300.0), (10_000, 100_000, 512.0)];
const SEED: u64 = 1;
/// So long changes are played back between two analyses.
const PLAYBACK: Duration = Duration::from_secs(60);
/// They come once, and then not again for a long time.
const SCHEDULES: [&str; 2] = ["0 0 1 1 *", "0 0 2 1 *"];

/// Runs it.
pub fn run(plimsoll: &Path) -> anyhow::Result<()> {
    let rows = CLUSTERS.iter().map(|(nodes, pods, target)| row(plimsoll, *nodes, *pods, *target));
    let rows: Vec<String> = rows.collect::<anyhow::Result<_>>()?;
    println!("\nthe operator beside recorded lists and watches played back");
    println!(
        "| nodes, pods | listed MB | first analysis after its start, s | peak MB then | changes in {} s | peak MB after \
         these and another analysis | target |",
        PLAYBACK.as_secs()
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    rows.iter().for_each(|row| println!("{row}"));
    Ok(())
}

fn row(plimsoll: &Path, nodes: usize, pods: usize, target: f64) -> anyhow::Result<String> {
    let recording = Arc::new(Recording::of(&scenario::fleet(SEED, nodes, pods))?);
    let mut plane = plane::start(plimsoll)?;
    let folder = tempfile::tempdir()?;
    let played = recording.clone();
    let play = move |path: &str, query: &str| Recording::answer(&played, path, query);
    let proxy = FaultProxy::start_playing(&plane, folder.path(), play, |_| Fate::Forwarded, |_, _| ())?;
    plane::configure(&plane, "observe", SCHEDULES[0])?;
    let start = Instant::now();
    let mut command = plane::operator(plimsoll, proxy.kubeconfig())?;
    let mut operator = Running(command.args(["--log-level", "error"]).spawn()?);
    analysed(&mut plane, 1, nodes)?;
    let (first, peak_then) = (start.elapsed(), peak(&operator)?);
    let changes = recording.play(PLAYBACK);
    plane::configure(&plane, "observe", SCHEDULES[1])?;
    analysed(&mut plane, 2, nodes)?;
    let peak_after = peak(&operator)?;
    let ended = operator.0.try_wait()?;
    ensure!(ended.is_none(), "the operator has ended: {ended:?}");
    // The last few may be on their way.
    ensure!(recording.told() * 10 >= changes * 9, "of {changes} changes only {} were asked for", recording.told());
    Ok(format!(
        "| {nodes}, {} | {:.0} | {:.1} | {peak_then:.0} | {changes} | {peak_after:.0} | {target:.0} |",
        recording.pods(),
        recording.megabytes(),
        first.as_secs_f64(),
    ))
}

/// Waits until this generation of the configuration has its answer, which has to be about all of the nodes.
fn analysed(plane: &mut ControlPlane, generation: i64, nodes: usize) -> anyhow::Result<()> {
    plane.wait_until("an analysis", PATIENCE, |plane| {
        let status = &plane::config(plane)["status"];
        status["phase"] == "Ready" && status["observedGeneration"] == generation
    })?;
    let status = &plane::config(plane)["status"];
    ensure!(status["nodeCount"] == nodes, "it saw other nodes: {status}");
    Ok(())
}

fn peak(operator: &Running) -> anyhow::Result<f64> {
    process::peak_mb(operator.0.id()).context("the operator has ended")
}
