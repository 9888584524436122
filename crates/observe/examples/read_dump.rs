//! Reads dumps and prints what was seen in them: `cargo run --release -p observe --example read_dump -- PATH…`

use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), observe::ReadError> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let started = Instant::now();
    let snapshot = observe::read_paths(&paths, &observe::ReadOptions::default())?;
    println!("cluster {} at {}, {}", snapshot.cluster, snapshot.taken_at, snapshot.digest);
    for (kind, read) in &snapshot.kinds {
        println!("{kind}: {} {:?}", read.objects, read.state);
    }
    println!("{} workloads", snapshot.workloads.len());
    for finding in snapshot.findings.iter().take(40) {
        println!(
            "{:?} {:?} {:?} {} (×{})",
            finding.severity, finding.code, finding.subject, finding.message, finding.count
        );
    }
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    eprintln!("{:.2?}, {peak}", started.elapsed());
    Ok(())
}
