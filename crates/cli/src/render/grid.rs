//! Rows and columns, written as a table for a terminal, as Markdown, or as CSV.

use std::io::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use model::UsdPerHour;

use super::text::clean;
use super::{amount, money};
use crate::args::Format;
use crate::failure::Failure;
use crate::output::Output;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    align: Align,
    shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Always,
    /// With `-o wide` and to programs.
    Wide,
}

impl Column {
    /// A column of words.
    pub const fn words(title: &'static str) -> Column {
        Column { title, align: Align::Left, shown: Shown::Always }
    }

    /// A column of numbers.
    pub const fn numbers(title: &'static str) -> Column {
        Column { title, align: Align::Right, shown: Shown::Always }
    }

    /// Only where there is room.
    pub const fn wide(self) -> Column {
        Column { shown: Shown::Wide, ..self }
    }
}

/// One cell: what people read, and the same for programs.
#[derive(Clone, Debug)]
pub struct Cell {
    shown: String,
    /// Where it differs: a number unrounded and without its unit, nothing where unknown.
    exact: Option<String>,
}

impl From<String> for Cell {
    fn from(shown: String) -> Cell {
        Cell { shown, exact: None }
    }
}

impl Cell {
    /// Read so by people and so by programs.
    pub fn number(shown: String, exact: String) -> Cell {
        Cell { shown, exact: Some(exact) }
    }

    /// Dollars of an hour.
    pub fn hour(amount: Option<UsdPerHour>) -> Cell {
        Cell::number(money::hour_or_unknown(amount), money::unrounded(amount))
    }

    /// Dollars of a month.
    pub fn month(amount: Option<UsdPerHour>) -> Cell {
        let exact = amount.map(|amount| amount.dollars_per_month().to_string()).unwrap_or_default();
        Cell::number(money::month_or_unknown(amount), exact)
    }

    /// CPU: to programs in cores.
    pub fn cpu(millicores: i64) -> Cell {
        Cell::number(amount::cpu(millicores), (millicores as f64 / 1_000.0).to_string())
    }

    /// Memory: to programs in bytes.
    pub fn memory(bytes: i64) -> Cell {
        Cell::number(amount::memory(bytes), bytes.to_string())
    }

    /// A part of a whole in percent.
    pub fn percent(part: i64, whole: i64) -> Cell {
        let exact = if whole > 0 { format!("{:.2}", part as f64 * 100.0 / whole as f64) } else { String::new() };
        Cell::number(amount::percent(part, whole), exact)
    }

    /// Not known: to programs nothing.
    pub fn unknown() -> Cell {
        Cell::number(money::UNKNOWN.to_owned(), String::new())
    }

    /// Nothing to say: a dash to people, nothing to programs.
    pub fn none() -> Cell {
        Cell::number("-".to_owned(), String::new())
    }

    /// The text, or nothing to say.
    pub fn or_none(text: Option<String>) -> Cell {
        text.map_or_else(Cell::none, Cell::from)
    }
}

/// Rows under columns.
#[derive(Clone, Debug)]
pub struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// Without rows.
    pub fn new(columns: &[Column]) -> Grid {
        Grid { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub fn row(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Only its first rows.
    pub fn first(&self, most: usize) -> Grid {
        Grid { columns: self.columns.clone(), rows: self.rows.iter().take(most).cloned().collect() }
    }

    /// In this format; any that is none of a grid's is a table.
    pub fn write(&self, out: &mut Output, format: Format) -> Result<(), Failure> {
        match format {
            Format::Csv => self.csv(out),
            Format::Markdown => self.markdown(out),
            Format::Wide => self.table(out, Shown::Wide),
            _ => self.table(out, Shown::Always),
        }
    }

    fn columns_shown(&self, most: Shown) -> Vec<usize> {
        let is_shown = |at: &usize| most == Shown::Wide || self.columns[*at].shown == Shown::Always;
        (0..self.columns.len()).filter(is_shown).collect()
    }

    /// As kubectl prints: columns apart, no lines. Wrapped to the terminal, whole where there is none.
    fn table(&self, out: &mut Output, most: Shown) -> Result<(), Failure> {
        let shown = self.columns_shown(most);
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match out.width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        table.set_header(shown.iter().map(|at| self.columns[*at].title));
        for row in &self.rows {
            table.add_row(shown.iter().map(|at| clean(&row[*at].shown).into_owned()));
        }
        for (place, at) in shown.iter().enumerate() {
            if let Some(column) = table.column_mut(place) {
                column.set_padding((0, 2));
                if self.columns[*at].align == Align::Right {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn markdown(&self, out: &mut Output) -> Result<(), Failure> {
        let shown = self.columns_shown(Shown::Always);
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        writeln!(out, "{}", line(shown.iter().map(|at| sentence_case(self.columns[*at].title)).collect()))?;
        let rule = |at: &usize| match self.columns[*at].align {
            Align::Left => "---".to_owned(),
            Align::Right => "---:".to_owned(),
        };
        writeln!(out, "{}", line(shown.iter().map(rule).collect()))?;
        for row in &self.rows {
            writeln!(out, "{}", line(shown.iter().map(|at| markdown_text(&row[*at].shown)).collect()))?;
        }
        Ok(())
    }

    fn csv(&self, out: &mut Output) -> Result<(), Failure> {
        let mut writer = csv::Writer::from_writer(out);
        // `IDLE $/MONTH` is idle_usd_per_month.
        let name = |title: &str| title.replace("$/", "usd per ").to_lowercase().replace([' ', '-'], "_");
        let header = self.columns.iter().map(|column| name(column.title));
        writer.write_record(header)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| csv_cell(cell.exact.as_ref().unwrap_or(&cell.shown))))?;
        }
        writer.flush()?;
        Ok(())
    }
}

/// Text in Markdown that means only itself.
pub fn markdown_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        if matches!(letter, '\\' | '|' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '&') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// A spreadsheet runs cells that begin so as formulas; a quote before it makes it text (OWASP, CSV injection).
/// Numbers below zero are numbers.
fn csv_cell(cell: &str) -> String {
    let cell = clean(cell);
    let is_formula = cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
    if is_formula { format!("'{cell}") } else { cell.into_owned() }
}

/// `NODES AFTER` as `Nodes after`.
fn sentence_case(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next().map(String::from).unwrap_or_default();
    first + &letters.as_str().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_a_spreadsheet_would_run_are_text() {
        assert_eq!(csv_cell("=cmd()"), "'=cmd()");
        assert_eq!(csv_cell("@x"), "'@x");
        assert_eq!(csv_cell("-x"), "'-x");
        assert_eq!(csv_cell("+1+1"), "'+1+1");
        assert_eq!(csv_cell("-1.5"), "-1.5");
        assert_eq!(csv_cell("a=b"), "a=b");
        assert_eq!(csv_cell("\u{1b}[1m=x"), "'=x");
    }

    #[test]
    fn markdown_means_only_itself() {
        assert_eq!(markdown_text("a|b*c*<script>"), "a\\|b\\*c\\*\\<script\\>");
        assert_eq!(sentence_case("NODES AFTER"), "Nodes after");
    }
}
