//! `make oracle SEED=7 CLUSTERS=5000`: compares random clusters with kube-scheduler's own code.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use oracle_tests::compare::{Comparison, Disagreement, compare};
use oracle_tests::coverage::{Coverage, measure};
use oracle_tests::knobs;
use oracle_tests::ours::Judge;
use oracle_tests::scheduler::{Reasons, reasons};
use oracle_tests::shrink::shrink;
use serde_json::Value;

/// Compares our feasibility with kube-scheduler's own plugins on random clusters, every pod with every node.
#[derive(Parser)]
struct Arguments {
    /// The seed of the first cluster; the others follow it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many clusters
    #[arg(long, default_value_t = 2000)]
    clusters: u64,
    /// On how many of them every field is taken away in turn, to see that it matters
    #[arg(long, default_value_t = 300)]
    coverage: u64,
    /// Print every disagreement on one line, not the smallest cluster alone
    #[arg(long)]
    all: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.clusters);
    let comparison = compare(seeds.clone())?;
    println!(
        "{} clusters, {} pairs of pod and node, {:.1} % pass, {} clusters with disagreements",
        comparison.clusters,
        comparison.pairs,
        comparison.share_passing() * 100.0,
        comparison.failing.len()
    );
    if !comparison.failing.is_empty() {
        if arguments.all {
            print_all(&comparison)?;
        }
        print_failing(&comparison)?;
        return Ok(ExitCode::FAILURE);
    }
    let some = seeds.start..seeds.end.min(seeds.start.saturating_add(arguments.coverage));
    let clusters = some.end - some.start;
    let coverage = measure(&knobs::all(), some, usize::MAX)?;
    print_coverage(&coverage, clusters);
    Ok(ExitCode::SUCCESS)
}

/// The smallest cluster, made smaller still, and the seeds of the others.
fn print_failing(comparison: &Comparison) -> Result<()> {
    let Some((_, seed, disagreements)) = comparison.failing.first() else {
        return Ok(());
    };
    let list = scenario::corners(*seed);
    let folder = PathBuf::from("target/oracle");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let save = |name: String, list: &Value| {
        let file = folder.join(name);
        std::fs::write(&file, format!("{list:#}\n")).with_context(|| format!("writing {}", file.display()))?;
        anyhow::Ok(file)
    };
    println!("the smallest of them, seed {seed}, is in {}:", save(format!("{seed}.json"), &list)?.display());
    let reasons = reasons(&list.to_string())?;
    for one in disagreements {
        println!("  {one}{}", because(&reasons, one));
    }
    if let Some(one) = disagreements.first() {
        let small = shrink(&list, one)?;
        println!(
            "what is left of it when all is taken away that does not matter to the first: {}",
            save(format!("{seed}-small.json"), &small)?.display()
        );
        println!("{small}");
    }
    let others: Vec<String> = comparison.failing.iter().skip(1).take(50).map(|(_, seed, _)| seed.to_string()).collect();
    println!("other seeds: {}", others.join(" "));
    Ok(())
}

fn print_all(comparison: &Comparison) -> Result<()> {
    for (_, seed, disagreements) in &comparison.failing {
        let reasons = reasons(&scenario::corners(*seed).to_string())?;
        for one in disagreements {
            println!("seed {seed}: {one}{}", because(&reasons, one));
        }
    }
    Ok(())
}

/// What the scheduler says, where it refuses.
fn because(reasons: &Reasons, one: &Disagreement) -> String {
    let reason = reasons.get(&one.pod).and_then(|nodes| nodes.get(&one.node));
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn print_coverage(coverage: &[Coverage], clusters: u64) {
    println!(
        "share of {clusters} clusters judged otherwise than by the scheduler, where engine and check do not know:"
    );
    let share = |red: usize| red as f64 * 100.0 / clusters.max(1) as f64;
    let of = |judge: Judge| coverage.iter().filter(move |coverage| coverage.judge == judge);
    for (engine, check) in of(Judge::Engine).zip(of(Judge::Check)) {
        let Coverage { knob, .. } = engine;
        println!("{:6.1} % {:6.1} %  {:22} {}", share(engine.red), share(check.red), knob.filter, knob.field);
    }
}
