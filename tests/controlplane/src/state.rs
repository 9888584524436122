//! The folder where a control plane keeps everything, and its removal.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Error;

/// A temporary folder that goes when this value does, or when this process dies in whatever way.
#[derive(Debug)]
pub(crate) struct State {
    folder: PathBuf,
    remover: Child,
}

impl State {
    pub(crate) fn new() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("controlplane-")
            .tempdir()
            .map_err(|source| Error::preparing("making a temporary folder", source))?;
        let remover = spawn_remover(folder.path())
            .map_err(|source| Error::preparing("starting the remover of the temporary folder", source))?;
        Ok(Self { folder: folder.keep(), remover })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf, Error> {
        let path = self.path(name);
        std::fs::write(&path, content).map_err(|source| Error::preparing(format!("writing {name}"), source))?;
        Ok(path)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // The end of its input is the remover's signal.
        drop(self.remover.stdin.take());
        // There is nobody left to tell.
        let _ = self.remover.wait();
    }
}

/// Starts a process that waits for the end of its input and then removes the folder. A killed test cannot clean up after
/// itself, but its end of the pipe closes all the same.
fn spawn_remover(folder: &Path) -> io::Result<Child> {
    Command::new("sh")
        // The second try is for files that a server wrote while it was being killed.
        .args(["-c", r#"cat; rm -rf "$1" || { sleep 1; rm -rf "$1"; }"#, "sh"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A Ctrl-C at the terminal is for the test alone.
        .process_group(0)
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_its_value() {
        let state = State::new().expect("a folder");
        let file = state.write("file", "content").expect("a file");
        assert!(file.exists());
        let folder = state.folder().to_owned();
        drop(state);
        assert!(!folder.exists());
    }
}
