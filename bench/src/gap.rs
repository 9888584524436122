//! What `plimsoll simulate` saves on fleets, how near that is to the lower bound, and what first-fit and best-fit save.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use crate::plan;

/// Nodes, pods, seeds, and the targets: seconds, MB, and the gap in percent.
const SIZES: [(usize, usize, u64, &str, &str, &str); 3] =
    [(100, 1_000, 1, "–", "–", "–"), (1_000, 10_000, 6, "3", "–", "2"), (10_000, 100_000, 1, "30", "512", "3")];

pub fn run(plimsoll: &Path, folder: &Path) -> anyhow::Result<()> {
    println!("simulate --strategy search --from DUMP, whole process, one run; best-fit and first-fit beside it");
    println!(
        "| nodes, pods | seed | seconds | target | MB | target | $/h before | after | lower bound | gap, % | target | \
         best-fit's | first-fit's |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (nodes, pods, seeds, seconds, megabytes, gap) in SIZES {
        for seed in 1..=seeds {
            let dump = folder.join("gap.json");
            scenario::fleet(seed, nodes, pods).write(BufWriter::new(File::create(&dump)?))?;
            let of = |strategy: &str| plan::simulate(plimsoll, &dump, &["--strategy", strategy]);
            let (search, best_fit, first_fit) = (of("search")?, of("best-fit")?, of("first-fit")?);
            let percent = |planned: &plan::Planned| planned.figure("gap") * 100.0;
            println!(
                "| {nodes}, {pods} | {seed} | {:.2} | {seconds} | {:.0} | {megabytes} | {:.2} | {:.2} | {:.2} | \
                 {:.2} | {gap} | {:.2} | {:.2} |",
                search.run.seconds,
                search.run.megabytes,
                search.figure("usdPerHourBefore"),
                search.figure("usdPerHourAfter"),
                search.figure("usdPerHourLowerBound"),
                percent(&search),
                percent(&best_fit),
                percent(&first_fit),
            );
        }
    }
    println!();
    Ok(())
}
