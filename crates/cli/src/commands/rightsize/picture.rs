//! One workload's use against what it asks for, drawn with blocks.

use std::io::Write;

use engine::rightsizing::{ContainerAdvice, Resource, Series};
use model::Time;

use super::table::{verdict, why};
use crate::failure::Failure;
use crate::output::Output;
use crate::render::money;
use crate::render::text::clean;

const ROWS: usize = 10;
const COLUMNS: usize = 64;

/// Draws each container's resources.
pub fn write(advice: &[ContainerAdvice], out: &mut Output) -> Result<(), Failure> {
    for container in advice {
        for resource in Resource::ALL {
            one(container, resource, out)?;
        }
    }
    Ok(())
}

fn one(container: &ContainerAdvice, resource: Resource, out: &mut Output) -> Result<(), Failure> {
    let advice = &container.advice[resource.index()];
    let recommended = advice.recommended.as_ref().ok().map(|of| of.request);
    let title = format!("{}, container {}: {resource}", container.workload, container.container);
    writeln!(out, "{}: {}", clean(&title), verdict(advice.verdict()))?;
    let lines = [advice.asked.map(|asked| ('─', asked)), recommended.map(|new| ('╌', new))];
    let lines: Vec<(char, f64)> =
        lines.into_iter().flatten().map(|(mark, request)| (mark, resource.from_request(request))).collect();
    if let Some(drawn) = draw(container.usage.of(resource), &lines, resource) {
        writeln!(out, "{drawn}")?;
    }
    let asks = advice.asked.map_or("nothing".to_owned(), |asked| resource.quantity(asked));
    let should = recommended.map_or("unknown".to_owned(), |new| resource.quantity(new));
    writeln!(out, "  ─ asks for {asks}   ╌ should ask for {should}   █ highest use")?;
    if advice.change().is_some() {
        writeln!(out, "  saves {} a month", money::month_or_unknown(advice.saved))?;
    }
    writeln!(out, "  {}\n", clean(&why(resource, advice)))?;
    Ok(())
}

/// The highest use of each column's time as a bar, with the lines across; nothing of no samples.
fn draw(series: &Series, lines: &[(char, f64)], resource: Resource) -> Option<String> {
    let (first, last) = (series.samples().first()?.at, series.last()?);
    let seconds = last.seconds_since(first).max(1);
    let mut bars = [0.0_f64; COLUMNS];
    let mut is_measured = [false; COLUMNS];
    for sample in series.samples() {
        let at = sample.at.seconds_since(first) as f64 / seconds as f64;
        let column = ((at * COLUMNS as f64) as usize).min(COLUMNS - 1);
        bars[column] = bars[column].max(sample.amount);
        is_measured[column] = true;
    }
    let top = bars.iter().copied().chain(lines.iter().map(|(_, at)| *at)).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let row_of = |amount: f64| ((amount / top * ROWS as f64).ceil() as usize).clamp(1, ROWS);
    let mut text = String::new();
    for row in (1..=ROWS).rev() {
        let line = lines.iter().rev().find(|(_, at)| row_of(*at) == row);
        let label = if row == ROWS { resource.words(top) } else { String::new() };
        text += &format!("  {label:>12} │");
        for column in 0..COLUMNS {
            let is_full = is_measured[column] && row_of(bars[column]) >= row && bars[column] > 0.0;
            // Lines go across bars: use above them is what matters most.
            text.push(match (line, is_full) {
                (Some((mark, _)), _) => *mark,
                (None, true) => '█',
                (None, false) => ' ',
            });
        }
        text.push('\n');
    }
    let days = seconds as f64 / 86_400.0;
    text += &format!(
        "  {:>12} └{}\n  {:>12}  {} to {}, {days:.1} days",
        "",
        "─".repeat(COLUMNS),
        "",
        date(first),
        date(last)
    );
    Some(text)
}

fn date(at: Time) -> String {
    at.date()
}
