//! The custom resources of `optimizer.io/v1alpha1`, one folder a kind: what they look like in a cluster or a file, and
//! what they mean in `model`.

pub mod migration_plan;
mod read;

pub use migration_plan::{MigrationPlan, MigrationPlanSpec, PlanError};
pub use read::{LARGEST_FILE_BYTES, ReadError};

/// The group and version of every kind here.
pub const API_VERSION: &str = "optimizer.io/v1alpha1";
