//! Recommendations in rows: dangers first, then savings, then the rest.

use std::io::Write;

use engine::rightsizing::{Advice, ContainerAdvice, Resource, Verdict};
use model::UsdPerHour;

use crate::args::{Format, RightsizeFormat};
use crate::failure::Failure;
use crate::output::Output;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::money;
use crate::render::text::count;

/// Writes them.
pub fn write(advice: &[ContainerAdvice], format: RightsizeFormat, out: &mut Output) -> Result<(), Failure> {
    let format = match format {
        RightsizeFormat::Csv => Format::Csv,
        RightsizeFormat::Markdown => Format::Markdown,
        RightsizeFormat::Wide => Format::Wide,
        _ => Format::Table,
    };
    if format != Format::Csv {
        for line in summary(advice) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    grid(advice).write(out, format)
}

/// The whole in a few lines.
pub fn summary(advice: &[ContainerAdvice]) -> Vec<String> {
    let all = || advice.iter().flat_map(|container| &container.advice);
    let of = |verdict: Verdict| all().filter(|advice| advice.verdict() == verdict).count();
    // Where no price is known at all the sum is unknown too.
    let saved = |verdict: Verdict| -> Option<UsdPerHour> {
        let mut meant = all().filter(|advice| advice.verdict() == verdict).peekable();
        let is_nothing = meant.peek().is_none();
        let known: Vec<UsdPerHour> = meant.filter_map(|advice| advice.saved).collect();
        (is_nothing || !known.is_empty()).then(|| known.into_iter().sum())
    };
    let unknown = all().filter(|advice| advice.change().is_some() && advice.saved.is_none()).count();
    let cost = saved(Verdict::TooLittle).map(|saved| UsdPerHour::ZERO - saved);
    let mut lines = vec![format!(
        "{}: {} ask for too little, {} for too much, {} for what they need, {} are skipped",
        count(advice.len(), "container"),
        count(of(Verdict::TooLittle), "request"),
        of(Verdict::TooMuch),
        of(Verdict::Fits),
        of(Verdict::Skipped)
    )];
    lines.push(format!(
        "asking for less would save {} a month, asking for more cost {}{}",
        money::month_or_unknown(saved(Verdict::TooMuch)),
        money::month_or_unknown(cost),
        if unknown > 0 {
            format!("; what {} would save or cost is unknown", count(unknown, "change"))
        } else {
            String::new()
        }
    ));
    lines
}

fn grid(advice: &[ContainerAdvice]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("NAMESPACE"),
        Column::words("WORKLOAD"),
        Column::words("CONTAINER"),
        Column::words("RESOURCE"),
        Column::words("VERDICT"),
        Column::numbers("ASKS FOR"),
        Column::numbers("SHOULD ASK FOR"),
        Column::numbers("P50").wide(),
        Column::numbers("P90").wide(),
        Column::numbers("P99").wide(),
        Column::numbers("HIGHEST").wide(),
        Column::numbers("SAVES $/MONTH"),
        Column::numbers("CONFIDENCE"),
        Column::words("RISK"),
        Column::words("WHY"),
    ]);
    // A container's rows stay in the order of their own urgency.
    for container in advice {
        let mut resources = Resource::ALL;
        resources.sort_by_key(|resource| container.advice[resource.index()].verdict());
        for resource in resources {
            grid.row(row(container, resource, &container.advice[resource.index()]));
        }
    }
    grid
}

fn row(container: &ContainerAdvice, resource: Resource, advice: &Advice) -> Vec<Cell> {
    let amount = |request: i64| match resource {
        Resource::Cpu => Cell::cpu(request),
        Resource::Memory => Cell::memory(request),
    };
    let used = |value: f64| amount(resource.to_request(value));
    let recommended = advice.recommended.as_ref();
    let percentiles = recommended.map(|recommended| recommended.percentiles);
    let [p50, p90, p99, highest] = match percentiles {
        Ok(of) => [of.p50, of.p90, of.p99, of.highest].map(used),
        Err(_) => std::array::from_fn(|_| Cell::unknown()),
    };
    let saved = match (advice.change(), advice.saved) {
        (None, _) => Cell::none(),
        (Some(_), saved) => Cell::month(saved),
    };
    vec![
        container.workload.namespace.to_string().into(),
        format!("{}/{}", container.workload.kind, container.workload.name).into(),
        container.container.to_string().into(),
        resource.name().to_owned().into(),
        verdict(advice.verdict()).to_owned().into(),
        advice.asked.map_or_else(Cell::none, amount),
        recommended.map_or_else(|_| Cell::none(), |recommended| amount(recommended.request)),
        p50,
        p90,
        p99,
        highest,
        saved,
        recommended.map_or_else(
            |_| Cell::none(),
            |of| Cell::number(format!("{:.0} %", 100.0 * of.confidence), format!("{:.3}", of.confidence)),
        ),
        recommended.map_or_else(|_| Cell::none(), |of| format!("{:?}", of.risks.level).to_lowercase().into()),
        why(resource, advice).into(),
    ]
}

/// In a word or two.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::TooLittle => "too little",
        Verdict::TooMuch => "too much",
        Verdict::Fits => "fits",
        Verdict::Skipped => "skipped",
    }
}

/// How it came to be, then what could go wrong; or why nothing is said.
pub fn why(resource: Resource, advice: &Advice) -> String {
    match &advice.recommended {
        Err(skip) => skip.to_string(),
        Ok(recommended) => {
            let risks = recommended.risks.reasons.iter().map(ToString::to_string);
            std::iter::once(recommended.words(resource)).chain(risks).collect::<Vec<_>>().join("; ")
        }
    }
}
