//! How far a plan has come, kept in its status: what is about to be done is there before it is done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use act::{Done, StepDone};
use crds::{Holds, MigrationPlanStatus, Moment, Outcome, Phase, StepOutcome};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kube::api::{DynamicObject, ObjectMeta};
use model::{Migration, Name};

use super::PROGRESSING;
use crate::clock;
use crate::context::Context;
use crate::error::OperatorError;
use crate::metrics::Status;
use crate::record;

/// The status of a plan that is being carried out.
pub struct Journal {
    context: Arc<Context>,
    /// The very plan: its name and uid.
    plan: ObjectMeta,
    kept: Mutex<Kept>,
}

struct Kept {
    status: MigrationPlanStatus,
    is_written: bool,
    /// The plan was there, and not on its way out, when it was last written to.
    is_there: bool,
}

impl Journal {
    pub fn new(context: &Arc<Context>, plan: &DynamicObject, status: MigrationPlanStatus) -> Journal {
        let kept = Mutex::new(Kept { status, is_written: false, is_there: true });
        let (name, uid) = (plan.metadata.name.clone(), plan.metadata.uid.clone());
        Journal { context: context.clone(), plan: ObjectMeta { name, uid, ..ObjectMeta::default() }, kept }
    }

    /// Was the plan there, and not on its way out, when it was last written to?
    pub fn plan_is_there(&self) -> bool {
        self.lock().is_there
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the status; it is written with the next [`Journal::write`].
    pub fn change(&self, change: impl FnOnce(&mut MigrationPlanStatus)) {
        let mut kept = self.lock();
        change(&mut kept.status);
        kept.is_written = false;
    }

    pub fn status(&self) -> MigrationPlanStatus {
        self.lock().status.clone()
    }

    /// These steps are about to be done.
    pub fn intend(&self, wave: &[Migration]) {
        self.change(|status| {
            status.wave = wave.first().map(|_| status.wave.unwrap_or(0) + 1);
            for step in wave {
                set(status, &step.uid, Outcome::Intended, "", String::new(), None);
            }
        });
    }

    /// What became of a step.
    pub fn done(&self, step: &StepDone) {
        self.change(|status| {
            let before = status.steps.iter().find(|known| known.pod == step.uid).map(|known| known.outcome);
            let (outcome, reason, message, landed_on) = match &step.done {
                Done::Moved { landed_on } => (Outcome::Moved, "", String::new(), landed_on.clone()),
                Done::Gone => match before {
                    Some(Outcome::Moved) => return,
                    Some(Outcome::Intended | Outcome::Evicted) => {
                        (Outcome::Moved, "Resumed", "it left before this replica led".to_owned(), None)
                    }
                    _ => (Outcome::Skipped, "Gone", "it had gone before".to_owned(), None),
                },
                Done::Skipped(why) => (Outcome::Skipped, "Refused", why.clone(), None),
                Done::Failed(why) => (Outcome::Failed, "NotReady", why.clone(), None),
            };
            let counted = match outcome {
                Outcome::Moved => "moved",
                Outcome::Failed => "failed",
                _ => "skipped",
            };
            self.context.metrics.migrations.get_or_create(&Status { status: counted }).inc();
            set(status, &step.uid, outcome, reason, message, landed_on);
            let moved = status.steps.iter().filter(|step| step.outcome == Outcome::Moved).count();
            status.executed_migrations = u32::try_from(moved).unwrap_or(u32::MAX);
        });
    }

    /// Where the plan stands now, and why.
    pub fn stands(&self, phase: Phase, reason: &str, message: &str) {
        self.change(|status| {
            status.phase = phase;
            let holds = if phase == Phase::Executing { Holds::True } else { Holds::False };
            record::put(&mut status.conditions, PROGRESSING, holds, reason, message);
            if phase == Phase::Executing {
                status.started_at.get_or_insert(Moment(clock::now()));
            }
            if phase.is_final() {
                status.finished_at = Some(Moment(clock::now()));
            }
        });
    }

    /// Writes the status down, where it has changed since.
    pub fn write(&self) -> BoxFuture<'_, Result<(), OperatorError>> {
        self.write_down().boxed()
    }

    async fn write_down(&self) -> Result<(), OperatorError> {
        let status = {
            let mut kept = self.lock();
            if kept.is_written {
                return Ok(());
            }
            kept.is_written = true;
            kept.status.clone()
        };
        let objects = &self.context.objects;
        let written = record::status(&self.context, &objects.api(&objects.plans), &self.plan, &status).await;
        let mut kept = self.lock();
        match written {
            Ok(plan) => {
                kept.is_there = plan.is_some_and(|plan| plan.metadata.deletion_timestamp.is_none());
                Ok(())
            }
            Err(error) => {
                kept.is_written = false;
                Err(error)
            }
        }
    }
}

fn set(
    status: &mut MigrationPlanStatus,
    pod: &Name,
    outcome: Outcome,
    reason: &str,
    message: String,
    landed_on: Option<Name>,
) {
    /// Why a step was left out is told in a sentence or two.
    const LONGEST: usize = 300;
    let message = message.chars().take(LONGEST).collect();
    let at = Moment(clock::now());
    let step = StepOutcome { pod: pod.clone(), outcome, reason: reason.to_owned(), message, at, landed_on };
    match status.steps.iter_mut().find(|known| known.pod == *pod) {
        Some(known) => *known = step,
        None => status.steps.push(step),
    }
}
