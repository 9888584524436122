//! A premise by its parts; each has a file of its own.

use std::fmt;

use model::{Name, Offer, Prices, Snapshot, WorkloadRef};

use super::requests::Request;
use super::rules::Rule;
use super::{budget, family, growth, requests, rules, spot, zone};

/// Something that is not so yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Premise {
    /// Workloads have so many more replicas, in percent.
    Growth(u32),
    /// The nodes of a zone are gone.
    WithoutZone(Name),
    /// Nodes of these instance families are gone, and none are bought.
    WithoutFamilies(Vec<String>),
    /// Nodes of all other instance families are gone, and none are bought.
    OnlyFamilies(Vec<String>),
    /// So many of the nodes are spot, in percent.
    Spot(u32),
    /// A budget is gone, by namespace and name.
    WithoutBudget(Name, Name),
    /// A workload's pods have none of these rules.
    WithoutRules(WorkloadRef, Vec<Rule>),
    /// Containers ask for other amounts.
    Requests(Vec<Request>),
}

/// What a cluster's nodes cost, and what could be bought.
pub type Pricing<'a> = dyn Fn(&Snapshot) -> Prices + Sync + 'a;

/// The premise speaks of something that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PremiseError {
    /// What is not there, such as `there is no zone mars-1`.
    pub wrong: String,
    /// What is there in its place.
    pub known: Vec<String>,
    /// What would help.
    pub remedy: Option<String>,
}

impl PremiseError {
    pub(super) fn new(wrong: impl Into<String>, known: impl IntoIterator<Item = String>) -> PremiseError {
        let mut known: Vec<String> = known.into_iter().collect();
        known.sort();
        known.dedup();
        PremiseError { wrong: wrong.into(), known, remedy: None }
    }
}

impl fmt::Display for PremiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        f.write_str(&self.wrong)?;
        if self.known.is_empty() {
            return Ok(());
        }
        write!(f, "; there is {}", self.known.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", "))?;
        match self.known.len().checked_sub(SHOWN) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

impl std::error::Error for PremiseError {}

impl Premise {
    /// Makes it so. Gives what is not so yet, in words; nothing where all is so already.
    pub fn apply(&self, snapshot: &mut Snapshot, pricing: &Pricing<'_>) -> Result<Option<String>, PremiseError> {
        match self {
            Premise::Growth(percent) => Ok(growth::apply(snapshot, *percent)),
            Premise::WithoutZone(zone) => zone::apply(snapshot, zone),
            Premise::WithoutFamilies(families) => family::without(snapshot, families, pricing),
            Premise::OnlyFamilies(families) => family::only(snapshot, families, pricing),
            Premise::Spot(percent) => spot::apply(snapshot, *percent, pricing),
            Premise::WithoutBudget(namespace, name) => budget::without(snapshot, namespace, name),
            Premise::WithoutRules(workload, rules) => rules::without(snapshot, workload, rules),
            Premise::Requests(rows) => requests::apply(snapshot, rows),
        }
    }

    /// May this still be bought?
    pub fn allows(&self, offer: &Offer) -> bool {
        let is_one_of = |families: &[String]| families.contains(&family::of(&offer.instance_type));
        match self {
            Premise::WithoutFamilies(families) => !is_one_of(families),
            Premise::OnlyFamilies(families) => is_one_of(families),
            Premise::WithoutZone(zone) => offer.zone != *zone,
            _ => true,
        }
    }
}
