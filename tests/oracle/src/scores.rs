//! Every pod on every node that takes it: what the scheduler's score plugins give it, and what ours do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use engine::landing::{PLUGINS, Scores};
use engine::state::Holds;
use engine::{Cluster, NodeSet};
use model::Snapshot;

use crate::coverage::on_all_cores;
use crate::ours::read;
use crate::scheduler::Scheduler;

/// For each `namespace/pod` and node what each plugin gives, times its weight. A pod has nothing where a plugin fails.
pub type Scored = BTreeMap<String, Option<BTreeMap<String, BTreeMap<String, i64>>>>;

/// A score that is not the scheduler's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The cluster's seed.
    pub seed: u64,
    /// `namespace/name`.
    pub pod: String,
    /// The node.
    pub node: String,
    /// The plugin.
    pub plugin: &'static str,
    /// What the scheduler gives.
    pub theirs: i64,
    /// What we give.
    pub ours: i64,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { seed, pod, node, plugin, theirs, ours } = self;
        write!(f, "seed {seed}: {plugin} for pod {pod} on node {node}: the scheduler {theirs}, we {ours}")
    }
}

/// What was compared.
#[derive(Debug, Default)]
pub struct ScoreComparison {
    /// Pods times the nodes that take them.
    pub pairs: u64,
    /// Plugins that told two nodes apart for some pod, with for how many pods.
    pub telling: BTreeMap<String, u64>,
    /// Plugins of the scheduler that we do not have and that gave anything.
    pub unknown: BTreeSet<String>,
    /// Where we differ.
    pub differences: Vec<Difference>,
}

/// Compares the random clusters of these seeds.
pub fn compare_scores(seeds: Range<u64>) -> Result<ScoreComparison> {
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new(ScoreComparison::default());
    on_all_cores(|| {
        let mut scheduler = Scheduler::start(&["score"])?;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(());
            }
            let text = scenario::scored_corners(seed).to_string();
            let mut own = ScoreComparison::default();
            compare_scores_of(&text, seed, &mut scheduler, &mut own).with_context(|| format!("cluster {seed}"))?;
            if let Ok(mut all) = all.lock() {
                all.add(own);
            }
        }
    })?;
    let mut all = all.into_inner().unwrap_or_default();
    all.differences.sort_by_key(|difference| difference.seed);
    Ok(all)
}

/// Compares one List.
pub fn compare_scores_of(list: &str, seed: u64, scheduler: &mut Scheduler, found: &mut ScoreComparison) -> Result<()> {
    let theirs: Scored = serde_json::from_str(&scheduler.ask(list)?)?;
    let snapshot = read(list)?;
    let cluster = Cluster::new(&snapshot);
    let mut scores = Scores::of_snapshot(&cluster, &NodeSet::none(snapshot.nodes.len()));
    for (pod, object) in snapshot.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished()) {
        // What resource claims are worth is not modelled, no more than where they fit.
        let Some(Some(theirs)) = theirs.get(&object.key()) else { continue };
        if object.spec.has_resource_claims || theirs.is_empty() {
            continue;
        }
        let nodes: Vec<usize> = theirs.keys().filter_map(|name| number(&snapshot, name)).collect();
        let home = cluster.pods[pod].node.map(|node| node as usize);
        if let Some(node) = home {
            scores.take(pod, node, Holds::AsSeen);
        }
        let ours = scores.by_plugin(pod, &nodes);
        if let Some(node) = home {
            scores.put(pod, node, Holds::AsSeen);
        }
        found.pairs += nodes.len() as u64;
        for (plugin, ours) in PLUGINS.iter().zip(&ours) {
            for ((node, theirs), ours) in theirs.iter().zip(ours) {
                let theirs = theirs.get(plugin.name).copied().unwrap_or(0);
                if theirs != *ours {
                    let (pod, node) = (object.key(), node.clone());
                    found.differences.push(Difference { seed, pod, node, plugin: plugin.name, theirs, ours: *ours });
                }
            }
            *found.telling.entry(plugin.name.to_owned()).or_default() +=
                u64::from(ours.iter().any(|one| *one != ours[0]));
        }
        for (name, score) in theirs.values().flatten() {
            if *score != 0 && !PLUGINS.iter().any(|plugin| plugin.name == name) {
                found.unknown.insert(name.clone());
            }
        }
    }
    Ok(())
}

impl ScoreComparison {
    fn add(&mut self, other: ScoreComparison) {
        self.pairs += other.pairs;
        for (plugin, pods) in other.telling {
            *self.telling.entry(plugin).or_default() += pods;
        }
        self.unknown.extend(other.unknown);
        self.differences.extend(other.differences);
    }
}

fn number(snapshot: &Snapshot, name: &str) -> Option<usize> {
    snapshot.nodes.binary_search_by(|node| (*node.name).cmp(name)).ok()
}
