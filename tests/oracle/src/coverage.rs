//! Which filters and fields matter: how many clusters are judged otherwise than the scheduler judges them, once we do
//! not know one.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anyhow::Result;
use serde_json::{Value, json};

use crate::knobs::{Knob, Tells};
use crate::ours::{JUDGES, Judge, read};
use crate::scheduler::{Answer, Scheduler};

/// What turning one knob on one judge's input did.
pub struct Coverage {
    /// The knob.
    pub knob: Knob,
    /// Who did not know.
    pub judge: Judge,
    /// In how many clusters the answer is no longer the scheduler's.
    pub red: usize,
}

/// Turns every knob on our input alone, the scheduler sees the whole cluster: each knob until `enough` of the clusters
/// of these seeds are judged otherwise than the scheduler judges them.
pub fn measure(knobs: &[Knob], seeds: Range<u64>, enough: usize) -> Result<Vec<Coverage>> {
    let turned: Vec<(Knob, Judge)> = knobs.iter().flat_map(|knob| JUDGES.map(|judge| (*knob, judge))).collect();
    let red: Vec<AtomicUsize> = turned.iter().map(|_| AtomicUsize::new(0)).collect();
    let is_enough = |red: &AtomicUsize| red.load(Ordering::Relaxed) >= enough;
    let next = AtomicU64::new(seeds.start);
    on_all_cores(|| {
        let mut scheduler = Scheduler::start(&["fit"])?;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || red.iter().all(is_enough) {
                return Ok(());
            }
            let list = scenario::corners(seed);
            let theirs = scheduler.fit(&list.to_string())?;
            let Value::Array(items) = &list["items"] else { continue };
            let unbound = unbound_pods(items);
            for (knob, red) in knobs.iter().zip(red.chunks(JUDGES.len())) {
                if red.iter().all(is_enough) {
                    continue;
                }
                let Some(without) = knob.turned(items) else { continue };
                let without = read(&json!({"kind": "List", "apiVersion": "v1", "items": without}).to_string())?;
                for (judge, red) in JUDGES.iter().zip(red).filter(|(_, red)| !is_enough(red)) {
                    if differs(knob, &theirs, &judge.fit(&without), &unbound) {
                        red.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
    })?;
    let measured = turned.into_iter().zip(red);
    Ok(measured.map(|((knob, judge), red)| Coverage { knob, judge, red: red.into_inner() }).collect())
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
fn differs(knob: &Knob, theirs: &Answer, without: &Answer, unbound: &[String]) -> bool {
    theirs
        .iter()
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
