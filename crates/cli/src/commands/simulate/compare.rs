//! `simulate --compare`: the plans of several strategies, a row for each.

use std::io::Write;

use crds::migration_plan::Summary;
use model::Plan;
use serde::Serialize;

use super::headline;
use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::document;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::money;
use crate::render::text::grouped;

/// A strategy's plan.
#[derive(Serialize)]
struct Row {
    strategy: &'static str,
    summary: Summary,
}

/// Writes the comparison of these plans, in their order.
pub fn write(plans: &[(&'static str, Plan)], out: &mut Output, format: Format) -> Result<(), Failure> {
    let row = |(strategy, plan): &(&'static str, Plan)| Row { strategy, summary: Summary::from(&plan.summary) };
    match format {
        Format::Json => document::json(out, &plans.iter().map(row).collect::<Vec<Row>>()),
        Format::Yaml => document::yaml(out, &plans.iter().map(row).collect::<Vec<Row>>()),
        Format::Table | Format::Wide => {
            if let Some((_, plan)) = plans.first() {
                let now = money::hour(plan.summary.usd_per_hour_before);
                writeln!(out, "{now} an hour now, with {} nodes", grouped(plan.summary.nodes_before as i128))?;
                if let Some(bound) = plan.summary.usd_per_hour_lower_bound {
                    let may_buy = plan.bound.as_ref().is_some_and(|bound| !bound.offers.is_empty());
                    writeln!(out, "{}", headline::proven(bound, may_buy))?;
                }
                writeln!(out)?;
            }
            grid(plans).write(out, format)
        }
        Format::Csv | Format::Markdown | Format::Name => grid(plans).write(out, format),
    }
}

fn grid(plans: &[(&'static str, Plan)]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("STRATEGY"),
        Column::numbers("$/HOUR AFTER"),
        Column::numbers("SAVED $/MONTH"),
        Column::numbers("GAP"),
        Column::numbers("NODES"),
        Column::numbers("MOVES"),
        Column::numbers("WAVES"),
        Column::numbers("MINUTES"),
    ]);
    for (strategy, plan) in plans {
        let summary = &plan.summary;
        let gap = summary.gap().map(|gap| Cell::number(format!("{:.1} %", gap * 100.0), gap.to_string()));
        grid.row(vec![
            (*strategy).to_owned().into(),
            Cell::hour(Some(summary.usd_per_hour_after)),
            Cell::month(Some(summary.saved())),
            gap.unwrap_or_else(Cell::unknown),
            summary.nodes_after.to_string().into(),
            summary.migrations.to_string().into(),
            summary.waves.to_string().into(),
            summary.minutes_expected.to_string().into(),
        ]);
    }
    grid
}
