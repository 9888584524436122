//! The same command as kubectl runs it: `kubectl optimize`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run("kubectl optimize")
}
