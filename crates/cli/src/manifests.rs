//! Resources in files, in folders, and on stdin.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use crds::{LARGEST_FILE_BYTES, ReadError};
use serde_json::Value;

use crate::failure::Failure;

/// What a file holds, or why it cannot be read as resources.
pub type Documents = (String, Result<Vec<Value>, ReadError>);

/// Every file that is named or lies in a folder that is, those in order of name. A folder's other files are passed over.
pub fn all(paths: &[PathBuf]) -> Result<Vec<Documents>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            collect(path, &mut files)?;
            if files.len() == before {
                return Err(Failure::new(format!("{}: there is no .yaml, .yml or .json in it", path.display())));
            }
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|file| documents(file)).collect()
}

/// What one file holds; `-` is stdin.
pub fn documents(path: &Path) -> Result<Documents, Failure> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "stdin".to_owned() } else { path.display().to_string() };
    let most = LARGEST_FILE_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let read = if is_stdin {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read {name}"))?;
    Ok((name, crds::documents(&bytes)))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut paths: Vec<PathBuf> = entries
        .with_context(|| format!("cannot read the folder {}", folder.display()))?
        .iter()
        .map(fs::DirEntry::path)
        .collect();
    paths.sort();
    for path in paths {
        let is_resource =
            path.extension().is_some_and(|suffix| suffix == "yaml" || suffix == "yml" || suffix == "json");
        // A link to a folder could lead back here.
        if path.is_dir() && !path.is_symlink() {
            collect(&path, files)?;
        } else if is_resource && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}
