//! How full nodes are before and after, as a picture.

use std::collections::{BTreeMap, BTreeSet};

use model::{Plan, Resources, Snapshot};

use crate::render::bar::bar;

/// Nodes by how full they are, in ten bands; the larger of CPU and memory counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bands {
    /// Below 10 % first; from 90 % on last.
    pub nodes: [usize; 10],
}

/// Before and after a plan.
pub fn bands(snapshot: &Snapshot, plan: &Plan) -> (Bands, Bands) {
    let mut used: Vec<Used> = snapshot.nodes.iter().map(|_| Used::default()).collect();
    let index = |name: &str| snapshot.nodes.binary_search_by(|node| (*node.name).cmp(name)).ok();
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        if let Some(node) = pod.node.as_deref().and_then(index) {
            used[node].add(&pod.held, 1);
        }
    }
    let removed: BTreeSet<&str> = plan.nodes.remove.iter().map(|name| &**name).collect();
    let before = Bands::of(snapshot, &used, &BTreeSet::new());
    let mut added: BTreeMap<&str, Used> = BTreeMap::new();
    for step in &plan.migrations {
        let Some(pod) = snapshot.pod(&step.namespace, &step.pod) else { continue };
        if let Some(node) = index(&step.from_node) {
            used[node].add(&pod.held, -1);
        }
        match index(&step.to_node) {
            Some(node) => used[node].add(&pod.requests, 1),
            None => added.entry(&step.to_node).or_default().add(&pod.requests, 1),
        }
    }
    let mut after = Bands::of(snapshot, &used, &removed);
    for new in &plan.nodes.add {
        let used = added.remove(&*new.node.name).unwrap_or_default();
        after.count(&used, &new.node.allocatable);
    }
    (before, after)
}

/// The picture, a line a band, the fullest first.
pub fn picture(before: &Bands, after: &Bands) -> Vec<String> {
    const COLUMNS: usize = 24;
    let largest = before.nodes.iter().chain(&after.nodes).copied().max().unwrap_or(0);
    let mut lines = vec![format!("{:<14}{:<width$}AFTER", "NODES FULL TO", "BEFORE", width = COLUMNS + 8)];
    for band in (0..before.nodes.len()).rev() {
        let (left, right) = (before.nodes[band], after.nodes[band]);
        let label =
            if band == 9 { "90 % and more".to_owned() } else { format!("{} to {} %", band * 10, band * 10 + 10) };
        let line =
            format!("{label:<14}{} {left:<7}{} {right}", bar(left, largest, COLUMNS), bar(right, largest, COLUMNS));
        lines.push(line);
    }
    lines
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    cpu: i128,
    memory: i128,
}

impl Used {
    fn add(&mut self, resources: &Resources, times: i128) {
        self.cpu += i128::from(resources.cpu) * times;
        self.memory += i128::from(resources.memory) * times;
    }
}

impl Bands {
    fn of(snapshot: &Snapshot, used: &[Used], removed: &BTreeSet<&str>) -> Bands {
        let mut bands = Bands::default();
        for (node, used) in snapshot.nodes.iter().zip(used) {
            if !removed.contains(&*node.name) {
                bands.count(used, &node.allocatable);
            }
        }
        bands
    }

    fn count(&mut self, used: &Used, allocatable: &Resources) {
        let tenths = |used: i128, there: i64| match there {
            // Nothing fits on a node without room: it is as full as can be.
            ..=0 => 9,
            there => used * 10 / i128::from(there),
        };
        let fullest = tenths(used.cpu, allocatable.cpu).max(tenths(used.memory, allocatable.memory));
        self.nodes[usize::try_from(fullest).unwrap_or(0).min(9)] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_of_cpu_and_memory_decides() {
        let mut bands = Bands::default();
        let allocatable = Resources { cpu: 1_000, memory: 1_000, ..Resources::default() };
        bands.count(&Used { cpu: 250, memory: 990 }, &allocatable);
        bands.count(&Used { cpu: 99, memory: 0 }, &allocatable);
        bands.count(&Used { cpu: 5_000, memory: 0 }, &allocatable);
        assert_eq!(bands.nodes, [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    }

    #[test]
    fn bars_share_one_scale() {
        let lines =
            picture(&Bands { nodes: [4, 0, 0, 0, 0, 0, 0, 0, 0, 0] }, &Bands { nodes: [1, 0, 0, 0, 0, 0, 0, 0, 0, 2] });
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[10].matches('█').count(), 24 + 6);
        assert_eq!(lines[1].matches('█').count(), 12);
    }
}
