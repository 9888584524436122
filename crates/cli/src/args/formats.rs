//! `-o`: each command has some of these.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// For people, with more columns.
    Wide,
    /// For programs.
    Json,
    /// For Git.
    Yaml,
    /// For spreadsheets.
    Csv,
    /// For pull requests.
    Markdown,
    /// Names only.
    Name,
}

impl Format {
    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Wide => "wide",
            Format::Json => "json",
            Format::Yaml => "yaml",
            Format::Csv => "csv",
            Format::Markdown => "markdown",
            Format::Name => "name",
        }
    }
}

/// Takes the names of these formats alone; clap's error lists them.
pub(super) fn formats(valid: &'static [Format]) -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(valid.iter().map(|format| format.name())).map(|name| {
        let format = valid.iter().find(|format| format.name() == name);
        format.copied().unwrap_or(Format::Table)
    })
}
