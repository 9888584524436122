//! `plimsoll rollback`: takes back what a plan has left on the live cluster.

use crate::args::RollbackArgs;
use crate::commands::apply::{connect, failure, runtime};
use crate::failure::{Exit, Failure};
use crate::render::text::count;
use crate::talk;

/// Runs it.
pub fn run(args: &RollbackArgs) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        let cluster = connect(&args.live, observe::prices::PriceTable::list()).await?;
        let undone = act::undo(&cluster, &args.plan).await.map_err(failure)?;
        for node in &undone.uncordoned {
            talk::note(format!("uncordoned {node}"));
        }
        if let Some(problem) = &undone.hints_left {
            talk::note(format!("warning: cannot take back its placement hints: {problem}"));
        }
        match undone.uncordoned.len() {
            0 => talk::note(format!("no node bears the mark of plan {}", args.plan)),
            nodes => talk::note(format!("plan {}: {} uncordoned", args.plan, count(nodes, "node"))),
        }
        Ok(Exit::Done)
    })
}
