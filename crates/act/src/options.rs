//! How a plan is carried out, beyond what it says itself.

use std::time::Duration;

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// What becomes of a node once only DaemonSet and static pods are left on it.
    pub removal: NodeRemoval,
    /// How long a wave may take, beyond its pods' grace periods, until every replacement is ready.
    pub ready_within: Duration,
    /// How long an eviction that a budget refuses is asked again.
    pub refused_for: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            removal: NodeRemoval::None,
            ready_within: Duration::from_secs(600),
            refused_for: Duration::from_secs(120),
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
