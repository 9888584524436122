//! From the flags of usage to ready objects: what containers used, and how requests are made of it.

use std::time::Duration;

use engine::rightsizing::seasonal::{self, Pace};
use engine::rightsizing::{Event, EventKind, Limits, Resource, Sample, Series, Settings, Strategy, Usage, Used, User};
use model::Time;
use observe::prometheus::{PrometheusOptions, read_prometheus_blocking};
use observe::usage::{Measured, MeasuredEvent, MeasuredUsage, MeasuredUser, UsageFileError, read_usage};

use crate::args::{self, Caution, UsageArgs};
use crate::failure::Failure;
use crate::{input, talk};

const DAY_SECONDS: i64 = 86_400;
/// What Prometheus is asked for: a sample every five minutes, and an answer before its own limit of two minutes.
const STEP_SECONDS: i64 = 300;
const QUERY_TIMEOUT: Duration = Duration::from_secs(130);
/// So many bad rows are told.
const TOLD: usize = 3;

/// What containers used.
pub fn used(args: &UsageArgs, namespace: Option<&str>) -> Result<Vec<Used>, Failure> {
    if let Some(url) = &args.prometheus {
        return from_prometheus(url, args, namespace);
    }
    let Some(path) = &args.usage else {
        let failure = Failure::usage("nothing says what containers use");
        return Err(failure.hint("give --usage FILE.csv or --prometheus URL; docs/rightsizing.md has the columns"));
    };
    let file = talk::while_doing("reading usage", || read_usage(path)).map_err(|error| {
        let hint = match &error {
            UsageFileError::Open { .. } => "check the path",
            UsageFileError::Read { .. } => "it is read as gzip where it ends in .gz and as zstd where it ends in .zst",
            UsageFileError::TooManyRows { .. } => "give fewer days, or a longer step",
            _ => "its first line is time,namespace,pod,container,cpu,memory; kind and name may stand for pod",
        };
        Failure::from(error).hint(hint)
    })?;
    for bad in file.bad.iter().take(TOLD) {
        talk::note(format!("warning: {}: line {}: {}; left out", path.display(), bad.line, bad.wrong));
    }
    if file.bad_rows > TOLD as u64 {
        talk::note(format!("warning: {} more rows left out", file.bad_rows - TOLD as u64));
    }
    Ok(of_measured(file.usage))
}

fn from_prometheus(url: &str, args: &UsageArgs, namespace: Option<&str>) -> Result<Vec<Used>, Failure> {
    let options = PrometheusOptions {
        url: url.to_owned(),
        bearer_token_file: args.prometheus_token_file.clone(),
        basic_auth: args.prometheus_user.clone().zip(args.prometheus_password_file.clone()),
        tenant: args.prometheus_tenant.clone(),
        labels: args.prometheus_label.clone(),
        namespace: namespace.map(str::to_owned),
        until: input::now(),
        window_seconds: i64::from(args.window) * DAY_SECONDS,
        step_seconds: STEP_SECONDS,
        most_samples: args.prometheus_max_samples,
        timeout: QUERY_TIMEOUT,
    };
    let read = || read_prometheus_blocking(&options);
    let read = talk::while_doing("asking Prometheus", read).map_err(|error| {
        let hint = error.hint();
        Failure::from(error).hint(hint)
    })?;
    for warning in read.warnings.iter().take(TOLD) {
        talk::note(format!("warning: {warning}"));
    }
    Ok(of_measured(read.usage))
}

/// How requests are made.
pub fn settings(args: &UsageArgs) -> Settings {
    let caution = match args.caution {
        Caution::Low => seasonal::Caution::Low,
        Caution::Medium => seasonal::Caution::Medium,
        Caution::High => seasonal::Caution::High,
    };
    Settings {
        window_seconds: i64::from(args.window) * DAY_SECONDS,
        percentile: args.percentile,
        limits: if args.limits == args::Limits::Follow { Limits::InProportion } else { Limits::Keep },
        safety_factor: args.safety_factor,
        ..Settings::new(Pace::Once, caution)
    }
}

/// How requests are chosen.
pub fn strategy(args: &UsageArgs) -> &'static dyn Strategy {
    engine::rightsizing::strategy(args.request_strategy).unwrap_or(engine::rightsizing::default_strategy())
}

fn of_measured(usage: MeasuredUsage) -> Vec<Used> {
    let one = |(container, measured): (observe::usage::MeasuredContainer, Measured)| Used {
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
