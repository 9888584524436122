//! MigrationPlan: a consolidation plan as a file and as a resource, what `simulate` prints and `verify` reads.

mod check_figures;
mod constraint;
mod convert;
mod error;
mod money;
mod node;
mod resource;
mod rollback;
mod status;
mod subject;
#[cfg(test)]
mod testing;
mod validate;

pub use constraint::{Constraint, ObjectReference};
pub use error::PlanError;
pub use node::NodeObject;
pub use resource::{
    AddedNode, Finding, Migration, MigrationPlan, MigrationPlanSpec, Nodes, PodReference, Rollback, SnapshotReference,
    Subject, Summary, WorkloadReference,
};
pub use status::{MigrationPlanStatus, Outcome, Phase, StepOutcome};

use crate::read;

/// metadata's `kind`.
pub const KIND: &str = "MigrationPlan";

/// The only strategy of execution so far: node by node, wave by wave.
pub const ROLLING_DRAIN: &str = "rolling-drain";

impl MigrationPlan {
    /// Reads a plan from JSON or YAML.
    pub fn read(bytes: &[u8]) -> Result<MigrationPlan, read::ReadError> {
        let read::Object { metadata, spec, status } = read::read(bytes, KIND)?;
        Ok(MigrationPlan { metadata, spec, status })
    }

    /// As YAML, for people and for Git.
    pub fn to_yaml(&self) -> Result<String, PlanError> {
        serde_saphyr::to_string(self).map_err(|error| PlanError::Write(error.to_string()))
    }

    /// As indented JSON, without a line end.
    pub fn to_json(&self) -> Result<String, PlanError> {
        serde_json::to_string_pretty(self).map_err(|error| PlanError::Write(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
