//! The short answer: totals first, then the dearest ten of each, waste, what blocks savings, and what is unknown.

use std::io::Write;

use engine::analyze::Analysis;
use model::{FindingCode, Prices, Snapshot};

use super::breakdown::{self, Shown};
use crate::args::Format;
use crate::commands::simulate::price_basis;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::grid::{Cell, Column, Grid, markdown_text};
use crate::render::text::{clean, count};
use crate::render::{findings, money};

/// So many rows of each table.
const SHOWN: usize = 10;

/// Writes it, as a table or as Markdown.
pub fn write(
    out: &mut Output,
    snapshot: &Snapshot,
    prices: &Prices,
    analysis: &Analysis,
    shown: &Shown<'_>,
    format: Format,
) -> Result<(), Failure> {
    for line in totals(snapshot, analysis) {
        paragraph(out, &line, format)?;
    }
    paragraph(out, &price_basis(prices), format)?;

    section(out, "Nodes, by cost", format)?;
    breakdown::nodes(&shown.nodes).first(SHOWN).write(out, format)?;
    more(out, shown.nodes.len(), "node", "--by node", format)?;

    section(out, "Namespaces, by cost", format)?;
    breakdown::namespaces(&shown.namespaces).first(SHOWN).write(out, format)?;
    more(out, shown.namespaces.len(), "namespace", "--by namespace", format)?;

    section(out, "Workloads, by cost", format)?;
    breakdown::workloads(&shown.workloads).first(SHOWN).write(out, format)?;
    more(out, shown.workloads.len(), "workload", "--by workload", format)?;

    if !analysis.patterns.is_empty() {
        section(out, "Waste, by pattern", format)?;
        patterns(analysis).write(out, format)?;
        section(out, "Waste, the dearest", format)?;
        findings::grid(analysis.waste.iter().take(SHOWN)).write(out, format)?;
        more(out, analysis.waste.len(), "finding", "-o json", format)?;
    }
    let blocked_by = findings::dearest(&analysis.savings_blocked_by);
    if !blocked_by.is_empty() {
        section(out, "What blocks savings, by dollars", format)?;
        findings::grid(blocked_by.iter().take(SHOWN).copied()).write(out, format)?;
        more(out, blocked_by.len(), "reason", "-o json", format)?;
    }
    let unknown = unknown(snapshot, analysis);
    if !unknown.is_empty() {
        section(out, "What is unknown, and what would make it known", format)?;
        for line in unknown {
            let line = if format == Format::Markdown { markdown_text(&line) } else { clean(&line).into_owned() };
            writeln!(out, "- {line}")?;
        }
    }
    Ok(())
}

fn totals(snapshot: &Snapshot, analysis: &Analysis) -> Vec<String> {
    let totals = &analysis.totals;
    let priced = totals.nodes - totals.nodes_unpriced;
    let of = if totals.is_whole() {
        count(totals.nodes, "node")
    } else {
        format!("{priced} of {}; the others have no price", count(totals.nodes, "node"))
    };
    let pods = count(snapshot.pods.iter().filter(|pod| !pod.is_finished()).count(), "pod");
    if priced == 0 {
        let nodes = count(totals.nodes, "node");
        return vec![format!("{}: what {nodes} cost is unknown, no price is known for any; {pods}", snapshot.cluster)];
    }
    let mut lines = vec![format!(
        "{}: {} an hour, {} a month ({of}), {pods}",
        snapshot.cluster,
        money::hour(totals.usd_per_hour),
        money::month(totals.usd_per_hour),
    )];
    let efficiency = match analysis.efficiency {
        Some(score) => format!("{score:.0} % of what is paid for is asked for"),
        None => "how much of what is paid for is asked for is unknown".to_owned(),
    };
    lines.push(format!("{efficiency}; {} a month is idle", money::month(analysis.idle)));
    lines
}

fn patterns(analysis: &Analysis) -> Grid {
    let mut grid = Grid::new(&[
        Column::numbers("$/MONTH"),
        Column::words("PATTERN"),
        Column::numbers("FOUND"),
        Column::numbers("COST UNKNOWN"),
    ]);
    for pattern in &analysis.patterns {
        let known = (pattern.unknown_cost < pattern.findings).then_some(pattern.usd_per_hour);
        grid.row(vec![
            Cell::month(known),
            findings::in_words(pattern.code).into(),
            pattern.findings.to_string().into(),
            pattern.unknown_cost.to_string().into(),
        ]);
    }
    grid
}

fn unknown(snapshot: &Snapshot, analysis: &Analysis) -> Vec<String> {
    let mut lines = Vec::new();
    let matters = |code: FindingCode| {
        matches!(
            code,
            FindingCode::UnknownPrice
                | FindingCode::MissingKind
                | FindingCode::MissingRight
                | FindingCode::NodeWithoutAllocatable
                | FindingCode::PodsPending
        )
    };
    for finding in analysis.findings.iter().chain(&snapshot.findings).filter(|finding| matters(finding.code)) {
        let hint = finding.hint.as_ref().map(|hint| format!(" → {hint}")).unwrap_or_default();
        let line = format!("{}: {}{hint}", findings::subject(&finding.subject), finding.message);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if snapshot.usage.is_empty() {
        let cure = "install metrics-server, or add the output of: kubectl get --raw /apis/metrics.k8s.io/v1beta1/pods";
        lines.push(format!("cluster: what pods use is unknown, and so is who asks for too much → {cure}"));
    }
    const MOST: usize = 20;
    if lines.len() > MOST {
        let left = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("and {left} more: plimsoll doctor"));
    }
    lines
}

fn paragraph(out: &mut Output, line: &str, format: Format) -> Result<(), Failure> {
    if format == Format::Markdown {
        writeln!(out, "{}\n", markdown_text(line))?;
    } else {
        writeln!(out, "{}", clean(line))?;
    }
    Ok(())
}

fn section(out: &mut Output, title: &str, format: Format) -> Result<(), Failure> {
    if format == Format::Markdown {
        writeln!(out, "\n### {title}\n")?;
    } else {
        writeln!(out, "\n{title}:")?;
    }
    Ok(())
}

fn more(out: &mut Output, all: usize, noun: &str, flag: &str, format: Format) -> Result<(), Failure> {
    if all > SHOWN {
        let blank = if format == Format::Markdown { "\n" } else { "" };
        writeln!(out, "{blank}… and {}; {flag} shows all", count(all - SHOWN, &format!("more {noun}")))?;
    }
    Ok(())
}
