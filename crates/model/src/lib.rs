//! The words every other crate speaks: units, the cluster as seen, prices, the plan, findings. Pure data, no I/O.

pub mod budget;
pub mod constraint;
pub mod finding;
pub mod labels;
pub mod limits;
pub mod money;
pub mod node;
pub mod placement;
pub mod plan;
pub mod pod;
pub mod policy;
pub mod price;
pub mod provider;
pub mod quantity;
pub mod resources;
pub mod snapshot;
pub mod storage;
pub mod time;
pub mod workload;

pub use budget::{DisruptionsSpent, PodDisruptionBudget, UnhealthyPodEvictionPolicy};
pub use constraint::{ConstraintCost, ConstraintKind, ObjectRef, Patch, PatchKind, SavingBasis};
pub use finding::{Finding, FindingCode, Severity, Subject};
pub use labels::{LabelSelector, Labels, Requirement, SelectorOperator};
pub use limits::{LimitRange, ResourceQuota};
pub use money::{HOURS_PER_MONTH, UsdPerHour};
pub use node::{Node, Taint, TaintEffect};
pub use plan::{
    AddedNode, BoundCertificate, Landing, Method, Migration, NodePrices, Plan, PlannedNodes, Risk, Summary,
};
pub use pod::{HostPort, Owner, Phase, Pod, PodSpec, Volume};
pub use policy::{Policy, Protected, ProtectedNode, SystemPods};
pub use price::{CapacityType, Offer, Price, PriceBasis, Prices, Unpriced};
pub use provider::Provider;
pub use quantity::Quantity;
pub use resources::{NonZeroRequests, Resources};
pub use snapshot::{KindRead, ReadState, Snapshot, Usage};
pub use time::Time;
pub use workload::{Rollout, Workload, WorkloadRef};

/// A string that many objects share: names, label keys and values.
pub type Name = std::sync::Arc<str>;
