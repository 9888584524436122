//! `plimsoll rollback`: takes back what a plan has left on the live cluster.

use ::operator::Outside;

use crate::args::RollbackArgs;
use crate::commands::apply::{connect, failure, runtime};
use crate::commands::operator;
use crate::failure::{Exit, Failure};
use crate::render::text::count;
use crate::{input, talk};

/// Runs it.
pub fn run(args: &RollbackArgs) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        let cluster = connect(&args.live, observe::prices::PriceTable::list()).await?;
        let undone = match &args.plan {
            Some(plan) => act::undo(&cluster, plan).await.map_err(failure)?,
            None => {
                let outside = Outside::connect(&input::live_options(&args.live)).await.map_err(operator::failure)?;
                let namespace = operator::namespace(args.namespace.as_deref());
                // First of all nobody may stand in the way: neither an operator that goes on, nor webhooks without one.
                for done in [outside.stand_aside(&namespace).await, outside.unregister().await] {
                    if let Err(error) = done {
                        talk::note(format!("warning: {error}"));
                    }
                }
                let undone = act::undo_all(&cluster).await.map_err(failure)?;
                for plan in outside.release().await.map_err(operator::failure)? {
                    talk::note(format!("plan {plan} waits for nobody any more"));
                }
                undone
            }
        };
        for node in &undone.uncordoned {
            talk::note(format!("uncordoned {node}"));
        }
        if let Some(problem) = &undone.hints_left {
            talk::note(format!("warning: cannot take back its placement hints: {problem}"));
        }
        let of = args.plan.as_ref().map_or_else(|| "any plan".to_owned(), |plan| format!("plan {plan}"));
        match undone.uncordoned.len() {
            0 => talk::note(format!("no node bears the mark of {of}")),
            nodes => talk::note(format!("{of}: {} uncordoned", count(nodes, "node"))),
        }
        Ok(Exit::Done)
    })
}
