//! The answer of an analysis.

use model::{CapacityType, Finding, FindingCode, Name, Price, Provider, Resources, Unpriced, UsdPerHour, WorkloadRef};

use super::cost::{Cost, PodCost};
use super::totals::Totals;
use super::usage::{MeasuredUse, PartUsed};

/// What a cluster costs and wastes. The costs of workloads, of bare pods and of what is idle sum to `totals` exactly, and
/// so do those of namespaces and of what is idle.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// All priced nodes, and how many have no price.
    pub totals: Totals,
    /// What nobody asks for, on priced nodes.
    pub idle: UsdPerHour,
    /// Pods that no workload runs.
    pub bare_pods: Cost,
    /// What part of the room paid for is asked for, in percent; absent where no node is priced and has room.
    pub efficiency: Option<f64>,
    /// In the order of the snapshot.
    pub nodes: Vec<NodeAnalysis>,
    /// In the order of the snapshot.
    pub workloads: Vec<WorkloadAnalysis>,
    /// Namespaces with pods, by name.
    pub namespaces: Vec<NamespaceAnalysis>,
    /// What is paid for and used by nobody, dearest first.
    pub waste: Vec<Finding>,
    /// The same summed by pattern, dearest first.
    pub patterns: Vec<WastePattern>,
    /// What makes this analysis less than it could be: prices that are unknown, nodes without room.
    pub findings: Vec<Finding>,
    /// What keeps money from being saved, dearest first: filled by who has planned.
    pub savings_blocked_by: Vec<Finding>,
}

/// One node.
#[derive(Clone, Debug)]
pub struct NodeAnalysis {
    /// metadata.name.
    pub name: Name,
    /// The group of nodes it belongs to.
    pub pool: Option<Name>,
    /// The cloud.
    pub provider: Option<Provider>,
    /// Its region.
    pub region: Option<Name>,
    /// Its zone.
    pub zone: Option<Name>,
    /// Its machine type.
    pub instance_type: Option<Name>,
    /// Spot or on-demand.
    pub capacity_type: CapacityType,
    /// status.capacity.
    pub capacity: Resources,
    /// status.allocatable.
    pub allocatable: Resources,
    /// What the unfinished pods bound to it hold, daemons too; `pods` is how many they are.
    pub requested: Resources,
    /// What of this DaemonSet and static pods hold.
    pub daemons: Resources,
    /// What its pods use, where that was measured.
    pub used: Option<MeasuredUse>,
    /// Its price, or why there is none.
    pub price: Result<Price, Unpriced>,
    /// What of its price nobody asks for, where the price is known.
    pub idle: Option<UsdPerHour>,
    /// What part of its room is asked for, in percent; absent where it has no room.
    pub efficiency: Option<f64>,
    /// The pods that may not be evicted.
    pub pinned_by: Vec<Finding>,
}

/// One workload.
#[derive(Clone, Debug)]
pub struct WorkloadAnalysis {
    /// What it is called.
    pub reference: WorkloadRef,
    /// spec.replicas, where it has any.
    pub replicas: Option<i64>,
    /// Its unfinished pods.
    pub pods: usize,
    /// Those of them that are ready.
    pub ready: usize,
    /// What they ask for; `pods` is how many they are.
    pub requested: Resources,
    /// What they use, where that was measured.
    pub used: Option<MeasuredUse>,
    /// What part of its request it uses.
    pub part_used: PartUsed,
    /// What the unused part costs of each resource of which it uses less than 30 %; absent where use or cost is unknown.
    pub over_provisioned_cost: Option<UsdPerHour>,
    /// Its share of the nodes it runs on.
    pub cost: Cost,
    /// The same by resource.
    pub cost_by_resource: PodCost,
}

/// One namespace: the sum of its pods.
#[derive(Clone, Debug)]
pub struct NamespaceAnalysis {
    /// Its name.
    pub name: Name,
    /// Workloads with unfinished pods.
    pub workloads: usize,
    /// Unfinished pods.
    pub pods: usize,
    /// What they ask for.
    pub requested: Resources,
    /// What they use, where that was measured.
    pub used: Option<MeasuredUse>,
    /// Their share of the nodes they run on.
    pub cost: Cost,
}

/// All findings of one kind of waste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WastePattern {
    /// Which.
    pub code: FindingCode,
    /// How many findings.
    pub findings: usize,
    /// What those of known cost come to.
    pub usd_per_hour: UsdPerHour,
    /// How many are of unknown cost, and so left out of the sum.
    pub unknown_cost: usize,
}
