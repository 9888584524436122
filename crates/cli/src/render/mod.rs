//! Answers as text: grids as tables, Markdown and CSV; money, amounts and bars; documents as JSON and YAML.

pub mod amount;
pub mod bar;
pub mod document;
pub mod findings;
pub mod grid;
pub mod money;
pub mod text;
