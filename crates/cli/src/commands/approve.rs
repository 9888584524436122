//! `plimsoll approve`: agrees to a plan that waits.

use ::operator::Outside;

use crate::args::ApproveArgs;
use crate::commands::{apply, operator};
use crate::failure::{Exit, Failure};
use crate::{input, talk};

/// Runs it.
pub fn run(args: &ApproveArgs) -> Result<Exit, Failure> {
    apply::runtime()?.block_on(async {
        let outside = Outside::connect(&input::live_options(&args.live)).await.map_err(operator::failure)?;
        let by = outside.approve(&args.plan).await.map_err(operator::failure)?;
        talk::note(format!("plan {} is approved by {by}; plimsoll status --watch shows how far it comes", args.plan));
        Ok(Exit::Done)
    })
}
