//! Prices of nodes: the user's `--prices` file before the built-in list prices, and why a node has neither.

mod columns;
mod file;
mod list;
#[cfg(test)]
mod list_matches_data;
mod location;
mod nodes;
mod offers;
mod row;
mod table;
mod template;

pub use file::PriceFileError;
pub use nodes::price_nodes;
pub use offers::offers;
pub use row::{PriceRow, Shape};
pub use table::PriceTable;
