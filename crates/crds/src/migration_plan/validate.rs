//! What may be wrong with a plan that its schema cannot say. Whether it is legal is another question: the check's.

use model::Plan;
use serde_json::json;

use super::{MigrationPlan, MigrationPlanSpec, PlanError};
use crate::violation::{Validate, Violation};

impl Validate for MigrationPlanSpec {
    fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let mut before = 0;
        for (at, step) in self.migrations.iter().enumerate() {
            if step.wave < before {
                let message = format!("is below {before}, the wave of the step before it: waves never decrease");
                wrong.push(Violation::new(format!("spec.migrations[{at}].wave"), step.wave, message));
            }
            before = before.max(step.wave);
            if step.from_node == step.to_node {
                let message = "is where the pod is already: a step leads to another node";
                wrong.push(Violation::new(format!("spec.migrations[{at}].toNode"), &*step.to_node, message));
            }
        }
        if self.is_draft() {
            if self.approved {
                let message = "a draft cannot be approved: a whole plan has a snapshot, a summary, and the pod of every \
                               step; plimsoll simulate makes one";
                wrong.push(Violation::new("spec.approved", json!(true), message));
            }
            return wrong;
        }
        // What it means is asked of the reader that everybody uses.
        if let Err(PlanError::Field { field, wrong: message }) = Plan::try_from(MigrationPlan::new("", self.clone())) {
            wrong.push(Violation::missing(field, message));
        }
        wrong
    }
}

impl MigrationPlanSpec {
    /// It does not say enough to be carried out.
    pub fn is_draft(&self) -> bool {
        self.snapshot.is_none() || self.summary.is_none() || self.migrations.iter().any(|step| step.pod.is_none())
    }
}
