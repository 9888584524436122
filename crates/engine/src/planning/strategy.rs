//! A strategy finds a cheaper placement. A new one is a file and a line in the list below.

use super::affinity::Affinity;
use super::best_fit::BestFit;
use super::circles::Circle;
use super::first_fit::FirstFit;
use super::limits::Limits;
use super::network_aware::NetworkAware;
use super::placement::Placement;
use super::search::Search;

/// A way to find a cheaper placement.
pub trait Strategy: Sync {
    /// Its name on the command line and in the API.
    fn name(&self) -> &'static str;

    /// One line for people.
    fn describe(&self) -> &'static str;

    /// One that moves less, to be asked where no legal way was found for all that this one moves.
    fn plainer(&self) -> Option<&'static dyn Strategy> {
        None
    }

    /// A placement at most as dear, to which no pod has moved that may not, and where every pod moved fits.
    fn improve<'a>(&self, placement: Placement<'a>, attempt: &Attempt) -> Placement<'a>;
}

/// What an attempt keeps to: the limits, and what earlier ones have taught of nodes whose pods found no legal moment to
/// leave.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// How many moves there may be, and for how much.
    pub limits: Limits,
    /// Nodes to try after all others, when their pods' way may be free.
    pub last: Vec<u32>,
    /// Nodes not to try at all.
    pub kept: Vec<u32>,
    /// Moves that wait for each other.
    pub circles: Vec<Circle>,
    /// Nodes are tried in the order of how many pods they have for each dollar they cost, as they are where moves are
    /// limited.
    pub fewest_pods: bool,
}

impl Attempt {
    /// Nothing has been learned yet.
    pub fn is_first(&self) -> bool {
        self.last.is_empty() && self.kept.is_empty()
    }
}

/// All strategies.
pub fn strategies() -> [&'static dyn Strategy; 5] {
    [&Search, &BestFit, &FirstFit, &Affinity, &NetworkAware]
}

/// The one that is used where none is named.
pub fn default_strategy() -> &'static dyn Strategy {
    &Search
}

/// The strategy of this name.
pub fn strategy(name: &str) -> Option<&'static dyn Strategy> {
    strategies().into_iter().find(|strategy| strategy.name() == name)
}
