//! Runs the built command.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run came to.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The small cluster.
pub fn small() -> String {
    fixture("small.json").display().to_string()
}

/// Runs with these arguments, split at blanks.
pub fn plimsoll(arguments: &str) -> Run {
    run(&arguments.split_whitespace().collect::<Vec<_>>(), "")
}

/// Runs with these arguments on the small cluster.
pub fn on_small(arguments: &str) -> Run {
    plimsoll(&format!("{arguments} --from {}", small()))
}

/// Runs with these arguments and this on stdin. No cluster of whoever runs the tests is ever reached.
pub fn run(arguments: &[&str], stdin: &str) -> Run {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command is built");
    let mut input = child.stdin.take().expect("stdin is piped");
    // A command that does not read its stdin may be gone by now.
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("the command ends");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

/// The command, not yet run.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command
        .args(arguments)
        .env("KUBECONFIG", "/nonexistent/kubeconfig")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .env("HOME", "/nonexistent");
    command
}
