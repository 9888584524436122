//! One file a command.

mod analyze;
mod apply;
mod approve;
mod convert;
mod crds;
mod demo;
mod doctor;
mod explain;
mod fit;
mod history;
mod lint;
mod operator;
mod prices;
mod rightsize;
mod rollback;
mod simulate;
mod snapshot;
mod status;
mod verify;

use crate::args::{Cli, Command};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Runs the command.
pub fn run(cli: Cli, out: &mut Output) -> Result<Exit, Failure> {
    match cli.command {
        Command::Analyze(args) => analyze::run(&args, out),
        Command::Simulate(args) => simulate::run(&args, out),
        Command::Rightsize(args) => rightsize::run(args, out),
        Command::Verify(args) => verify::run(args, out),
        Command::Apply(args) => apply::run(&args, out),
        Command::Rollback(args) => rollback::run(&args),
        Command::Status(args) => status::run(&args, out),
        Command::Approve(args) => approve::run(&args),
        Command::History(args) => history::run(&args, out),
        Command::Operator(args) => operator::run(&args),
        Command::Explain(args) => explain::run(args, out),
        Command::Fit(args) => fit::run(&args, out),
        Command::Doctor(args) => doctor::run(&args, out),
        Command::Snapshot(args) => snapshot::run(&args, out),
        Command::Prices(args) => prices::run(&args, out),
        Command::Lint(args) => lint::run(&args, out),
        Command::Convert(args) => convert::run(&args, out),
        Command::Crds(_) => crds::run(out),
        Command::Demo(args) => demo::run(&args, out),
    }
}
