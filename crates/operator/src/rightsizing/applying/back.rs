//! What was before is brought back, and why is said.

use std::time::Instant;

use act::{Resized, Unchanged, resize, size_template};
use crds::Holds;
use crds::optimization_recommendation::{Change, Method, RecommendationPhase};
use kube::runtime::events::EventType;

use super::case::{APPLIED, Case, ROLLING_BACK};
use super::{Done, Known, SOON};
use crate::metrics::OfReason;
use crate::record;
use crate::rightsizing::recommendation::{Side, sizes};

impl Case<'_> {
    /// Writes down that what was before is to come back, and why; then brings it back.
    pub(super) async fn roll_back(mut self, reason: &str, why: String, known: &mut Known) -> Done {
        record::put(&mut self.standing.conditions, APPLIED, Holds::False, ROLLING_BACK, format!("{reason}: {why}"));
        if !self.write().await? {
            return Ok(());
        }
        self.context.metrics.rightsizing_skipped.get_or_create(&OfReason { reason: reason.to_owned() }).inc();
        self.tell(EventType::Warning, ROLLING_BACK, format!("{reason}: {why}")).await;
        self.take_back(known).await
    }

    /// Brings back what was before; what nobody answers is asked again.
    pub(super) async fn take_back(mut self, known: &mut Known) -> Done {
        let before = sizes(&self.spec.changes, Side::Before);
        let cluster = &self.context.cluster;
        let mut left = Vec::new();
        if self.spec.changes.iter().any(is_without_before) {
            left.push("what was not asked for before cannot be taken back".to_owned());
        }
        if self.standing.method == Some(Method::Recreate) {
            let (kind, of, name) = (&*self.workload.kind, &*self.workload.namespace, &*self.workload.name);
            match size_template(cluster, (kind, of, name), &before, false).await {
                Ok(()) => {}
                Err(Unchanged::Refused(why)) => left.push(why),
                Err(Unchanged::Later(_)) => {
                    known.again = Some(Instant::now() + SOON);
                    return Ok(());
                }
            }
        } else {
            for pod in &self.standing.pods {
                match resize(cluster, (&self.workload.namespace, &pod.name, &pod.uid), &before, false).await {
                    Resized::Taken | Resized::AsIs | Resized::Gone => {}
                    Resized::Refused(why) => left.push(format!("pod {}: {why}", pod.name)),
                    Resized::Later(_) => {
                        known.again = Some(Instant::now() + SOON);
                        return Ok(());
                    }
                }
            }
        }
        let why = self.standing.conditions.iter().find(|known| known.kind == APPLIED);
        let why = why.map(|known| known.message.clone()).unwrap_or_default();
        let (reason, why) = why.split_once(": ").unwrap_or(("RolledBack", &why));
        let words = match left.first() {
            None => why.to_owned(),
            Some(first) => format!("{why}; and not all is as it was: {first}"),
        };
        let reason = reason.to_owned();
        known.waits_since = None;
        known.rounds = 0;
        self.standing.phase = RecommendationPhase::RolledBack;
        self.standing.step_since = None;
        record::put(&mut self.standing.conditions, APPLIED, Holds::False, &reason, words.clone());
        if self.write().await? {
            self.tell(EventType::Warning, "RolledBack", words).await;
        }
        Ok(())
    }
}

/// Does it change what was not there before, or of which nobody has written what was?
fn is_without_before(change: &Change) -> bool {
    let lacks = |after: [Option<i64>; 2], before: [Option<i64>; 2]| {
        after.into_iter().zip(before).any(|(after, before)| after.is_some() && before.is_none())
    };
    lacks(change.requests.values(), change.requests_before.values())
        || lacks(change.limits.values(), change.limits_before.values())
}
