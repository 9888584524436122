//! What containers should ask for, and how that reaches them. The two loops speak to each other by objects alone.
//!
//! - `terms`: what a policy means, and whose workloads are whose
//! - `usage`: what containers use, from the policy's provider
//! - `look`: the loop of the policies, from use to recommendations
//! - `recommendation`: the object that says what should change
//! - `applying`: the loop of the recommendations, from approval to pods that have it, or back
//! - `sizing`: pods that are made later get what was applied

mod applying;
mod look;
mod recommendation;
pub mod sizing;
mod terms;
mod usage;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Time, WorkloadRef};

use crate::context::Context;
pub use usage::used;

/// Memory that a replica was last seen to use, and when, by workload: of the replica that uses most.
#[derive(Default)]
pub struct InUse {
    of: Mutex<BTreeMap<WorkloadRef, (Time, i64)>>,
}

/// What was seen longer ago says nothing of now.
const LATELY_SECONDS: i64 = 1_800;

impl InUse {
    fn put(&self, workload: WorkloadRef, at: Time, bytes: i64) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).insert(workload, (at, bytes));
    }

    fn get(&self, workload: &WorkloadRef, now: Time) -> Option<i64> {
        let known = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(workload).filter(|(at, _)| now.seconds_since(*at) <= LATELY_SECONDS).map(|(_, bytes)| *bytes)
    }
}

/// Both loops, until this replica does not lead any more.
pub async fn keep(context: &Arc<Context>) -> Infallible {
    let in_use = InUse::default();
    tokio::select! {
        never = look::keep(context, &in_use) => never,
        never = applying::keep(context, &in_use) => never,
    }
}
