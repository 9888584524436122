//! A strategy finds a cheaper placement. A new one is a file and a line in the list below.

use super::Problem;
use super::best_fit::BestFit;
use super::first_fit::FirstFit;
use super::placement::Placement;

/// A way to find a cheaper placement.
pub trait Strategy: Sync {
    /// Its name on the command line and in the API.
    fn name(&self) -> &'static str;

    /// One line for people.
    fn describe(&self) -> &'static str;

    /// A placement in which no pod that may not move has moved, and every moved pod fits.
    fn solve<'a>(&self, problem: &'a Problem<'a>, attempt: &Attempt) -> Placement<'a>;
}

/// What earlier attempts have taught: nodes whose pods found no legal moment to leave.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// Nodes to try after all others, when their pods' way may be free.
    pub last: Vec<u32>,
    /// Nodes not to try at all.
    pub kept: Vec<u32>,
}

/// All strategies.
pub fn strategies() -> [&'static dyn Strategy; 2] {
    [&BestFit, &FirstFit]
}

/// The strategy of this name.
pub fn strategy(name: &str) -> Option<&'static dyn Strategy> {
    strategies().into_iter().find(|strategy| strategy.name() == name)
}
