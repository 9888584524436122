//! Runs a command and watches its time and memory.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Wall time.
    pub seconds: f64,
    /// Peak resident memory in MB (10⁶ bytes), as the kernel's VmHWM says; read until the process ends.
    pub megabytes: f64,
}

/// Runs the command with its output sent there.
pub fn run(program: &Path, arguments: &[&str], output: Stdio) -> anyhow::Result<Run> {
    let started = Instant::now();
    let mut child = Command::new(program).args(arguments).stdout(output).stderr(Stdio::null()).spawn()?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut megabytes = 0.0f64;
    loop {
        if let Ok(status) = fs::read_to_string(&status_file) {
            megabytes = megabytes.max(peak(&status));
        }
        if let Some(status) = child.try_wait()? {
            anyhow::ensure!(status.success(), "{} {arguments:?}: {status}", program.display());
            return Ok(Run { seconds: started.elapsed().as_secs_f64(), megabytes });
        }
        // Often enough that little is missed, seldom enough not to matter.
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// The same of a process that runs.
pub fn peak_mb(process: u32) -> Option<f64> {
    Some(peak(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)).filter(|peak| *peak > 0.0)
}

fn peak(status: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) * 1_024.0 / 1e6
}

/// The run with the median time.
pub fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let middle = runs[runs.len() / 2];
    Run { seconds: middle.seconds, megabytes: runs.iter().map(|run| run.megabytes).fold(0.0, f64::max) }
}

/// A process that ends with it.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
