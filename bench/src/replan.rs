//! How long a new plan takes where the last one is known and one pod has changed. Today it is made from nothing.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use model::Policy;
use observe::prices::{PriceTable, price_nodes};

const NODES: usize = 10_000;
const PODS: usize = 100_000;
const SEED: u64 = 1;
/// Seconds.
const TARGET: f64 = 0.05;

pub fn run(folder: &Path) -> anyhow::Result<()> {
    let dump = folder.join("replan.json");
    scenario::fleet(SEED, NODES, PODS).write(BufWriter::new(File::create(&dump)?))?;
    let mut snapshot = observe::read_paths(std::slice::from_ref(&dump), &observe::ReadOptions::default())?;
    let prices = price_nodes(&snapshot.nodes, &PriceTable::list());
    if let Some(pod) = snapshot.pods.iter_mut().find(|pod| pod.workload.is_some()) {
        pod.requests.cpu += 10;
        pod.held.cpu += 10;
    }
    let started = Instant::now();
    engine::plan(&snapshot, &prices, &Policy::default(), engine::default_strategy());
    let seconds = started.elapsed().as_secs_f64();
    println!("a plan after one pod of {PODS} on {NODES} nodes changed, in process, parsing excluded");
    println!("| seconds | target |");
    println!("| --- | --- |");
    println!("| {seconds:.2} | {TARGET} |\n");
    Ok(())
}
