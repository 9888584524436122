//! A plan from a file or from stdin.

use std::io::Read;
use std::path::{Path, PathBuf};

use crds::{LARGEST_FILE_BYTES, MigrationPlan};
use model::Plan;

use crate::failure::Failure;

/// A plan as it was read.
pub struct PlanFile {
    /// The plan.
    pub plan: Plan,
    /// Somebody has agreed to it.
    pub approved: bool,
}

/// Reads a plan from a file or, as `-`, from stdin.
pub fn read(path: &Path, from: &[PathBuf]) -> Result<PlanFile, Failure> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "the plan on stdin".to_owned() } else { format!("the plan {}", path.display()) };
    if is_stdin && from.iter().any(|from| from == Path::new("-")) {
        return Err(Failure::usage("PLAN and --from cannot both be -"));
    }
    let failed = |error: anyhow::Error| Failure::from(error.context(format!("cannot read {name}")));
    let mut bytes = Vec::new();
    let most = LARGEST_FILE_BYTES as u64 + 1;
    let read = if is_stdin {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|error| failed(error.into()))?;
    let hint = "a plan is made by: plimsoll simulate --save plan.yaml";
    let resource = MigrationPlan::read(&bytes).map_err(|error| failed(error.into()).hint(hint))?;
    let approved = resource.spec.approved;
    let plan = Plan::try_from(resource).map_err(|error| failed(error.into()))?;
    Ok(PlanFile { plan, approved })
}
