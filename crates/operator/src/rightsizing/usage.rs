//! What containers use, from the provider that a policy names.

use crds::optimization_policy::Provider;
use engine::rightsizing::{Event, EventKind, Resource, Sample, Series, Usage, Used, User};
use model::Time;
use observe::prometheus::{PrometheusOptions, read_prometheus};
use observe::usage::{Measured, MeasuredContainer, MeasuredEvent, MeasuredUsage, MeasuredUser};

use crate::clock;
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

/// What containers used, those of one namespace or of all.
pub async fn read(
    context: &Context,
    provider: Provider,
    window_seconds: i64,
    namespace: Option<&str>,
) -> Result<Read, Unknown> {
    let not_there = |what: &str| Unknown { reason: "ProviderMissing", problem: what.to_owned() };
    match provider {
        Provider::Prometheus => {
            let given = context.settings.rightsizing.prometheus.as_ref();
            let given = given
                .ok_or_else(|| not_there("the operator was given no Prometheus: start it with --prometheus URL"))?;
            let options = PrometheusOptions {
                until: clock::now(),
                window_seconds,
                namespace: namespace.map(str::to_owned),
                ..given.clone()
            };
            match read_prometheus(&options).await {
                Ok(read) => Ok(Read { used: used(read.usage), warnings: read.warnings }),
                Err(error) => {
                    let problem = format!("{}; {}", in_full(&error), error.hint());
                    Err(Unknown { reason: "MetricsMissing", problem })
                }
            }
        }
        Provider::MetricsServer => Err(not_there("provider metrics-server is not read yet: take prometheus")),
        Provider::Custom => Err(not_there("provider custom is not read yet: take prometheus")),
    }
}

/// The error and what is behind it.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words += &format!(": {error}");
        source = error.source();
    }
    words
}

/// What was measured, as the engine takes it.
pub fn used(usage: MeasuredUsage) -> Vec<Used> {
    let one = |(container, measured): (MeasuredContainer, Measured)| Used {
        namespace: container.namespace,
        user: match container.user {
            MeasuredUser::Pod(name) => User::Pod(name),
            MeasuredUser::Workload { kind, name } => User::Workload(kind, name),
        },
        container: container.container,
        usage: Usage {
            cpu: series(Resource::Cpu, measured.cpu),
            memory: series(Resource::Memory, measured.memory),
            events: events(measured.events),
        },
    };
    usage.into_iter().map(one).collect()
}

fn series(resource: Resource, samples: Vec<(Time, f64)>) -> Series {
    Series::new(resource, samples.into_iter().map(|(at, amount)| Sample { at, amount }))
}

fn events(mut events: Vec<(Time, MeasuredEvent)>) -> Vec<Event> {
    events.sort_by_key(|(at, _)| *at);
    let kind = |event: MeasuredEvent| match event {
        MeasuredEvent::OutOfMemory(limit) => EventKind::OutOfMemory(limit),
        MeasuredEvent::Restart => EventKind::Restart,
        MeasuredEvent::Throttled(part) => EventKind::Throttled(part),
    };
    events.into_iter().map(|(at, event)| Event { at, kind: kind(event) }).collect()
}
