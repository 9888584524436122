//! The plan for people at a terminal: the headline, the picture, what goes, when, and what keeps it from saving more.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use model::{Finding, Risk};

use super::{Simulation, constraints, headline, utilisation};
use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::findings::{self, dearest, kept_by_reason};
use crate::render::grid::{Column, Grid};
use crate::render::text::{clean, count};

/// So many rows of each table, unless wide.
const SHOWN: usize = 10;

/// Writes it.
pub fn write(simulation: &Simulation<'_>, out: &mut Output, format: Format) -> Result<(), Failure> {
    let most = if format == Format::Wide { usize::MAX } else { SHOWN };
    let plan = simulation.plan;
    writeln!(out, "{}", headline::headline(&plan.summary))?;
    if let Some(proof) = headline::proof(plan) {
        writeln!(out, "{proof}")?;
    }
    if let Some(hints) = headline::hints(plan) {
        writeln!(out, "{hints}")?;
    }
    writeln!(out, "{}", clean(&headline::price_basis(simulation.prices)))?;
    writeln!(out)?;
    let (before, after) = utilisation::bands(simulation.snapshot, plan);
    for line in utilisation::picture(&before, &after) {
        writeln!(out, "{}", line.trim_end())?;
    }
    if !plan.nodes.add.is_empty() {
        writeln!(out)?;
        let added = simulation.added();
        added.first(most).write(out, format)?;
        more(out, added.len(), most, "kind of node")?;
    }
    if !plan.nodes.remove.is_empty() {
        writeln!(out)?;
        let removed = simulation.removed();
        removed.first(most).write(out, format)?;
        more(out, removed.len(), most, "node")?;
    }
    if !plan.migrations.is_empty() {
        writeln!(out)?;
        let waves = waves(simulation);
        waves.first(most).write(out, format)?;
        more(out, waves.len(), most, "wave")?;
        if format == Format::Wide {
            writeln!(out)?;
            simulation.migrations().write(out, format)?;
        }
    }
    kept(&plan.findings, out, format)?;
    let dearest = dearest(&plan.findings);
    if !dearest.is_empty() {
        writeln!(out, "\nWhat keeps it from saving more, by dollars:")?;
        findings::grid(dearest.iter().take(most).copied()).write(out, format)?;
        more(out, dearest.len(), most, "reason")?;
    }
    if !plan.constraints.is_empty() {
        writeln!(out, "\n{}", constraints::HEADING)?;
        let costs = constraints::grid(&plan.constraints);
        costs.first(most).write(out, format)?;
        more(out, costs.len(), most, "constraint")?;
    }
    Ok(())
}

/// Why nodes stay, a line for each kind of reason.
fn kept(findings: &[Finding], out: &mut Output, format: Format) -> Result<(), Failure> {
    let grid = kept_by_reason(findings);
    if grid.len() > 0 {
        writeln!(out)?;
        grid.write(out, format)?;
    }
    Ok(())
}

fn more(out: &mut Output, all: usize, shown: usize, noun: &str) -> Result<(), Failure> {
    if all > shown {
        writeln!(out, "… and {}; -o wide shows all", count(all - shown, &format!("more {noun}")))?;
    }
    Ok(())
}

/// A row for each wave.
pub(super) fn waves(simulation: &Simulation<'_>) -> Grid {
    #[derive(Default)]
    struct Wave<'a> {
        pods: usize,
        from: BTreeSet<&'a str>,
        to: BTreeSet<&'a str>,
        workloads: BTreeSet<&'a model::WorkloadRef>,
        risks: [usize; 3],
    }
    let mut waves: BTreeMap<u32, Wave<'_>> = BTreeMap::new();
    for step in &simulation.plan.migrations {
        let wave = waves.entry(step.wave).or_default();
        wave.pods += 1;
        wave.from.insert(&step.from_node);
        wave.to.insert(&step.to_node);
        wave.workloads.insert(&step.workload);
        wave.risks[match step.risk {
            Risk::Low => 0,
            Risk::Medium => 1,
            Risk::High => 2,
        }] += 1;
    }
    let mut grid = Grid::new(&[
        Column::numbers("WAVE"),
        Column::numbers("PODS"),
        Column::numbers("WORKLOADS"),
        Column::numbers("FROM NODES"),
        Column::numbers("TO NODES"),
        Column::words("RISK"),
    ]);
    for (number, wave) in waves {
        let risks = ["low", "medium", "high"].iter().zip(wave.risks).rev();
        let risks: Vec<String> =
            risks.filter(|(_, pods)| *pods > 0).map(|(name, pods)| format!("{pods} {name}")).collect();
        grid.row(vec![
            number.to_string().into(),
            wave.pods.to_string().into(),
            wave.workloads.len().to_string().into(),
            wave.from.len().to_string().into(),
            wave.to.len().to_string().into(),
            risks.join(", ").into(),
        ]);
    }
    grid
}
