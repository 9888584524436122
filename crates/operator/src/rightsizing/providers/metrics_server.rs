//! The metrics API, as it was sampled so far.

use futures_util::future::BoxFuture;

use super::{Asked, NOT_YET, Read, Unknown, UsageProvider, missing};
use crate::clock;
use crate::context::Context;
use crate::rightsizing::sampling::MOST_SECONDS;

/// Who has not answered for so many turns is away.
const TURNS: u32 = 5;
const DAY_SECONDS: i64 = 86_400;

pub struct MetricsServer;

impl UsageProvider for MetricsServer {
    fn health<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<(), Unknown>> {
        Box::pin(std::future::ready(health(context)))
    }

    fn read<'a>(&'a self, context: &'a Context, asked: &'a Asked) -> BoxFuture<'a, Result<Read, Unknown>> {
        Box::pin(std::future::ready(Ok(read(context, asked))))
    }
}

fn health(context: &Context) -> Result<(), Unknown> {
    let going = context.samples.going();
    let patience = context.settings.rightsizing.sample_every * TURNS;
    let is_fresh = |answered| clock::now().seconds_since(answered) <= patience.as_secs() as i64;
    match (going.answered, going.problem) {
        (Some(answered), _) if is_fresh(answered) => Ok(()),
        (_, Some(problem)) => Err(missing(format!("{problem}; is metrics-server there and well?"))),
        (Some(_), None) => Err(missing("it was not sampled for some time".to_owned())),
        (None, None) => Err(Unknown { reason: NOT_YET, problem: "it is about to be sampled".to_owned() }),
    }
}

fn read(context: &Context, asked: &Asked) -> Read {
    let (used, since) = context.samples.used(asked.namespace.as_deref());
    let mut warnings = Vec::new();
    let now = clock::now();
    match since {
        None => warnings.push("nothing was sampled yet: its workloads have no metrics".to_owned()),
        Some(since) if now.seconds_since(since) < asked.window_seconds.min(MOST_SECONDS) => {
            let hours = now.seconds_since(since) / 3_600;
            let needed = if now.seconds_since(since) < DAY_SECONDS { ", where 24 at least are needed" } else { "" };
            warnings.push(format!("sampled since {}, still learning: {hours} hours are known{needed}", moment(since)));
        }
        Some(_) => {}
    }
    if asked.window_seconds > MOST_SECONDS {
        warnings.push(format!("of the window the last {} days are kept", MOST_SECONDS / DAY_SECONDS));
    }
    if let Some(problem) = context.samples.going().not_kept {
        warnings.push(format!("what is sampled would not survive a restart: {problem}"));
    }
    Read { used, warnings }
}

fn moment(time: model::Time) -> String {
    serde_json::to_value(crds::Moment(time)).ok().and_then(|text| Some(text.as_str()?.to_owned())).unwrap_or_default()
}
