//! `--what-if`: scenarios as they are typed, and the files that they name.

mod files;
mod grammar;

use std::path::PathBuf;

use engine::what_if::Premise;

pub use files::{node_pools, requests};
pub use grammar::parse;

/// What a plan is asked for: some premises at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// As it was typed.
    pub name: String,
    /// What would be so.
    pub terms: Vec<Term>,
}

/// One premise, or the file that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Other prices.
    Prices(PathBuf),
    /// Node pools beside those that are there, or in place of those of their names.
    NodePools(PathBuf),
    /// Other requests.
    Requests(PathBuf),
    /// Anything that needs no file.
    Premise(Premise),
}
