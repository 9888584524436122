//! Why a MigrationPlan is no plan.

use thiserror::Error;

/// Why a resource that could be read cannot be meant.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// A field holds what it must not.
    #[error("{field}: {wrong}")]
    Field {
        /// Its path, such as `spec.summary.usdPerHourAfter`.
        field: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// It could not be written as text.
    #[error("cannot write the plan: {0}")]
    Write(String),
}

impl PlanError {
    pub(super) fn field(field: impl Into<String>, wrong: impl Into<String>) -> PlanError {
        PlanError::Field { field: field.into(), wrong: wrong.into() }
    }
}
