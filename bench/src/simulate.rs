//! `plimsoll simulate --strategy best-fit` from a dump, all in, on fleets of four sizes.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Stdio;

use crate::process;

/// Nodes, pods, counted runs, and the target: seconds and MB.
const SIZES: [(usize, usize, usize, f64, f64); 4] = [
    (10, 100, 15, 0.030, 20.0),
    (100, 1_000, 15, 0.080, 30.0),
    (1_000, 10_000, 5, 0.8, 90.0),
    (10_000, 100_000, 3, 8.0, 512.0),
];

const SEED: u64 = 1;

pub fn run(plimsoll: &Path, folder: &Path) -> anyhow::Result<()> {
    println!("simulate --strategy best-fit --from DUMP, whole process, median of the runs, peak memory of all");
    println!("| nodes, pods | dump MB | runs | seconds | target | MB | target |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (nodes, pods, runs, seconds, megabytes) in SIZES {
        let path = folder.join(format!("fleet-{nodes}.json"));
        let fleet = scenario::fleet(SEED, nodes, pods);
        fleet.write(BufWriter::new(File::create(&path)?))?;
        let dump = path.metadata()?.len() as f64 / 1e6;
        let from = path.to_string_lossy().into_owned();
        let arguments = ["simulate", "--strategy", "best-fit", "--from", &from];
        let run = || process::run(plimsoll, &arguments, Stdio::null());
        run()?;
        let counted: anyhow::Result<Vec<_>> = (0..runs).map(|_| run()).collect();
        let median = process::median(counted?);
        println!(
            "| {nodes}, {pods} | {dump:.1} | {runs} | {:.3} | {seconds} | {:.0} | {megabytes} |",
            median.seconds, median.megabytes
        );
        if nodes == 1_000 {
            eprintln!("the distribution, at this size:\n{fleet}");
        }
    }
    println!();
    Ok(())
}
