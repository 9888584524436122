//! Dumps to snapshots: the entry points for files, bytes and values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::snapshot::NodePool;
use model::{Finding, Name, Snapshot};

use crate::assemble::assemble;
use crate::collect::Collected;
use crate::input::json::Sink;
use crate::input::pipeline::collect;
use crate::input::{Limits, ReadError, files};
use crate::object::Keep;

/// How dumps are read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The cluster's name where the input does not say it; the first path's file name by default.
    pub cluster: Option<String>,
    /// Bounds on the input.
    pub limits: Limits,
}

/// Reads files and folders with any of JSON, YAML, gzip and zstd; `-` is stdin.
pub fn read_paths(paths: &[PathBuf], options: &ReadOptions) -> Result<Snapshot, ReadError> {
    let collected = collect_paths(paths, options, Keep::Model)?;
    Ok(assemble(collected, &cluster_name(paths, options)))
}

/// Reads the Karpenter NodePools of a file, which need hold nothing else; and what of it could not be read.
pub fn read_node_pools(path: &Path) -> Result<(BTreeMap<Name, NodePool>, Vec<Finding>), ReadError> {
    let (paths, limits) = ([path.to_owned()], Limits::default());
    let collected = collect(Keep::Model, &limits, |feeder| files::feed_paths(&paths, &limits, feeder))?;
    let snapshot = assemble(collected, "");
    Ok((snapshot.node_pools, snapshot.findings))
}

/// Reads one dump from memory, as [`read_paths`] reads a file of this content.
pub fn read_bytes(cluster: &str, bytes: &[u8]) -> Result<Snapshot, ReadError> {
    let limits = Limits::default();
    let collected = collect(Keep::Model, &limits, |feeder| {
        files::feed(Box::new(bytes), cluster, &limits, &mut limits.total_bytes.clone(), feeder)
    })?;
    check_usable(&collected, cluster)?;
    Ok(assemble(collected, cluster))
}

/// Makes a snapshot of objects that were made here, such as generated clusters. Lists among them are taken apart.
pub fn read_values(
    cluster: &str,
    values: impl Iterator<Item = serde_json::Value> + Send,
) -> Result<Snapshot, ReadError> {
    let limits = Limits::default();
    let collected = collect(Keep::Model, &limits, |feeder| {
        feeder.begin_input(cluster);
        for value in values {
            if value.get("items").is_some_and(serde_json::Value::is_array) {
                let mut cutter = crate::input::json::Cutter::new(cluster, &limits);
                cutter.push(value.to_string().as_bytes(), feeder)?;
                cutter.finish()?;
            } else {
                feeder.object(value.to_string().into_bytes(), &Default::default())?;
            }
        }
        Ok(())
    })?;
    Ok(assemble(collected, cluster))
}

pub(crate) fn collect_paths(paths: &[PathBuf], options: &ReadOptions, keep: Keep) -> Result<Collected, ReadError> {
    let collected = collect(keep, &options.limits, |feeder| files::feed_paths(paths, &options.limits, feeder))?;
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    check_usable(&collected, &shown.join(", "))?;
    Ok(collected)
}

pub(crate) fn cluster_name(paths: &[PathBuf], options: &ReadOptions) -> String {
    if let Some(cluster) = &options.cluster {
        return cluster.clone();
    }
    let first = paths.first().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let name = first.unwrap_or_default();
    let stem = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let stem = [".json", ".yaml", ".yml"].iter().find_map(|suffix| stem.strip_suffix(suffix)).unwrap_or(stem);
    if stem == "-" { "stdin".to_owned() } else { stem.to_owned() }
}

/// Half an answer is worse than none: something to plan on must have been there, if only broken.
fn check_usable(collected: &Collected, inputs: &str) -> Result<(), ReadError> {
    if !collected.nodes.is_empty() || !collected.pods.is_empty() {
        return Ok(());
    }
    let broken = collected.notes.first();
    let others = match broken {
        Some(note) => format!(
            "{} could not be read, the first at {}: {}",
            objects(collected.notes.len() as u64),
            note.source,
            note.message
        ),
        None => {
            let kept: usize = collected.counts.values().sum();
            format!("{} of other kinds", objects(kept as u64 + collected.not_used + collected.not_kubernetes))
        }
    };
    Err(ReadError::NothingUsable { inputs: inputs.to_owned(), others })
}

fn objects(count: u64) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}
