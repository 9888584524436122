//! The custom resources of `optimizer.io/v1alpha1`, one file or folder a kind: what they look like in a cluster or a
//! file, what may be wrong with them, and what they mean in `model`.
#![allow(clippy::duplicated_attributes, reason = "clippy takes columns of the same type for repeated attributes")]

mod amount;
mod condition;
mod definitions;
pub mod dialects;
mod duration;
mod lint;
pub mod migration_plan;
mod moment;
mod names;
mod nearest;
pub mod optimization_config;
pub mod optimization_policy;
pub mod optimization_profile;
pub mod optimization_recommendation;
pub mod optimization_report;
mod read;
pub mod rollback_query;
mod safe_window;
pub mod schedule;
mod schema;
mod selector;
mod violation;
pub mod workload_profile;

pub use amount::Amounts;
pub use condition::{Condition, Holds};
pub use definitions::{definitions, schema_of, to_yaml};
pub use duration::seconds as duration_seconds;
pub use lint::{KINDS, lint};
pub use migration_plan::{
    MigrationPlan, MigrationPlanSpec, MigrationPlanStatus, Outcome, Phase, PlanError, StepOutcome,
};
pub use moment::Moment;
pub use optimization_config::{OptimizationConfig, OptimizationConfigSpec, OptimizationConfigStatus};
pub use optimization_policy::{OptimizationPolicy, OptimizationPolicySpec, OptimizationPolicyStatus};
pub use optimization_profile::{AutoRollback, OptimizationProfile, OptimizationProfileSpec};
pub use optimization_recommendation::{
    OptimizationRecommendation, OptimizationRecommendationSpec, OptimizationRecommendationStatus,
};
pub use optimization_report::{OptimizationReport, OptimizationReportSpec, OptimizationReportStatus};
pub use read::{LARGEST_FILE_BYTES, ReadError, documents};
pub use safe_window::{Day, SafeWindow, next_opening};
pub use schedule::Schedule;
pub use violation::{Validate, Violation, validate};
pub use workload_profile::{ProfileStatus, WorkloadProfile, WorkloadProfileSpec};

/// The group and version of every kind here.
pub const API_VERSION: &str = "optimizer.io/v1alpha1";
