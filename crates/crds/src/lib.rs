//! The custom resources of `optimizer.io/v1alpha1`, one folder a kind: what they look like in a cluster or a file, and
//! what they mean in `model`.

mod condition;
pub mod migration_plan;
mod moment;
mod read;

pub use condition::{Condition, Holds};
pub use migration_plan::{
    MigrationPlan, MigrationPlanSpec, MigrationPlanStatus, Outcome, Phase, PlanError, StepOutcome,
};
pub use moment::Moment;
pub use read::{LARGEST_FILE_BYTES, ReadError};

/// The group and version of every kind here.
pub const API_VERSION: &str = "optimizer.io/v1alpha1";
