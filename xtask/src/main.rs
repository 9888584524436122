//! Checks of the rules between crates: `cargo run -p xtask -- rules`.

mod dependencies;
mod purity;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    match std::env::args().nth(1).as_deref() {
        Some("rules") => report(&[dependencies::broken_rules(root), purity::broken_rules(root)].concat()),
        _ => {
            eprintln!("usage: cargo run -p xtask -- rules");
            ExitCode::from(2)
        }
    }
}

fn report(broken: &[String]) -> ExitCode {
    for rule in broken {
        eprintln!("{rule}");
    }
    if broken.is_empty() {
        println!("rules: every crate depends only on what it may, and model, engine and check do no I/O");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
