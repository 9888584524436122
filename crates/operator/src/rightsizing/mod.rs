//! What containers should ask for, and how that reaches them. Its loops speak to each other by objects alone.
//!
//! - `terms`: what a policy means, and whose workloads are whose
//! - `providers`: what containers use, from the policy's provider; `sampling` is what stands behind one of them
//! - `choosing`: by whom requests are chosen
//! - `look`: the loop of the policies, from use to recommendations
//! - `recommendation`: the object that says what should change
//! - `applying`: the loop of the recommendations, from approval to pods that have it, or back
//! - `sizing`: pods that are made later get what was applied

mod applying;
mod choosing;
mod look;
mod providers;
mod recommendation;
pub mod sampling;
pub mod sizing;
pub mod terms;
mod usage;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{Name, Time, WorkloadRef};
use tokio::task::JoinSet;
use tracing::error;

use crate::context::Context;
pub use choosing::{answered, asked};
pub use sampling::hand_over;
pub use usage::used;

/// Memory that containers were last seen to use, and when: of the replica that uses most.
#[derive(Default)]
pub struct InUse {
    of: Mutex<BTreeMap<(WorkloadRef, Name), (Time, i64)>>,
}

/// After what nobody expected.
const BEGIN_ANEW: Duration = Duration::from_secs(10);
/// What was seen longer ago says nothing of now.
const LATELY_SECONDS: i64 = 1_800;

impl InUse {
    fn put(&self, workload: WorkloadRef, container: Name, at: Time, bytes: i64) {
        let mut known = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((workload, container), (at, bytes));
    }

    /// What says nothing of now any more.
    fn forget(&self, now: Time) {
        let mut known = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, _)| now.seconds_since(*at) <= LATELY_SECONDS);
    }

    fn get(&self, workload: &WorkloadRef, container: &str, now: Time) -> Option<i64> {
        let known = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(workload.clone(), container.into()));
        found.filter(|(at, _)| now.seconds_since(*at) <= LATELY_SECONDS).map(|(_, bytes)| *bytes)
    }
}

/// All loops, until this replica does not lead any more.
pub async fn keep(context: &Arc<Context>) -> Infallible {
    let in_use = Arc::new(InUse::default());
    loop {
        // They end with this future, and begin anew together where one ends that never should.
        let mut loops = JoinSet::new();
        let (look, apply) = ((context.clone(), in_use.clone()), (context.clone(), in_use.clone()));
        loops.spawn(async move { look::keep(&look.0, &look.1).await });
        loops.spawn(async move { applying::keep(&apply.0, &apply.1).await });
        let sample = context.clone();
        loops.spawn(async move { sampling::keep(&sample).await });
        if let Some(Err(problem)) = loops.join_next().await {
            error!(%problem, "rightsizing ended unexpectedly, and begins anew");
        }
        drop(loops);
        tokio::time::sleep(BEGIN_ANEW).await;
    }
}
