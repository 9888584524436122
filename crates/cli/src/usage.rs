//! From the flags of usage to ready objects: what containers used, and how requests are made of it.

use engine::rightsizing::seasonal::{self, Pace};
use engine::rightsizing::{Event, EventKind, Resource, Sample, Series, Settings, Strategy, Usage, Used, User};
use model::Time;
use observe::usage::{Measured, MeasuredEvent, MeasuredUsage, MeasuredUser, UsageFileError, read_usage};

use crate::args::{Caution, UsageArgs};
use crate::failure::Failure;
use crate::talk;

const DAY_SECONDS: i64 = 86_400;
/// So many bad rows are told.
const TOLD: usize = 3;

/// What containers used.
pub fn used(args: &UsageArgs) -> Result<Vec<Used>, Failure> {
    let Some(path) = &args.usage else {
        let failure = Failure::usage("nothing says what containers use");
        return Err(failure.hint("give --usage FILE.csv; docs/rightsizing.md has its columns"));
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
        safety_factor: args.safety_factor,
        ..Settings::new(Pace::Seldom, caution)
    }
}

/// How requests are chosen.
pub fn strategy(args: &UsageArgs) -> &'static dyn Strategy {
    engine::rightsizing::strategy(args.strategy).unwrap_or(engine::rightsizing::default_strategy())
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
