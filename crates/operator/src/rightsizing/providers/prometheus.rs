//! The Prometheus that the operator was given, or what speaks its API.

use futures_util::future::BoxFuture;
use observe::prometheus::{PrometheusError, PrometheusOptions, check_prometheus, read_prometheus};

use super::{Asked, Read, Unknown, UsageProvider, missing, not_given};
use crate::clock;
use crate::context::Context;
use crate::rightsizing::usage::used;

pub struct Prometheus;

impl UsageProvider for Prometheus {
    fn health<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<(), Unknown>> {
        Box::pin(health(context))
    }

    fn read<'a>(&'a self, context: &'a Context, asked: &'a Asked) -> BoxFuture<'a, Result<Read, Unknown>> {
        Box::pin(read(context, asked))
    }
}

async fn health(context: &Context) -> Result<(), Unknown> {
    check_prometheus(&given(context)?).await.map_err(unknown)
}

async fn read(context: &Context, asked: &Asked) -> Result<Read, Unknown> {
    let options = PrometheusOptions {
        window_seconds: asked.window_seconds,
        namespace: asked.namespace.clone(),
        ..given(context)?
    };
    let read = read_prometheus(&options).await.map_err(unknown)?;
    Ok(Read { used: used(read.usage), warnings: read.warnings })
}

fn given(context: &Context) -> Result<PrometheusOptions, Unknown> {
    let given = context.settings.rightsizing.prometheus.clone();
    let given =
        given.ok_or_else(|| not_given("the operator was given no Prometheus: start it with --prometheus URL"))?;
    Ok(PrometheusOptions { until: clock::now(), ..given })
}

fn unknown(error: PrometheusError) -> Unknown {
    missing(format!("{}; {}", observe::in_full(&error), error.hint()))
}
