//! Ours on the cluster that Karpenter was given, with the same types at the same prices.

use std::path::Path;

use super::follow::Followed;
use crate::plan::{self, Planned};

/// The files of a run.
pub struct Files<'a> {
    pub plimsoll: &'a Path,
    pub dump: &'a Path,
    pub prices: &'a Path,
}

impl Files<'_> {
    fn simulate(&self, further: &[&str]) -> anyhow::Result<Planned> {
        let prices = self.prices.to_string_lossy();
        plan::simulate(self.plimsoll, self.dump, &[&["--prices", &prices], further].concat())
    }

    /// Fails where `verify` finds a fault.
    fn verify(&self, plan: &Planned, further: &[&str]) -> anyhow::Result<()> {
        let paths = [&plan.path, self.dump, self.prices].map(Path::to_string_lossy);
        let arguments = [&["verify", &paths[0], "--from", &paths[1], "--prices", &paths[2]], further].concat();
        crate::process::run(self.plimsoll, &arguments, std::process::Stdio::null()).map(|_| ())
    }
}

/// Prints both side by side, and how few of our moves reach Karpenter's dollars.
pub fn compare(files: &Files<'_>, karpenter: &Followed) -> anyhow::Result<()> {
    println!("| | $/h before | $/h after | above the bound, % | target | nodes | pods evicted | target | took |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let any = files.simulate(&["--capacity", "any"])?;
    let bound = any.figure("usdPerHourLowerBound");
    let above = |cost: f64| (cost / bound - 1.0) * 100.0;
    println!(
        "| Karpenter 1.14.1 | {:.2} | {:.2} | {:.2} | – | {} → {} | {} | – | {:.0} minutes, {} decisions |",
        karpenter.usd_per_hour_before,
        karpenter.usd_per_hour_after,
        above(karpenter.usd_per_hour_after),
        karpenter.nodes_before,
        karpenter.nodes_after,
        karpenter.evictions,
        karpenter.minutes,
        karpenter.decisions,
    );
    let row = |name: &str, plan: &Planned, gap: &str, moves: &str, target: &str| {
        println!(
            "| {name} | {:.2} | {:.2} | {:.2} | {gap} | {} → {} | {} | {moves} | {:.2} s{target} |",
            plan.figure("usdPerHourBefore"),
            plan.figure("usdPerHourAfter"),
            above(plan.figure("usdPerHourAfter")),
            plan.figure("nodesBefore"),
            plan.figure("nodesAfter"),
            plan.figure("migrations"),
            plan.run.seconds,
        );
    };
    let half = (karpenter.evictions / 2).to_string();
    files.verify(&any, &[])?;
    row("simulate --capacity any", &any, "2", &half, " (target 1)");
    let existing = files.simulate(&[])?;
    files.verify(&existing, &[])?;
    row("simulate", &existing, "–", "–", "");
    for share in [25, 50] {
        let moves = (karpenter.evictions * share / 100).to_string();
        let limited = files.simulate(&["--capacity", "any", "--max-moves", &moves])?;
        files.verify(&limited, &["--max-moves", &moves])?;
        row(&format!("simulate --capacity any --max-moves {moves}"), &limited, "–", "–", "");
    }
    match fewest_moves(files, karpenter.usd_per_hour_after, any.figure("migrations") as usize)? {
        Some((moves, plan)) => {
            files.verify(&plan, &["--max-moves", &moves.to_string()])?;
            row(&format!("at Karpenter's dollars: --max-moves {moves}"), &plan, "–", "–", "");
        }
        None => println!("\nNo plan of ours reaches Karpenter's dollars."),
    }
    println!();
    Ok(())
}

/// By halves: plans of more moves cost less, but for small things.
fn fewest_moves(files: &Files<'_>, usd_per_hour: f64, most: usize) -> anyhow::Result<Option<(usize, Planned)>> {
    let (mut too_few, mut enough, mut best) = (0, most + 1, None);
    while too_few + 1 < enough {
        let moves = (too_few + enough) / 2;
        let plan = files.simulate(&["--capacity", "any", "--max-moves", &moves.to_string()])?;
        if plan.figure("usdPerHourAfter") <= usd_per_hour {
            (enough, best) = (moves, Some((moves, plan)));
        } else {
            too_few = moves;
        }
    }
    Ok(best)
}
