//! What was measured, as the engine takes it.

use engine::rightsizing::{Event, EventKind, Resource, Sample, Series, Usage, Used, User};
use model::Time;
use observe::usage::{Measured, MeasuredContainer, MeasuredEvent, MeasuredUsage, MeasuredUser};

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
