//! What a node costs, and how that is known.

use std::fmt;

use crate::{Name, Node, UsdPerHour};

/// How capacity is bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapacityType {
    /// By the hour, kept until given back.
    #[default]
    OnDemand,
    /// Cheaper, and taken back at short notice.
    Spot,
}

impl CapacityType {
    /// `on-demand` or `spot`, as Karpenter's label says it.
    pub fn as_str(self) -> &'static str {
        match self {
            CapacityType::OnDemand => "on-demand",
            CapacityType::Spot => "spot",
        }
    }
}

impl fmt::Display for CapacityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A price with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Dollars per hour of one node.
    pub usd_per_hour: UsdPerHour,
    /// List, contract or estimate.
    pub basis: PriceBasis,
    /// Where it comes from: a file's name, or a provider's price page.
    pub source: Name,
    /// The date the source gives, `YYYY-MM-DD`, or `YYYY-MM` where it gives no day; empty where it gives none.
    pub as_of: Name,
}

/// What kind of price it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceBasis {
    /// The provider's public price.
    List,
    /// What this customer pays, given by the user.
    Contract,
    /// Derived, not quoted.
    Estimate,
}

impl fmt::Display for PriceBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PriceBasis::List => "list",
            PriceBasis::Contract => "contract",
            PriceBasis::Estimate => "estimate",
        })
    }
}

/// Why a node has no price, and what would give it one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unpriced {
    /// Such as `no price for m7i.large in eu-north-1 (spot)`.
    pub reason: String,
    /// Such as `add a row m7i.large,eu-north-1,,spot,… to --prices`.
    pub remedy: String,
}

/// A node that could be bought: its pool's template with a type, a zone and a capacity type.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The node pool that would make it.
    pub pool: Name,
    /// The machine type.
    pub instance_type: Name,
    /// The zone.
    pub zone: Name,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// What it costs.
    pub price: Price,
    /// The node to expect, still without a name.
    pub node: Node,
    /// How many more the pool's limits leave room for; as many as one likes where absent.
    pub most: Option<u32>,
}

impl Offer {
    /// `POOL/TYPE/ZONE/CAPACITY TYPE`.
    pub fn key(&self) -> String {
        format!("{}/{}/{}/{}", self.pool, self.instance_type, self.zone, self.capacity_type)
    }
}

/// The price of each node of a snapshot, in the order of its nodes; and what more could be bought.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    /// By node index.
    pub nodes: Vec<Result<Price, Unpriced>>,
    /// Nodes that a plan may add; none unless asked for.
    pub offers: Vec<Offer>,
}

impl Prices {
    /// The price of a node, where it is known.
    pub fn of(&self, node: usize) -> Option<UsdPerHour> {
        self.nodes.get(node)?.as_ref().ok().map(|price| price.usd_per_hour)
    }
}
