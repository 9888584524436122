//! Packings of which the optimum is known, because they were cut from full nodes.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use scenario::Cut;

use crate::plan;

/// Nodes that were cut, which is how many the optimum keeps; the cluster has twice as many.
const SIZES: [usize; 6] = [10, 30, 100, 300, 1_000, 5_000];

/// How CPU and memory are cut, and how many nodes each cut serves.
const KINDS: [(&str, Cut, usize); 3] =
    [("same", Cut::Same, 1), ("independent", Cut::Independent, 1), ("independent, ten alike", Cut::Independent, 10)];

const SEED: u64 = 1;

pub fn run(plimsoll: &Path, folder: &Path) -> anyhow::Result<()> {
    println!(
        "nodes cut into pods without a rest, scattered over twice as many; target 1 % in 10 s, 0 % on the small ones"
    );
    println!(
        "| CPU and memory cut | nodes | needed | pods | optimum $/h | ours | above, % | best-fit's | lower bound | seconds |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, cut, alike) in KINDS {
        for nodes in SIZES {
            let dump = folder.join("packing.json");
            let cluster = scenario::packing(SEED, nodes, cut, alike);
            cluster.write(BufWriter::new(File::create(&dump)?))?;
            let ours = plan::simulate(plimsoll, &dump, &[])?;
            let best_fit = plan::simulate(plimsoll, &dump, &["--strategy", "best-fit"])?;
            anyhow::ensure!(ours.figure("nodesBefore") == 2.0 * nodes as f64, "nodes were lost on the way");
            // All nodes cost the same, and half of them are enough.
            let optimum = ours.figure("usdPerHourBefore") / 2.0;
            let after = |planned: &plan::Planned| planned.figure("usdPerHourAfter");
            let above = |planned: &plan::Planned| (after(planned) / optimum - 1.0) * 100.0;
            println!(
                "| {name} | {} | {nodes} | {} | {optimum:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
                2 * nodes,
                cluster.pods(),
                after(&ours),
                above(&ours),
                above(&best_fit),
                ours.figure("usdPerHourLowerBound"),
                ours.run.seconds
            );
        }
    }
    println!();
    Ok(())
}
