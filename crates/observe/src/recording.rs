//! A snapshot together with the objects it was made of, cut down to what is used: what `plimsoll snapshot` saves.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use model::snapshot::KindRead;
use model::{ReadState, Snapshot};
use serde::Serialize;
use thiserror::Error;

use crate::assemble::assemble;
use crate::collect::{Collected, PrunedObject};
use crate::input::ReadError;
use crate::input::json::Sink;
use crate::input::pipeline::collect;
use crate::object::Keep;
use crate::read::{ReadOptions, cluster_name, collect_paths};
use crate::wire::info::{KindInfo, Note, SNAPSHOT_INFO, SNAPSHOT_INFO_VERSION, SnapshotInfo};
use crate::wire::values::SortedMap;

/// What was seen, ready to be saved.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What was seen.
    pub snapshot: Snapshot,
    /// Sorted by kind, namespace and name.
    pub(crate) objects: Vec<PrunedObject>,
    /// What was left out.
    pub(crate) notes: Vec<Note>,
}

/// Why a snapshot could not be saved.
#[derive(Debug, Error)]
#[error("cannot save the snapshot to {}", path.display())]
pub struct SaveError {
    /// Where it should have gone.
    pub path: PathBuf,
    /// Why it did not.
    pub source: std::io::Error,
}

/// Reads dumps as [`crate::read_paths`] does, and keeps what a saved snapshot needs.
pub fn record_paths(paths: &[PathBuf], options: &ReadOptions) -> Result<Recording, ReadError> {
    let collected = collect_paths(paths, options, Keep::ModelAndPruned)?;
    Ok(record(collected, &cluster_name(paths, options)))
}

/// Reads a snapshot from memory again, for instance after its names were replaced.
pub(crate) fn record_objects(
    info: &SnapshotInfo,
    objects: impl Iterator<Item = Vec<u8>> + Send,
) -> Result<Recording, ReadError> {
    let info_json = serde_json::to_vec(info).unwrap_or_default();
    let collected = collect(Keep::ModelAndPruned, &Default::default(), |feeder| {
        feeder.begin_input("snapshot");
        let mut all = std::iter::once(info_json).chain(objects);
        all.try_for_each(|object| feeder.object(object, &Default::default()))
    })?;
    Ok(record(collected, &info.cluster))
}

/// Keeps the objects beside the snapshot that they become.
pub(crate) fn record(mut collected: Collected, cluster: &str) -> Recording {
    let mut objects = std::mem::take(&mut collected.pruned);
    objects.sort_by(|a, b| (a.kind, &a.namespace, &a.name).cmp(&(b.kind, &b.namespace, &b.name)));
    let notes = collected.notes.clone();
    Recording { snapshot: assemble(collected, cluster), objects, notes }
}

/// Saves as one `v1` List, an object a line; compressed where the name ends in `.gz` or `.zst`.
pub fn save_snapshot(recording: &Recording, path: &Path) -> Result<(), SaveError> {
    let failed = |source| SaveError { path: path.to_owned(), source };
    // A snapshot that is cut off must never stand under its final name.
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let result = write_file(recording, path, &unfinished).and_then(|()| std::fs::rename(&unfinished, path));
    if result.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&unfinished);
    }
    result.map_err(failed)
}

fn write_file(recording: &Recording, path: &Path, unfinished: &Path) -> std::io::Result<()> {
    /// zstd's own default: a tenth of the size at some 300 MB/s.
    const ZSTD_LEVEL: i32 = 3;
    let file = BufWriter::new(File::create(unfinished)?);
    let file = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
            recording.write(&mut encoder)?;
            encoder.finish()?
        }
        Some("zst") => {
            let mut encoder = zstd::stream::write::Encoder::new(file, ZSTD_LEVEL)?;
            recording.write(&mut encoder)?;
            encoder.finish()?
        }
        _ => {
            let mut file = file;
            recording.write(&mut file)?;
            file
        }
    };
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

impl Recording {
    /// Writes the List that [`save_snapshot`] saves.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"metadata\":{},\"items\":[\n")?;
        self.info().serialize(&mut serde_json::Serializer::new(&mut *out)).map_err(std::io::Error::from)?;
        for object in &self.objects {
            out.write_all(b",\n")?;
            out.write_all(&object.json)?;
        }
        out.write_all(b"\n]}\n")
    }

    pub(crate) fn info(&self) -> SnapshotInfo {
        let kind = |(name, read): (&&'static str, &KindRead)| {
            let (state, missing_right) = match &read.state {
                ReadState::Complete => ("Complete", None),
                ReadState::NotInInput => ("NotInInput", None),
                ReadState::NotServed => ("NotServed", None),
                ReadState::Forbidden(right) => ("Forbidden", Some(right.clone())),
            };
            ((*name).to_owned(), KindInfo { objects: read.objects, state: state.to_owned(), missing_right })
        };
        SnapshotInfo {
            api_version: SNAPSHOT_INFO_VERSION.to_owned(),
            kind: SNAPSHOT_INFO.to_owned(),
            cluster: self.snapshot.cluster.clone(),
            taken_at: Some(self.snapshot.taken_at.to_string()),
            kinds: SortedMap(self.snapshot.kinds.iter().map(kind).collect()),
            notes: self.notes.clone(),
        }
    }
}
