//! A plan as `plimsoll simulate` writes it, and what making it took.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::process::{self, Run};

/// A plan and its run.
pub struct Planned {
    /// What it took, reading the dump and writing the plan included.
    pub run: Run,
    /// Where the plan is.
    pub path: PathBuf,
    summary: Value,
}

impl Planned {
    /// A figure of the plan's summary.
    pub fn figure(&self, name: &str) -> f64 {
        self.summary[name].as_f64().unwrap_or(f64::NAN)
    }
}

/// Runs `simulate` on a dump; the plan is written beside it.
pub fn simulate(plimsoll: &Path, dump: &Path, further: &[&str]) -> anyhow::Result<Planned> {
    let path = dump.with_extension("plan.json");
    let from = dump.to_string_lossy();
    let arguments = [&["simulate", "--from", &from, "-o", "json"], further].concat();
    let run = process::run(plimsoll, &arguments, Stdio::from(File::create(&path)?))?;
    let mut plan: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    Ok(Planned { run, path, summary: plan["spec"]["summary"].take() })
}
