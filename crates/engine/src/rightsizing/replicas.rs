//! Several replicas as one: at each moment the one that uses most, as all of them get the same request.

use std::collections::BTreeMap;

use model::Time;

use super::{Resource, Sample, Series, Usage};

/// Replicas are measured at different moments; what is this close is one.
const SHORTEST_STEP_SECONDS: i64 = 60;

/// The highest use of any of them.
pub fn highest_of(replicas: &[&Usage]) -> Usage {
    if let [only] = replicas {
        return (*only).clone();
    }
    let mut events: Vec<_> = replicas.iter().flat_map(|usage| &usage.events).copied().collect();
    events.sort_by_key(|event| event.at);
    let series = |resource: Resource| {
        let step = replicas.iter().filter_map(|usage| usage.of(resource).step()).min();
        let step = step.unwrap_or(SHORTEST_STEP_SECONDS).max(SHORTEST_STEP_SECONDS);
        let mut highest: BTreeMap<i64, f64> = BTreeMap::new();
        for sample in replicas.iter().flat_map(|usage| usage.of(resource).samples()) {
            let moment = highest.entry(sample.at.0.div_euclid(step)).or_insert(sample.amount);
            *moment = moment.max(sample.amount);
        }
        let samples = highest.into_iter().map(|(moment, amount)| Sample { at: Time(moment * step), amount });
        let mut merged = Series::new(resource, samples);
        merged.broken = replicas.iter().map(|usage| usage.of(resource).broken).sum();
        merged.duplicates = replicas.iter().map(|usage| usage.of(resource).duplicates).sum();
        merged
    };
    Usage { cpu: series(Resource::Cpu), memory: series(Resource::Memory), events }
}
