//! The command line: arguments to ready objects, ready objects to the crates that know, answers to text.

mod args;
mod commands;
mod failure;
mod input;
mod manifests;
mod output;
mod plan_file;
mod profile;
mod render;
mod save;
mod scope;
mod talk;
mod telemetry;
mod usage;
mod what_if;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::Cli;
use failure::Exit;
use output::Output;

/// Runs the command under the name that users call it by.
pub fn run(called_as: &'static str) -> ExitCode {
    let matches = Cli::command().bin_name(called_as).get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let mut output = Output::stdout();
    let done = commands::run(cli, &mut output).and_then(|exit| {
        output.flush()?;
        Ok(exit)
    });
    let exit = match done {
        Ok(exit) => exit,
        // Whoever read us has seen enough, as `head` does.
        Err(failure) if failure.is_broken_pipe() => Exit::Done,
        Err(failure) => {
            failure.print();
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}
