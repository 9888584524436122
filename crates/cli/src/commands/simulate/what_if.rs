//! `simulate --what-if`: what plans would come to if something were otherwise, a row for each scenario beside today's.

use std::io::Write;

use crds::migration_plan::Summary;
use engine::Strategy;
use engine::what_if::{Outcome, Premise, World, outcome};
use model::{Policy, Snapshot, UsdPerHour};
use observe::prices::PriceTable;
use serde::Serialize;

use crate::args::{Capacity, Format};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::document;
use crate::render::grid::{Cell, Column, Grid};
use crate::talk;
use crate::what_if::{Scenario, Term, node_pools, requests};

/// What all scenarios share.
pub struct Today<'a> {
    /// The cluster.
    pub snapshot: &'a Snapshot,
    /// The prices known.
    pub table: &'a PriceTable,
    /// What may be bought.
    pub capacity: Capacity,
    /// What a plan may do.
    pub policy: &'a Policy,
    /// How it is searched for.
    pub strategy: &'static dyn Strategy,
}

/// One row: a scenario, what comes of it, and what is not so yet.
pub struct Row {
    scenario: String,
    outcome: Outcome,
    not_yet: Vec<String>,
    /// What to give `simulate` so that the plan is the one executed.
    flags: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    scenario: &'a str,
    executable: bool,
    /// What is not so yet.
    not_yet: &'a [String],
    pods_without_room: usize,
    nodes_bought: usize,
    summary: Summary,
}

/// A scenario made so.
struct Made {
    scenario: String,
    world: World,
    not_yet: Vec<String>,
    flags: Vec<String>,
}

/// Today's row, then one for each scenario.
pub fn rows(today: &Today<'_>, scenarios: &[Scenario]) -> Result<Vec<Row>, Failure> {
    let now = Scenario { name: "today".to_owned(), terms: Vec::new() };
    let made = [&now].into_iter().chain(scenarios).map(|scenario| make(today, scenario));
    // All of them before the first is planned: who mistyped the last need not wait.
    let made = made.collect::<Result<Vec<Made>, Failure>>()?;
    let row = |made: Made| {
        let outcome = talk::while_doing("planning", || outcome(&made.world, today.snapshot, today.strategy));
        Row { scenario: made.scenario, outcome, not_yet: made.not_yet, flags: made.flags }
    };
    Ok(made.into_iter().map(row).collect())
}

fn make(today: &Today<'_>, scenario: &Scenario) -> Result<Made, Failure> {
    let mut snapshot = today.snapshot.clone();
    let mut table = today.table.clone();
    let (mut premises, mut not_yet, mut flags): (Vec<Premise>, Vec<String>, Vec<String>) = Default::default();
    for term in &scenario.terms {
        match term {
            Term::Prices(path) => {
                table = input::with_prices(table, path)?;
                flags.push(format!("--prices {}", path.display()));
            }
            Term::NodePools(path) => {
                if today.capacity == Capacity::Existing {
                    let failure = Failure::usage(format!("{}: a node pool is there to buy from", scenario.name));
                    return Err(failure.hint("add --capacity any"));
                }
                for (name, pool) in node_pools(path)? {
                    if snapshot.node_pools.get(&name) != Some(&pool) {
                        not_yet.push(format!("node pool {name} is not so yet"));
                    }
                    snapshot.node_pools.insert(name, pool);
                }
            }
            Term::Requests(path) => premises.push(Premise::Requests(requests(path)?)),
            Term::Premise(premise) => premises.push(premise.clone()),
        }
    }
    let pricing = |snapshot: &Snapshot| input::priced(snapshot, &table, today.capacity);
    for premise in &premises {
        not_yet.extend(premise.apply(&mut snapshot, &pricing).map_err(|error| {
            let failure = Failure::usage(format!("--what-if {}: {error}", scenario.name));
            error.remedy.into_iter().fold(failure, Failure::hint)
        })?);
    }
    let mut prices = pricing(&snapshot);
    prices.offers.retain(|offer| premises.iter().all(|premise| premise.allows(offer)));
    let world = World { snapshot, prices, policy: today.policy.clone() };
    Ok(Made { scenario: scenario.name.clone(), world, not_yet, flags })
}

/// Writes them.
pub fn write(rows: &[Row], capacity: Capacity, out: &mut Output, format: Format) -> Result<Exit, Failure> {
    match format {
        Format::Json => document::json(out, &rows.iter().map(document_of).collect::<Vec<_>>())?,
        Format::Yaml => document::yaml(out, &rows.iter().map(document_of).collect::<Vec<_>>())?,
        _ => grid(rows).write(out, format)?,
    }
    if matches!(format, Format::Table | Format::Wide) {
        writeln!(
            out,
            "\nWhat is not executable rests on something that is not so yet; nothing here touches the cluster."
        )?;
        let is_short = rows.iter().any(|row| row.outcome.without_room > 0);
        if is_short && capacity == Capacity::Existing {
            talk::note("hint: --capacity any buys nodes for pods without room, where the node pools may");
        }
    }
    Ok(Exit::Done)
}

fn grid(rows: &[Row]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("SCENARIO"),
        Column::numbers("$/HOUR NOW"),
        Column::numbers("$/HOUR AFTER"),
        Column::numbers("SAVED $/MONTH"),
        Column::numbers("GAP"),
        Column::numbers("NODES"),
        Column::numbers("BOUGHT"),
        Column::numbers("MOVES"),
        Column::numbers("WITHOUT ROOM"),
        Column::words("EXECUTABLE"),
    ]);
    for row in rows {
        let summary = &row.outcome.summary;
        let known = |amount: UsdPerHour| Cell::hour((summary.nodes_unpriced < summary.nodes_before).then_some(amount));
        let gap = summary.gap().map(|gap| Cell::number(format!("{:.1} %", gap * 100.0), gap.to_string()));
        grid.row(vec![
            row.scenario.clone().into(),
            known(summary.usd_per_hour_before),
            known(summary.usd_per_hour_after),
            Cell::month((summary.nodes_unpriced < summary.nodes_before).then(|| summary.saved())),
            gap.unwrap_or_else(Cell::unknown),
            summary.nodes_after.to_string().into(),
            row.outcome.bought.to_string().into(),
            summary.migrations.to_string().into(),
            row.outcome.without_room.to_string().into(),
            executable(row).into(),
        ]);
    }
    grid
}

fn executable(row: &Row) -> String {
    match (row.not_yet.as_slice(), row.flags.as_slice()) {
        ([], []) => "yes".to_owned(),
        ([], flags) => format!("yes, with {}", flags.join(" ")),
        (not_yet, _) => format!("no: {}", not_yet.join("; ")),
    }
}

fn document_of(row: &Row) -> Document<'_> {
    Document {
        scenario: &row.scenario,
        executable: row.not_yet.is_empty(),
        not_yet: &row.not_yet,
        pods_without_room: row.outcome.without_room,
        nodes_bought: row.outcome.bought,
        summary: Summary::from(&row.outcome.summary),
    }
}
