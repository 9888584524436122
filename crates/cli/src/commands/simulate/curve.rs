//! `simulate --curve`: savings against moves.

use std::io::Write;

use engine::{CurvePoint, fewest_moves_for};
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::amount::percent;
use crate::render::bar::bar;
use crate::render::document;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::text::grouped;

/// This part of the savings, in percent, is most of it: how few moves does it take?
const MOST_OF_IT: i64 = 80;

/// The curve for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    points: Vec<PointDocument>,
    /// The fewest moves that save 80 % of what all of them save.
    fewest_for_80_percent: Option<PointDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PointDocument {
    moves: usize,
    usd_per_hour_saved: f64,
    usd_per_month_saved: f64,
}

/// Writes the curve.
pub fn write(points: &[CurvePoint], out: &mut Output, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => document::json(out, &document_of(points)),
        Format::Yaml => document::yaml(out, &document_of(points)),
        Format::Csv => grid(points, Picture::Without).write(out, format),
        format => {
            writeln!(out, "{}\n", sentence(points))?;
            grid(points, Picture::With).write(out, format)
        }
    }
}

/// `81 % of the savings for 40 % of the moves: 168 of 420`.
fn sentence(points: &[CurvePoint]) -> String {
    let (Some(most), Some(all)) = (fewest_moves_for(points, MOST_OF_IT), points.last()) else {
        return "there is nothing to save".to_owned();
    };
    if all.saved.nanos() == 0 {
        return "there is nothing to save".to_owned();
    }
    let saved = percent(most.saved.nanos(), all.saved.nanos());
    let moves = percent(most.moves as i64, all.moves as i64);
    let (fewest, most) = (grouped(most.moves as i128), grouped(all.moves as i128));
    format!("{saved} of the savings for {moves} of the moves: {fewest} of {most}")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Picture {
    With,
    Without,
}

fn grid(points: &[CurvePoint], picture: Picture) -> Grid {
    const COLUMNS: usize = 40;
    let mut columns = vec![
        Column::numbers("MOVES"),
        Column::numbers("SAVED $/MONTH"),
        Column::numbers("OF ALL MOVES"),
        Column::numbers("OF ALL SAVINGS"),
    ];
    if picture == Picture::With {
        columns.push(Column::words(""));
    }
    let mut grid = Grid::new(&columns);
    let Some(all) = points.last().copied() else { return grid };
    for point in points {
        let mut row = vec![
            Cell::from(point.moves.to_string()),
            Cell::month(Some(point.saved)),
            Cell::percent(point.moves as i64, all.moves as i64),
            Cell::percent(point.saved.nanos(), all.saved.nanos()),
        ];
        if picture == Picture::With {
            let thousandths = |nanos: i64| usize::try_from(nanos / 1_000_000).unwrap_or(0);
            let bar = bar(thousandths(point.saved.nanos()), thousandths(all.saved.nanos()), COLUMNS);
            row.push(bar.trim_end().to_owned().into());
        }
        grid.row(row);
    }
    grid
}

fn document_of(points: &[CurvePoint]) -> Document {
    let point = |point: &CurvePoint| PointDocument {
        moves: point.moves,
        usd_per_hour_saved: point.saved.dollars(),
        usd_per_month_saved: point.saved.dollars_per_month(),
    };
    Document {
        points: points.iter().map(point).collect(),
        fewest_for_80_percent: fewest_moves_for(points, MOST_OF_IT).as_ref().map(point),
    }
}
