//! Which fields matter: how many clusters have another answer once a field is not known.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anyhow::Result;
use serde_json::{Value, json};

use crate::knobs::{Knob, Tells};
use crate::scheduler::Answer;

/// What turning one knob did.
pub struct Coverage {
    /// The knob.
    pub knob: Knob,
    /// In how many clusters the answer became another.
    pub changed: usize,
    /// The first of them.
    pub first_seed: Option<u64>,
}

/// Turns every knob on the clusters of these seeds, each one until it has changed the answer of `enough` of them;
/// `judge` makes something that answers, one for each thread.
pub fn measure<J, F>(knobs: Vec<Knob>, seeds: Range<u64>, enough: usize, judge: J) -> Result<Vec<Coverage>>
where
    J: Fn() -> Result<F> + Sync,
    F: FnMut(&str) -> Result<Answer>,
{
    let next = AtomicU64::new(seeds.start);
    let changed: Vec<AtomicUsize> = knobs.iter().map(|_| AtomicUsize::new(0)).collect();
    let first: Vec<AtomicU64> = knobs.iter().map(|_| AtomicU64::new(u64::MAX)).collect();
    let work = || -> Result<()> {
        let mut judge = judge()?;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(());
            }
            if changed.iter().all(|changed| changed.load(Ordering::Relaxed) >= enough) {
                return Ok(());
            }
            let list = scenario::corners(seed);
            let answer = judge(&list.to_string())?;
            let Value::Array(items) = &list["items"] else { continue };
            let unbound = unbound_pods(items);
            for (at, knob) in knobs.iter().enumerate() {
                if changed[at].load(Ordering::Relaxed) >= enough {
                    continue;
                }
                let Some(without) = knob.turned(items) else { continue };
                let without = judge(&json!({"kind": "List", "apiVersion": "v1", "items": without}).to_string())?;
                if differs(knob, &answer, &without, &unbound) {
                    changed[at].fetch_add(1, Ordering::Relaxed);
                    first[at].fetch_min(seed, Ordering::Relaxed);
                }
            }
        }
    };
    on_all_cores(work)?;
    let measured = knobs.into_iter().enumerate().map(|(at, knob)| {
        let first_seed = Some(first[at].load(Ordering::Relaxed)).filter(|seed| *seed != u64::MAX);
        Coverage { knob, changed: changed[at].load(Ordering::Relaxed), first_seed }
    });
    Ok(measured.collect())
}

/// Runs the same work on every core until all are done.
pub fn on_all_cores(work: impl Fn() -> Result<()> + Sync) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..cores).map(|_| scope.spawn(&work)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked"))))
    })
}

/// Only answers that both have and that tell: a knob may take pods away or finish others.
fn differs(knob: &Knob, with: &Answer, without: &Answer, unbound: &[String]) -> bool {
    with.iter()
        .filter(|(pod, _)| knob.tells == Tells::AllPods || unbound.contains(pod))
        .any(|(pod, nodes)| without.get(pod).is_some_and(|other| other != nodes))
}

fn unbound_pods(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .filter(|item| item["kind"] == "Pod" && item["spec"]["nodeName"].is_null())
        .map(|pod| {
            let part = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
            format!("{}/{}", part("namespace"), part("name"))
        })
        .collect()
}
