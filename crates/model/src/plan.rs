//! A consolidation plan: what moves, in which order, which nodes go, and why the rest stays.

use crate::price::CapacityType;
use crate::{ConstraintCost, Finding, Name, Node, Time, UsdPerHour, WorkloadRef};

/// A whole plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `consolidate-DATE-DIGEST`.
    pub name: String,
    /// The snapshot it was made on: cluster.
    pub cluster: String,
    /// When that was taken.
    pub taken_at: Time,
    /// Its digest.
    pub digest: String,
    /// Steps in order; the wave never decreases.
    pub migrations: Vec<Migration>,
    /// Which nodes go and come.
    pub nodes: PlannedNodes,
    /// Its figures.
    pub summary: Summary,
    /// What proves the lower bound, where there is one.
    pub bound: Option<BoundCertificate>,
    /// Each node kept and each pod not moved, grouped.
    pub findings: Vec<Finding>,
    /// What the constraints cost that cost most, dearest first, where that was asked for.
    pub constraints: Vec<ConstraintCost>,
}

/// A lower bound on what the priced nodes of any legal placement cost, and the dual prices that prove it.
///
/// Each pod that may move pays for what it asks at the prices of the node where it pays least of those that may take
/// it, or its own. Each node earns what its room is worth at its prices; one that can go earns only what is above its
/// cost. What nodes that cannot go cost, and all that pods pay, less all that nodes earn, is below the cost of any legal
/// placement, whatever the prices. As the cost of the nodes that can go is a multiple of their prices' greatest common
/// divisor, that part is rounded up to one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoundCertificate {
    /// The bound.
    pub usd_per_hour: UsdPerHour,
    /// Nodes that share dual prices; those of all other nodes are zero.
    pub classes: Vec<NodePrices>,
    /// What a plan may buy, where it may: by `Offer::key`, those that share dual prices. None is worth more at them than
    /// it costs, so that however many are bought, they earn nothing.
    pub offers: Vec<NodePrices>,
}

/// Nodes with the same dual prices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodePrices {
    /// Their names.
    pub nodes: Vec<Name>,
    /// Dollars per hour of a core (`cpu`), a GiB (`memory`), a pod (`pods`) or a piece of an extended resource.
    pub usd_per_hour: Vec<(Name, f64)>,
    /// Dollars per hour of the one place that a node has for pods of a workload, all of which keep each other off their
    /// nodes by required anti-affinity over kubernetes.io/hostname.
    pub one_per_node: Vec<(WorkloadRef, f64)>,
}

/// One pod's move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    /// From 1.
    pub wave: u32,
    /// metadata.namespace of the pod.
    pub namespace: Name,
    /// metadata.name of the pod.
    pub pod: Name,
    /// metadata.uid of the pod.
    pub uid: Name,
    /// The workload that will make its replacement.
    pub workload: WorkloadRef,
    /// Where it runs.
    pub from_node: Name,
    /// Where its replacement is meant to run.
    pub to_node: Name,
    /// How it moves.
    pub method: Method,
    /// Whether kube-scheduler would put the replacement there of its own accord.
    pub landing: Landing,
    /// How risky that is.
    pub risk: Risk,
    /// What makes it so, most serious first.
    pub risk_reasons: Vec<String>,
    /// Why it moves.
    pub reason: String,
}

/// How a pod moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Evicted; its controller makes a new one.
    #[default]
    Evict,
    /// A new one first, then the old one goes.
    Surge,
}

/// Where kube-scheduler would put a replacement, were every step before it done as planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Landing {
    /// On the target: no other node takes the pod.
    Only,
    /// On the target: it scores highest, and no other node does.
    First,
    /// On the target or on another node that scores as high.
    Tied,
    /// On another node, which scores higher.
    Elsewhere,
    /// Nobody worked it out, or it rests on what is not known.
    #[default]
    Unknown,
}

impl Landing {
    /// Must the pod be led to its target, lest it land elsewhere?
    pub fn needs_hint(self) -> bool {
        !matches!(self, Landing::Only | Landing::First)
    }
}

/// How risky a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// Nobody should notice.
    #[default]
    Low,
    /// Somebody may notice.
    Medium,
    /// Look first.
    High,
}

/// The nodes a plan changes.
#[derive(Clone, Debug, Default)]
pub struct PlannedNodes {
    /// Names of nodes that go, in order of name.
    pub remove: Vec<Name>,
    /// Nodes that come.
    pub add: Vec<AddedNode>,
}

/// A node that a plan buys.
#[derive(Clone, Debug)]
pub struct AddedNode {
    /// The instance type.
    pub instance_type: Name,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// The zone.
    pub zone: Name,
    /// Its price.
    pub usd_per_hour: UsdPerHour,
    /// The node to expect; its name is the plan's name for it.
    pub node: Node,
}

/// A plan's figures; nodes of unknown price are in neither total.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// All priced nodes now.
    pub usd_per_hour_before: UsdPerHour,
    /// All priced nodes after.
    pub usd_per_hour_after: UsdPerHour,
    /// A proven lower bound, where one was computed.
    pub usd_per_hour_lower_bound: Option<UsdPerHour>,
    /// Nodes now.
    pub nodes_before: usize,
    /// Nodes after.
    pub nodes_after: usize,
    /// Nodes whose price is unknown.
    pub nodes_unpriced: usize,
    /// Steps.
    pub migrations: usize,
    /// Waves.
    pub waves: usize,
    /// Minutes that the waves are expected to take.
    pub minutes_expected: u32,
}

impl Plan {
    /// How many steps need a placement hint.
    pub fn placement_hints(&self) -> usize {
        self.migrations.iter().filter(|step| step.landing.needs_hint()).count()
    }
}

impl Summary {
    /// Dollars per hour that the plan saves.
    pub fn saved(&self) -> UsdPerHour {
        self.usd_per_hour_before - self.usd_per_hour_after
    }

    /// (after − bound) / bound, where a bound above zero is known.
    pub fn gap(&self) -> Option<f64> {
        let bound = self.usd_per_hour_lower_bound?.dollars();
        (bound > 0.0).then(|| (self.usd_per_hour_after.dollars() - bound) / bound)
    }
}
