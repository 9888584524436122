//! The loop of the recommendations: from approval to pods that have it, or back. Where each stands is in its status, so
//! that another replica goes on from there.
//!
//! - `case`: one recommendation: whether it may be applied now, how, and what is written of it
//! - `in_place`, `recreate`: a step forward
//! - `back`: what was before is brought back
//! - `threshold`: the rollback query of a rollout
//! - `rights`: what the API server has said of ours

mod back;
mod case;
mod in_place;
mod recreate;
mod rights;
mod threshold;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crds::OptimizationRecommendationStatus;
use crds::optimization_recommendation::RecommendationPhase;
use kube::api::DynamicObject;
use tracing::warn;

use super::InUse;
use crate::clock;
use crate::context::Context;
use crate::error::OperatorError;
use crate::objects::{name, status};
use case::Case;
use rights::Rights;
use threshold::Thresholds;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What cannot be applied now is tried again after so long; pods of what is applied are looked at as often.
const AGAIN: Duration = Duration::from_secs(60);
/// What nobody answered is asked again after so long.
const SOON: Duration = Duration::from_secs(5);
/// A resize that a kubelet defers, or new pods that are not ready, are waited for so long.
const MOST_PATIENCE: Duration = Duration::from_secs(600);
/// Nothing is done on what was heard longer ago.
const STALE: Duration = Duration::from_secs(60);

/// What this replica remembers of a recommendation; nothing that another would miss.
#[derive(Default)]
struct Known {
    /// What of it was seen last.
    generation: Option<i64>,
    /// Not before.
    again: Option<Instant>,
    /// Since when pods are waited for.
    waits_since: Option<Instant>,
    /// Since when nobody knows whether the rollback query is crossed.
    unknown_since: Option<Instant>,
    /// Rounds in which pods of the step were resized.
    rounds: usize,
}

/// How bringing one forward ends.
type Done = Result<(), OperatorError>;

/// Brings recommendations forward.
pub async fn keep(context: &Arc<Context>, in_use: &InUse) -> Infallible {
    let mut known: HashMap<String, Known> = HashMap::new();
    let (mut rights, mut thresholds) = (Rights::default(), Thresholds::default());
    loop {
        come_round(context, in_use, &mut known, (&mut rights, &mut thresholds)).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn come_round(
    context: &Arc<Context>,
    in_use: &InUse,
    known: &mut HashMap<String, Known>,
    (rights, thresholds): (&mut Rights, &mut Thresholds),
) {
    let all = context.objects.recommendations.all();
    let uid = |object: &DynamicObject| object.metadata.uid.clone().unwrap_or_default();
    let there: HashSet<String> = all.iter().map(|object| uid(object)).collect();
    known.retain(|of, _| there.contains(of));
    if context.followed.silent_for() > STALE {
        return;
    }
    let mut snapshot = None;
    for object in &all {
        let known = known.entry(uid(object)).or_default();
        if known.generation != object.metadata.generation {
            *known = Known { generation: object.metadata.generation, ..Known::default() };
        }
        let is_later = known.again.is_some_and(|again| Instant::now() < again);
        if is_later || object.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let mut standing: OptimizationRecommendationStatus = status(object);
        let is_approved = object.data["spec"]["approved"] == true;
        // Something else is recommended, and that was all that was written of it.
        let is_news = standing.observed_generation.is_some_and(|seen| Some(seen) != object.metadata.generation);
        if is_approved && is_news && is_over(standing.phase) {
            standing.phase = RecommendationPhase::Pending;
        }
        let is_nothing_to_do = match standing.phase {
            RecommendationPhase::RolledBack | RecommendationPhase::Rejected | RecommendationPhase::Pending => {
                standing.applied.is_empty() && (!is_approved || is_over(standing.phase))
            }
            _ => false,
        };
        if is_nothing_to_do {
            continue;
        }
        let snapshot = snapshot.get_or_insert_with(|| context.followed.snapshot(clock::now()));
        if !snapshot.has("Pod") {
            return;
        }
        let (case, wrong) = Case::of(context, object, standing, snapshot);
        let brought = match wrong {
            Some(wrong) if !is_over(case.standing.phase) => case.reject("Invalid", wrong).await,
            Some(_) => Ok(()),
            None => case.bring_forward(in_use, known, (&mut *rights, &mut *thresholds), is_approved).await,
        };
        if let Err(error) = brought {
            known.again = Some(Instant::now() + SOON);
            warn!(recommendation = name(object), %error, "cannot bring it forward");
        }
    }
}

fn is_over(phase: RecommendationPhase) -> bool {
    matches!(phase, RecommendationPhase::Applied | RecommendationPhase::RolledBack | RecommendationPhase::Rejected)
}
