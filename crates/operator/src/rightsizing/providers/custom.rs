//! The HTTP endpoint that the operator was given. No policy names it: whoever may write one could have us ask anything.

use futures_util::future::BoxFuture;
use observe::usage::{EndpointOptions, UsageEndpointError, check_usage_endpoint, read_usage_endpoint};

use super::{Asked, Read, Unknown, UsageProvider, missing, not_given};
use crate::clock;
use crate::context::Context;
use crate::rightsizing::usage::used;

pub struct Custom;

impl UsageProvider for Custom {
    fn health<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<(), Unknown>> {
        Box::pin(health(context))
    }

    fn read<'a>(&'a self, context: &'a Context, asked: &'a Asked) -> BoxFuture<'a, Result<Read, Unknown>> {
        Box::pin(read(context, asked))
    }
}

async fn health(context: &Context) -> Result<(), Unknown> {
    check_usage_endpoint(&given(context)?).await.map_err(unknown)
}

async fn read(context: &Context, asked: &Asked) -> Result<Read, Unknown> {
    let options =
        EndpointOptions { window_seconds: asked.window_seconds, namespace: asked.namespace.clone(), ..given(context)? };
    let read = read_usage_endpoint(&options).await.map_err(unknown)?;
    Ok(Read { used: used(read.usage), warnings: read.warnings })
}

fn given(context: &Context) -> Result<EndpointOptions, Unknown> {
    let given = context.settings.rightsizing.usage_endpoint.clone();
    let given =
        given.ok_or_else(|| not_given("the operator was given no endpoint: start it with --usage-endpoint URL"))?;
    Ok(EndpointOptions { until: clock::now(), ..given })
}

fn unknown(error: UsageEndpointError) -> Unknown {
    missing(format!("{}; {}", observe::in_full(&error), error.hint()))
}
