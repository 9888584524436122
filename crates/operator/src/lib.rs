//! The operator: watches the cluster, plans by schedule, and carries out what was agreed to, one plan at a time.
//!
//! - [`run`]: until it is told to stop
//! - `leader`: which of several replicas acts, and until when it may write
//! - `consolidation`: the loop of each OptimizationConfig
//! - `plans`: how a MigrationPlan goes from Pending to its end
//! - `rightsizing`: what containers should ask for, and how that reaches them
//! - `webhooks`: what is wrong with our kinds is refused, and who approves is stamped
//! - `endpoints`: health, readiness and metrics

mod access;
mod clock;
mod consolidation;
mod context;
mod due;
mod endpoints;
mod error;
mod events;
mod leader;
mod metrics;
mod objects;
mod outside;
mod plans;
mod record;
mod rightsizing;
mod settings;
mod webhooks;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use context::Context;
pub use error::OperatorError;
pub use outside::{Approved, Outside, Resources};
pub use rightsizing::sampling::checkpoint;
pub use rightsizing::sampling::history::Key as SampledContainer;
pub use rightsizing::{answered, asked, used};
pub use settings::{Rightsizing, Settings};
pub use webhooks::{CertifiedBy, Reached, Webhooks};

/// Something is looked at this often, beside whenever something changes: schedules and windows open by the clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After an error that nobody expected.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Runs until `stop` resolves. What is under way then is in the cluster, and whoever leads next goes on with it.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), OperatorError> {
    let (may_write_until, fence) = watch::channel(None);
    let context = Arc::new(Context::begin(settings, fence).await?);
    let webhooks = webhooks::serve(&context).await?;
    let endpoints = endpoints::serve(&context, webhooks.as_ref().map(webhooks::Serving::acceptor)).await?;
    let mut stop = std::pin::pin!(stop);
    let lease = leader::Lease::new(&context, may_write_until);
    let result = loop {
        tokio::select! {
            () = &mut stop => break Ok(()),
            () = lease.acquire() => {}
        }
        info!(identity = %context.settings.identity, "leading");
        context.metrics.leader.set(1);
        let end = tokio::select! {
            () = &mut stop => Some(Ok(())),
            () = lease.keep() => None,
            () = webhooks::keep(&context, webhooks.as_ref()) => None,
            result = lead(&context) => Some(result),
            never = rightsizing::keep(&context) => match never {},
        };
        context.metrics.leader.set(0);
        match end {
            Some(result) => break result,
            None => warn!("lost the lease; waiting to lead again"),
        }
    };
    rightsizing::hand_over(&context).await;
    lease.release().await;
    drop((endpoints, webhooks));
    result
}

/// Everything that a leader does. Ends only with an error.
async fn lead(context: &Arc<Context>) -> Result<(), OperatorError> {
    let mut loops = consolidation::Loops::default();
    let mut plans = plans::Plans::default();
    loop {
        if let Err(error) = plans.reconcile(context).await {
            warn!(%error, "cannot bring plans forward");
            tokio::time::sleep(TRY_AGAIN).await;
        }
        loops.reconcile(context, plans.executing(context)).await;
        context.metrics.beat();
        context.objects.changed_within(LOOK_EVERY).await;
    }
}
