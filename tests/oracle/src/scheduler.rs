//! The scheduler's own code, in a process beside us: one cluster a line in, one answer a line out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

/// For each `namespace/pod` the nodes that take it, in order.
pub type Answer = BTreeMap<String, Vec<String>>;

/// For each `namespace/pod` the nodes that refuse it, and why.
pub type Reasons = BTreeMap<String, BTreeMap<String, String>>;

/// A running oracle.
pub struct Scheduler {
    process: Child,
    questions: Option<BufWriter<ChildStdin>>,
    answers: BufReader<ChildStdout>,
}

impl Scheduler {
    /// Starts it with these arguments, such as `fit`.
    pub fn start(arguments: &[&str]) -> Result<Scheduler> {
        let program = program();
        if !program.exists() {
            bail!("no program {}; hint: tests/controlplane/build.sh oracle", program.display());
        }
        let mut process = Command::new(&program)
            .args(arguments)
            // We ask one question at a time, so more threads would only wait.
            .env("GOMAXPROCS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let questions = process.stdin.take().map(BufWriter::new);
        let answers = BufReader::new(process.stdout.take().context("the oracle has no output")?);
        Ok(Scheduler { process, questions, answers })
    }

    /// Sends one line and reads the line that answers it.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        let questions = self.questions.as_mut().context("the oracle takes no more questions")?;
        questions.write_all(line.as_bytes())?;
        questions.write_all(b"\n")?;
        questions.flush().context("asking the oracle")?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            bail!("the oracle gave no answer");
        }
        Ok(answer)
    }

    /// Which nodes take which pods of this List.
    pub fn fit(&mut self, list: &str) -> Result<Answer> {
        Ok(serde_json::from_str(&self.ask(list)?)?)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // At the end of its input it ends by itself.
        drop(self.questions.take());
        let _ = self.process.wait();
    }
}

/// Why nodes refuse pods.
pub fn reasons(list: &str) -> Result<Reasons> {
    Ok(serde_json::from_str(&Scheduler::start(&["fit", "-why"])?.ask(list)?)?)
}

/// Where `tests/controlplane/build.sh` puts it.
fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../controlplane/bin/oracle")
}
