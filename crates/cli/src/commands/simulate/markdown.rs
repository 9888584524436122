//! The plan for a pull request.

use std::io::Write;

use super::overview::waves;
use super::{Simulation, constraints, headline};
use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::findings::{self, dearest, kept_by_reason};
use crate::render::grid::markdown_text;
use crate::render::text::clean;

/// So many findings are enough for a reviewer; the plan itself has all.
const FINDINGS_SHOWN: usize = 20;

/// Writes it.
pub fn write(simulation: &Simulation<'_>, out: &mut Output) -> Result<(), Failure> {
    let plan = simulation.plan;
    writeln!(out, "## {}\n", markdown_text(&plan.name))?;
    writeln!(out, "**{}**\n", markdown_text(&headline::headline(&plan.summary)))?;
    let taken = format!("Planned on {} as of {} ({}).", plan.cluster, plan.taken_at, plan.digest);
    writeln!(
        out,
        "{} {}.",
        markdown_text(&taken),
        markdown_text(&sentence(&headline::price_basis(simulation.prices)))
    )?;
    if let Some(hints) = headline::hints(plan) {
        writeln!(out, "\n{}.", markdown_text(&sentence(&hints)))?;
    }
    if !plan.nodes.remove.is_empty() {
        writeln!(out, "\n### Nodes removed\n")?;
        simulation.removed().write(out, Format::Markdown)?;
    }
    if !plan.migrations.is_empty() {
        writeln!(out, "\n### Waves\n")?;
        waves(simulation).write(out, Format::Markdown)?;
        writeln!(out, "\n<details><summary>Every step</summary>\n")?;
        simulation.migrations().write(out, Format::Markdown)?;
        writeln!(out, "\n</details>")?;
    }
    let kept = kept_by_reason(&plan.findings);
    if kept.len() > 0 {
        writeln!(out, "\n### Nodes kept\n")?;
        kept.write(out, Format::Markdown)?;
    }
    let dearest = dearest(&plan.findings);
    if !dearest.is_empty() {
        writeln!(out, "\n### What keeps it from saving more\n")?;
        findings::grid(dearest.into_iter().take(FINDINGS_SHOWN)).write(out, Format::Markdown)?;
    }
    if !plan.constraints.is_empty() {
        writeln!(out, "\n### What the constraints cost\n")?;
        constraints::grid(&plan.constraints).write(out, Format::Markdown)?;
        let commands: Vec<String> = plan.constraints.iter().filter_map(constraints::command).collect();
        if !commands.is_empty() {
            writeln!(out, "\nThe changes for kubectl, to review:\n")?;
            commands.iter().try_for_each(|command| writeln!(out, "    {}", clean(command)))?;
        }
    }
    Ok(())
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
