//! Every pod with every node: what the scheduler says, and what we say.

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::coverage::on_all_cores;
use crate::ours::{JUDGES, Judge, read};
use crate::scheduler::{Answer, Scheduler};

/// A pod and a node on which we differ from the scheduler.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disagreement {
    /// `namespace/name`.
    pub pod: String,
    /// The node; empty where only one side knows the pod.
    pub node: String,
    /// Who of us.
    pub judge: Judge,
    /// Does the scheduler let the pod on the node?
    pub scheduler_passes: bool,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = |passes: bool| if passes { "takes it" } else { "refuses it" };
        let (scheduler, ours) = (says(self.scheduler_passes), says(!self.scheduler_passes));
        write!(f, "pod {} on node {}: the scheduler {scheduler}, {:?} {ours}", self.pod, self.node, self.judge)
    }
}

/// What was compared.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Clusters.
    pub clusters: u64,
    /// Pods times nodes.
    pub pairs: u64,
    /// Pairs that the scheduler lets pass.
    pub passing: u64,
    /// Clusters on which we differ, the smallest first: how many objects it has, its seed, and where we differ.
    pub failing: Vec<(usize, u64, Vec<Disagreement>)>,
}

impl Comparison {
    /// The part of all pairs that pass.
    pub fn share_passing(&self) -> f64 {
        self.passing as f64 / self.pairs.max(1) as f64
    }

    fn add(&mut self, other: Comparison) {
        self.clusters += other.clusters;
        self.pairs += other.pairs;
        self.passing += other.passing;
        self.failing.extend(other.failing);
    }
}

/// Compares the random clusters of these seeds.
pub fn compare(seeds: Range<u64>) -> Result<Comparison> {
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new(Comparison::default());
    on_all_cores(|| {
        let mut scheduler = Scheduler::start(&["fit"])?;
        let mut own = Comparison::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            own.add(compare_one(seed, &mut scheduler).with_context(|| format!("cluster {seed}"))?);
        }
        if let Ok(mut all) = all.lock() {
            all.add(own);
        }
        Ok(())
    })?;
    let mut all = all.into_inner().unwrap_or_default();
    all.failing.sort();
    Ok(all)
}

fn compare_one(seed: u64, scheduler: &mut Scheduler) -> Result<Comparison> {
    let list = scenario::corners(seed);
    let text = list.to_string();
    let theirs = scheduler.fit(&text)?;
    let snapshot = read(&text)?;
    let mut disagreements = Vec::new();
    for judge in JUDGES {
        disagreements.extend(differences(judge, &theirs, &judge.fit(&snapshot)));
    }
    let items = list["items"].as_array().map_or(0, Vec::len);
    Ok(Comparison {
        clusters: 1,
        pairs: (theirs.len() * nodes(&list)) as u64,
        passing: theirs.values().map(|nodes| nodes.len() as u64).sum(),
        failing: if disagreements.is_empty() { Vec::new() } else { vec![(items, seed, disagreements)] },
    })
}

fn nodes(list: &Value) -> usize {
    list["items"].as_array().into_iter().flatten().filter(|item| item["kind"] == "Node").count()
}

/// Where our answer is another than the scheduler's.
pub fn differences(judge: Judge, theirs: &Answer, ours: &Answer) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let mut differ = |pod: &str, node: &str, scheduler_passes: bool| {
        found.push(Disagreement { pod: pod.to_owned(), node: node.to_owned(), judge, scheduler_passes });
    };
    for (pod, their_nodes) in theirs {
        let Some(our_nodes) = ours.get(pod) else {
            differ(pod, "", true);
            continue;
        };
        their_nodes.iter().filter(|node| !our_nodes.contains(node)).for_each(|node| differ(pod, node, true));
        our_nodes.iter().filter(|node| !their_nodes.contains(node)).for_each(|node| differ(pod, node, false));
    }
    ours.keys().filter(|pod| !theirs.contains_key(*pod)).for_each(|pod| differ(pod, "", false));
    found
}
