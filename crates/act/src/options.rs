//! How a plan is carried out, beyond what it says itself.

use std::time::Duration;

use crate::threshold::Threshold;

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// What becomes of a node once only DaemonSet and static pods are left on it.
    pub removal: NodeRemoval,
    /// Who adds the nodes that a plan buys.
    pub addition: NodeAddition,
    /// How long the nodes that a plan buys are awaited: nothing leaves before all of them are there.
    pub added_within: Duration,
    /// How long a wave may take, beyond its pods' grace periods, until every replacement is ready.
    pub ready_within: Duration,
    /// How long an eviction that a budget refuses is asked again.
    pub refused_for: Duration,
    /// The plan is rolled back once more than this percentage of the pods that came in place of others have started again
    /// or are not ready any more; however many do where there is none.
    pub most_troubled_percent: Option<u32>,
    /// The plan does not begin where this is crossed or unknown, and is rolled back once it is crossed.
    pub threshold: Option<Threshold>,
}

/// In a healthy cluster a pod in a hundred starts again now and then; of ten one is a sign.
const TROUBLED_PERCENT: u32 = 10;

impl Default for Options {
    fn default() -> Options {
        Options {
            removal: NodeRemoval::None,
            addition: NodeAddition::None,
            added_within: Duration::from_secs(1_800),
            ready_within: Duration::from_secs(600),
            refused_for: Duration::from_secs(120),
            most_troubled_percent: Some(TROUBLED_PERCENT),
            threshold: None,
        }
    }
}

/// Who takes an emptied node away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeRemoval {
    /// Nobody: it stays, cordoned and marked.
    #[default]
    None,
    /// We delete the Node object: bare metal, KWOK.
    Node,
    /// We delete its NodeClaim, and Karpenter the machine.
    Karpenter,
}

/// Who adds the nodes that a plan buys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeAddition {
    /// Nobody: plans that buy nodes are refused.
    #[default]
    None,
    /// A person or another tool: the plan waits for nodes that match.
    Wait,
    /// Karpenter: we make a NodeClaim for each.
    Karpenter,
}
