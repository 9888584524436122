//! Speed and memory: `make bench`. Ours as a whole process from a dump, and the filter matrix beside the scheduler's own.
//!
//! `bench fleet SEED NODES PODS` only writes a fleet's dump to stdout, to try things on.

mod matrix;
mod process;
mod simulate;

use std::path::{Path, PathBuf};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, numbers @ ..] = arguments.as_slice() {
        anyhow::ensure!(command == "fleet" && numbers.len() == 3, "hint: bench [fleet SEED NODES PODS]");
        let fleet = scenario::fleet(numbers[0].parse()?, numbers[1].parse()?, numbers[2].parse()?);
        return Ok(fleet.write(std::io::BufWriter::new(std::io::stdout()))?);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf();
    let folder = tempfile::tempdir()?;
    simulate::run(&binary(&root, "target/release/plimsoll")?, folder.path())?;
    matrix::run(&binary(&root, "tests/controlplane/bin/oracle")?, folder.path())
}

fn binary(root: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let path = root.join(path);
    anyhow::ensure!(path.exists(), "{} is missing; hint: run `make bench`, which builds it", path.display());
    Ok(path)
}
