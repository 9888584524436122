//! Speed, memory, and how near plans are to the best: `make bench`. Ours as a whole process from a dump, and the filter
//! matrix beside the scheduler's own.
//!
//! `bench TABLE …` prints only these tables. `bench fleet SEED NODES PODS` only writes a fleet's dump to stdout, to try
//! things on. `bench tune-rightsizing` and `bench tune-confidence` look for rightsizing's constants, on July alone.
//! `bench karpenter` is `make bench-karpenter`; with `--again`, without the hour that Karpenter takes. Of
//! `make bench-operator` are `bench operator` (its memory beside a real control plane), `bench recorded` (the same beside
//! larger clusters, played back), `bench drain` (how soon nodes are emptied), and `bench webhook-speed`.

mod affinity;
mod drain;
mod gap;
mod karpenter;
mod matrix;
mod operator;
mod packing;
mod plan;
mod plane;
mod process;
mod provisioning;
mod recorded;
mod replan;
mod rightsizing;
mod simulate;
mod webhook;

use std::path::{Path, PathBuf};

use karpenter::Part;

const TABLES: [&str; 9] =
    ["simulate", "matrix", "gap", "packing", "affinity", "provisioning", "replan", "rightsizing", "rightsizing-speed"];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["fleet", seed, nodes, pods] = arguments.as_slice() {
        let fleet = scenario::fleet(seed.parse()?, nodes.parse()?, pods.parse()?);
        return Ok(fleet.write(std::io::BufWriter::new(std::io::stdout()))?);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    match arguments.as_slice() {
        ["webhook-speed"] => return webhook::run(&binary(root, "target/release/plimsoll")?),
        ["operator"] => return operator::run(&binary(root, "target/release/plimsoll")?),
        ["recorded"] => return recorded::run(&binary(root, "target/release/plimsoll")?),
        ["drain"] => return drain::run(&binary(root, "target/release/plimsoll")?, &root.join("target/drain.log")),
        ["karpenter"] => return karpenter::run(root, &binary(root, "target/release/plimsoll")?, Part::Both),
        ["karpenter", "--again"] => {
            return karpenter::run(root, &binary(root, "target/release/plimsoll")?, Part::OursAgain);
        }
        _ => {}
    }
    let data = std::env::var_os("PLIMSOLL_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    if let ["tune-rightsizing", rest @ ..] = arguments.as_slice() {
        return rightsizing::tune(&data, rest);
    }
    if arguments == ["tune-confidence"] {
        return rightsizing::tune_confidence(&data);
    }
    let unknown = arguments.iter().find(|name| !TABLES.contains(name));
    anyhow::ensure!(
        unknown.is_none(),
        "hint: bench [{} …] or bench fleet SEED NODES PODS or bench karpenter [--again] or bench \
         operator|recorded|drain|webhook-speed",
        TABLES.join("|")
    );
    let plimsoll = || binary(root, "target/release/plimsoll");
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    for table in TABLES.into_iter().filter(|table| arguments.is_empty() || arguments.contains(table)) {
        match table {
            "simulate" => simulate::run(&plimsoll()?, folder)?,
            "matrix" => matrix::run(&binary(root, "tests/controlplane/bin/oracle")?, folder)?,
            "gap" => gap::run(&plimsoll()?, folder)?,
            "packing" => packing::run(&plimsoll()?, folder)?,
            "affinity" => affinity::run(&plimsoll()?, folder, &data)?,
            "provisioning" => provisioning::run(&binary(root, "target/karpenter-scheduling")?)?,
            "rightsizing-speed" => rightsizing::speed(),
            "rightsizing" => rightsizing::run(&data, &binary(root, "target/vpa-recommender")?)?,
            _ => replan::run(folder)?,
        }
    }
    Ok(())
}

fn binary(root: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let path = root.join(path);
    anyhow::ensure!(path.exists(), "{} is missing; hint: run `make bench`, which builds it", path.display());
    Ok(path)
}
