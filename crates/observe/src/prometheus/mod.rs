//! Usage from Prometheus, and from what speaks its API; and an expression as a threshold. A query of usage never asks for
//! more than its budget: series are counted first, time is cut into pieces, and no more than four queries run at once.

mod answer;
mod client;
mod error;
mod queries;
mod threshold;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::Time;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use error::PrometheusError;
pub use threshold::{Crossing, crossed};

use crate::usage::{Measured, MeasuredContainer, MeasuredEvent, MeasuredUsage};
use answer::{Answer, Point};
use client::PrometheusClient;
use queries::{Measure, Query};

/// How Prometheus is asked.
#[derive(Clone)]
pub struct PrometheusOptions {
    /// Its address, with a path where it lives below one.
    pub url: String,
    /// A file with a bearer token, read anew as it changes.
    pub bearer_token_file: Option<PathBuf>,
    /// A user and a file with their password.
    pub basic_auth: Option<(String, PathBuf)>,
    /// The tenant, as the header X-Scope-OrgID.
    pub tenant: Option<String>,
    /// Labels that every series must have, such as the cluster's, where a store holds several.
    pub labels: Vec<(String, String)>,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// The last moment to ask for.
    pub until: Time,
    /// How far back.
    pub window_seconds: i64,
    /// How far apart samples are to be.
    pub step_seconds: i64,
    /// The most samples that all queries together may touch.
    pub most_samples: u64,
    /// How long one query may take.
    pub timeout: Duration,
}

/// What was read, and what is to be said about it.
#[derive(Debug, Default)]
pub struct PrometheusUsage {
    /// By container.
    pub usage: MeasuredUsage,
    /// What makes it less than it could be.
    pub warnings: Vec<String>,
}

/// An answer larger than this is refused: pieces are made so that none should be.
const LARGEST_ANSWER_BYTES: usize = 256 << 20;
/// Queries under way at once.
const AT_ONCE: usize = 4;

/// For callers without a runtime.
pub fn read_prometheus_blocking(options: &PrometheusOptions) -> Result<PrometheusUsage, PrometheusError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|source| PrometheusError::Start { source })?.block_on(read_prometheus(options))
}

/// Whether it answers, by a query that reads nothing: everything that speaks its API has that.
pub async fn check_prometheus(options: &PrometheusOptions) -> Result<(), PrometheusError> {
    PrometheusClient::new(options, LARGEST_ANSWER_BYTES)?.ask(&Query::nothing(options)).await.map(|_| ())
}

/// Counts series, cuts time into pieces, asks for each.
pub async fn read_prometheus(options: &PrometheusOptions) -> Result<PrometheusUsage, PrometheusError> {
    let client = Arc::new(PrometheusClient::new(options, LARGEST_ANSWER_BYTES)?);
    let counted = client.ask(&Query::count(options)).await?;
    let series = counted.series.iter().flat_map(|series| &series.points).map(|point| point.value).fold(0.0, f64::max);
    if series < 1.0 {
        return Err(PrometheusError::NoSeries { server: client.server(), matcher: queries::matcher(options) });
    }
    let series = series as u64;
    let touched = queries::samples_touched(options, series);
    if touched > options.most_samples {
        let fits = options.window_seconds as u64 / 86_400 * options.most_samples / touched.max(1);
        return Err(PrometheusError::OverBudget { series, samples: touched, most: options.most_samples, days: fits });
    }
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    for query in queries::all(options, series) {
        let (client, permits) = (client.clone(), permits.clone());
        asked.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire_owned().await.ok();
            let answer = client.ask(&query).await;
            (query.measure, answer)
        });
    }
    let mut read = PrometheusUsage::default();
    let mut unlabelled = 0;
    while let Some(done) = asked.join_next().await {
        let (measure, answer) = done.map_err(|source| PrometheusError::Start { source: source.into() })?;
        match answer {
            Ok(answer) => unlabelled += read.add(measure, answer),
            // What kube-state-metrics and the kernel add is welcome, not needed.
            Err(error) if measure.is_optional() => read.warn(format!("{} is unknown: {error}", measure.words())),
            Err(error) => return Err(error),
        }
    }
    if unlabelled > 0 {
        read.warn(format!("{unlabelled} series lack a namespace, pod or container and are left out"));
    }
    if read.usage.is_empty() {
        return Err(PrometheusError::NoSeries { server: client.server(), matcher: queries::matcher(options) });
    }
    Ok(read)
}

impl PrometheusUsage {
    /// Adds an answer; says how many of its series name no container.
    fn add(&mut self, measure: Measure, answer: Answer) -> usize {
        answer.warnings.into_iter().for_each(|warning| self.warn(warning));
        let mut unlabelled = 0;
        for series in answer.series {
            let Some(container) = series.container() else {
                unlabelled += 1;
                continue;
            };
            self.usage.entry(container).or_default().take(measure, &series.points);
        }
        unlabelled
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

impl Measured {
    fn take(&mut self, measure: Measure, points: &[Point]) {
        for point in points {
            let at = point.at;
            match measure {
                Measure::Cpu => self.cpu.push((at, point.value)),
                Measure::Memory => self.memory.push((at, point.value)),
                Measure::Restarts => self.events.push((at, MeasuredEvent::Restart)),
                Measure::Kills => self.events.push((at, MeasuredEvent::OutOfMemory(None))),
                Measure::Throttling => self.events.push((at, MeasuredEvent::Throttled(point.value.clamp(0.0, 1.0)))),
            }
        }
    }
}

/// The container that a series is of.
pub(crate) type Key = MeasuredContainer;
