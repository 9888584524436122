//! Speed and memory: `make bench`. Ours as a whole process from a dump, and the filter matrix beside the scheduler's own.

mod matrix;
mod process;
mod simulate;

use std::path::{Path, PathBuf};

fn main() -> anyhow::Result<()> {
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
