//! The processes of a control plane: started, watched and stopped by their own ids.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::Error;

/// Running programs. Dropping it ends them, the last started first, and waits until each is gone.
#[derive(Debug)]
pub(crate) struct Processes {
    running: Vec<Process>,
    starter: Starter,
}

#[derive(Debug)]
struct Process {
    program: String,
    child: Child,
    log: PathBuf,
}

impl Processes {
    pub(crate) fn new() -> Self {
        Self { running: Vec::new(), starter: Starter::new() }
    }

    /// Starts a program of build.sh with its output in a log of its name in `folder`.
    pub(crate) fn start(
        &mut self,
        program: &str,
        folder: &Path,
        arguments: Vec<String>,
        environment: &[(&str, &str)],
    ) -> Result<(), Error> {
        let binary = binary(program)?;
        let log = folder.join(format!("{program}.log"));
        let child = open_log(&log)
            .and_then(|(stdout, stderr)| {
                // The kernel kills the program when its parent dies without having cleaned up. A signal that can be
                // ignored would not do, and its state goes with it, so it needs no time to save anything.
                let mut command = Command::new("setpriv");
                command
                    .args(["--pdeathsig", "KILL", "--"])
                    .arg(binary)
                    .args(arguments)
                    .envs(environment.iter().copied())
                    .current_dir(folder)
                    .stdin(Stdio::null())
                    .stdout(stdout)
                    .stderr(stderr)
                    .process_group(0);
                self.starter.start(command)
            })
            .map_err(|source| Error::preparing(format!("starting {program} with setpriv"), source))?;
        self.running.push(Process { program: program.to_owned(), child, log });
        Ok(())
    }

    /// Fails when one of the programs has ended by itself.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        for process in &mut self.running {
            let ended = process
                .child
                .try_wait()
                .map_err(|source| Error::preparing(format!("looking after {}", process.program), source))?;
            if ended.is_some() {
                return Err(Error::Died { program: process.program.clone(), log: end_of(&process.log) });
            }
        }
        Ok(())
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        self.running.iter().map(|process| process.child.id()).collect()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for process in self.running.iter_mut().rev() {
            // Both fail only for a process that is gone already.
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

/// The path of a program that build.sh has made.
pub(crate) fn binary(program: &str) -> Result<PathBuf, Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("bin").join(program);
    if path.exists() {
        return Ok(path);
    }
    Err(Error::NotBuilt { program: program.to_owned() })
}

/// A thread that starts processes and lives as long as they may.
///
/// The kernel takes the thread that started a process for its parent, and a test's thread ends before the control plane
/// does when tests share one.
#[derive(Debug)]
struct Starter {
    requests: mpsc::Sender<(Command, mpsc::Sender<io::Result<Child>>)>,
}

impl Starter {
    fn new() -> Self {
        let (requests, received) = mpsc::channel::<(Command, mpsc::Sender<io::Result<Child>>)>();
        // It ends when the other end of the channel goes, after the last process.
        thread::spawn(move || {
            for (mut command, reply) in received {
                // Who does not wait for the answer any more does not want it.
                let _ = reply.send(command.spawn());
            }
        });
        Self { requests }
    }

    fn start(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = mpsc::channel();
        let gone = || io::Error::other("the thread that starts processes is gone");
        self.requests.send((command, reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

fn open_log(path: &Path) -> io::Result<(File, File)> {
    let file = File::create(path)?;
    Ok((file.try_clone()?, file))
}

/// The last lines of a log: the reason why a program ended is among them.
fn end_of(log: &Path) -> String {
    const LINES: usize = 20;
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
