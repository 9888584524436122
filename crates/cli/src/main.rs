//! The command `plimsoll`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run("plimsoll")
}
