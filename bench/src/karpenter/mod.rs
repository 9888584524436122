//! Beside a real Karpenter: `make bench-karpenter`. A cluster by seed is bought by Karpenter for busy hours, scaled down,
//! dumped, and left to Karpenter until ten minutes pass without a saving. Then ours, on the dump.
//!
//! Everything is kept in target/karpenter, and `bench karpenter --again` only repeats our part.

mod catalog;
mod cluster;
mod follow;
mod ours;
mod workloads;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

use catalog::Catalog;
use cluster::Cluster;
use follow::Followed;

/// Whether Karpenter's part is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Both,
    OursAgain,
}

pub fn run(root: &Path, plimsoll: &Path, part: Part) -> anyhow::Result<()> {
    let folder = root.join("target/karpenter");
    std::fs::create_dir_all(&folder)?;
    let (dump, prices) = (folder.join("cluster.json"), folder.join("prices.csv"));
    let figures = folder.join("karpenter.json");
    if part == Part::Both {
        let kubectl = root.join("tests/controlplane/bin/kubectl");
        let module = catalog::module(root)?;
        let catalog = Catalog::read(&module)?;
        std::fs::write(&prices, catalog.prices())?;
        let mut cluster = Cluster::start(&module, &catalog)?;
        cluster.fragment(&workloads::all())?;
        save(plimsoll, &cluster, &dump)?;
        let followed = follow::follow(&mut cluster, &catalog, &kubectl)?;
        std::fs::write(&figures, serde_json::to_vec_pretty(&followed)?)?;
    }
    let hint = || format!("{}; hint: `make bench-karpenter` writes it, in an hour", figures.display());
    let followed: Followed = serde_json::from_slice(&std::fs::read(&figures).with_context(hint)?)?;
    print_over_time(&followed);
    ours::compare(&ours::Files { plimsoll, dump: &dump, prices: &prices }, &followed)
}

fn save(plimsoll: &Path, cluster: &Cluster, dump: &Path) -> anyhow::Result<()> {
    let status = Command::new(plimsoll)
        .args(["snapshot", "--save"])
        .arg(dump)
        .arg("--kubeconfig")
        .arg(cluster.plane.kubeconfig())
        .stdout(Stdio::null())
        .status()?;
    anyhow::ensure!(status.success(), "plimsoll snapshot: {status}");
    Ok(())
}

fn print_over_time(followed: &Followed) {
    let end = if followed.is_still { "ten minutes passed without a saving" } else { "it was stopped" };
    println!("a cluster by seed, scaled down and left to Karpenter until {end}");
    let dollars: Vec<String> =
        followed.usd_per_hour_each_minute.iter().step_by(5).map(|usd| format!("{usd:.2}")).collect();
    println!("$/h with Karpenter, every five minutes: {}", dollars.join(", "));
    println!();
}
