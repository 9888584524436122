//! `plimsoll history`: plans that have come to an end, and what each saved.

use std::io::Write;

use ::operator::Outside;

use crate::args::{Format, HistoryArgs};
use crate::commands::status::{Document, Plan, dollars, plans};
use crate::commands::{apply, operator};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::document;

/// Runs it.
pub fn run(args: &HistoryArgs, out: &mut Output) -> Result<Exit, Failure> {
    let seen = apply::runtime()?.block_on(async {
        let outside = Outside::connect(&input::live_options(&args.live)).await.map_err(operator::failure)?;
        let resources = outside.all().await.map_err(operator::failure)?;
        Ok::<Document, Failure>(Document::of(&resources))
    })?;
    let mut over: Vec<&Plan> = seen.plans.iter().filter(|plan| Document::is_over(plan)).collect();
    over.sort_by(|a, b| b.finished_at.cmp(&a.finished_at));
    match args.output {
        Format::Json => document::json(out, &over)?,
        Format::Yaml => document::yaml(out, &over)?,
        _ if over.is_empty() => writeln!(out, "no plan has come to its end yet")?,
        format => {
            plans(&over).write(out, format)?;
            writeln!(out, "\nsaved: {} a month", dollars(Some(seen.usd_per_month_saved)))?;
        }
    }
    Ok(Exit::Done)
}
