//! Where use is read: one trait, one file a provider, chosen by the policy among those that the operator was given.

mod custom;
mod metrics_server;
mod prometheus;

use std::time::Duration;

use crds::optimization_policy::Provider;
use engine::rightsizing::Used;
use futures_util::future::BoxFuture;

use crate::context::Context;

/// What a provider could not say: a reason for machines, one for people, and what to do.
pub struct Unknown {
    pub reason: &'static str,
    pub problem: String,
}

/// What was read, and what makes it less than it could be.
pub struct Read {
    pub used: Vec<Used>,
    pub warnings: Vec<String>,
}

/// What of use is asked for: from whom, how many seconds back, and of which namespace where it is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    pub provider: Provider,
    pub window_seconds: i64,
    pub namespace: Option<String>,
}

/// Somebody who knows what containers use.
pub trait UsageProvider: Send + Sync {
    /// Whether it is there and well, or why not.
    fn health<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<(), Unknown>>;

    /// What containers used.
    fn read<'a>(&'a self, context: &'a Context, asked: &'a Asked) -> BoxFuture<'a, Result<Read, Unknown>>;
}

/// A month of a large cluster takes Prometheus a minute or two.
const PATIENCE: Duration = Duration::from_secs(300);

/// Nothing was sampled yet, but will be in a moment.
pub const NOT_YET: &str = "NotYetSampled";

/// As policies name it.
pub fn name(provider: Provider) -> &'static str {
    match provider {
        Provider::Prometheus => "prometheus",
        Provider::MetricsServer => "metrics-server",
        Provider::Custom => "custom",
    }
}

/// What containers used, those of one namespace or of all. Who is not well is not asked.
pub async fn read(context: &Context, asked: &Asked) -> Result<Read, Unknown> {
    let provider: &dyn UsageProvider = match asked.provider {
        Provider::Prometheus => &prometheus::Prometheus,
        Provider::MetricsServer => &metrics_server::MetricsServer,
        Provider::Custom => &custom::Custom,
    };
    let by_name = |unknown: Unknown| {
        let problem = format!("provider {}: {}", name(asked.provider), unknown.problem);
        Unknown { reason: unknown.reason, problem }
    };
    let read = async {
        provider.health(context).await?;
        provider.read(context, asked).await
    };
    within(read).await.unwrap_or_else(|problem| Err(missing(problem))).map_err(by_name)
}

/// What somebody else answers, all pages and tries of it, or that it took too long: other policies wait.
pub async fn within<T>(answer: impl Future<Output = T>) -> Result<T, String> {
    let answered = tokio::time::timeout(PATIENCE, answer).await;
    answered.map_err(|_| format!("it gave no whole answer within {} minutes", PATIENCE.as_secs() / 60))
}

fn not_given(what: &str) -> Unknown {
    Unknown { reason: "ProviderMissing", problem: what.to_owned() }
}

fn missing(problem: String) -> Unknown {
    Unknown { reason: "MetricsMissing", problem }
}
