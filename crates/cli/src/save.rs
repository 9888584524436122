//! Writing a file whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

/// Writes a file beside its final place and moves it there, so that nobody ever reads half of it.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let name = path.file_name().with_context(|| format!("cannot write {}: not a file name", path.display()))?;
    let mut beside = path.to_owned();
    beside.set_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let written = write_new(&beside, write)
        .and_then(|()| fs::rename(&beside, path).map_err(anyhow::Error::from))
        .with_context(|| format!("cannot write {}", path.display()));
    if written.is_err() {
        // It may never have come to be; the error told is the one above.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let mut writer = io::BufWriter::new(file);
    write(&mut writer)?;
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}
