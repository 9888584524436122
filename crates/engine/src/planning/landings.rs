//! Where kube-scheduler would put each pod that a plan moves, when its turn comes.

use model::Landing;
use rustc_hash::FxHashMap;

use super::Problem;
use super::placement::Placement;
use super::waves::{Move, Ordered};
use crate::cluster::NodeSet;
use crate::landing::Scores;
use crate::state::{Holds, State};

/// So many nodes are asked about in all, by a filter or for their scores; where pods land that move later is unknown. This
/// takes about a second.
const MOST_ASKED: usize = 10_000_000;

/// kube-scheduler looks no further once so many nodes take a pod: all below 100, else this part of them
/// (`numFeasibleNodesToFind`, `pkg/scheduler/schedule_one.go`).
const FEWEST_FOUND: usize = 100;
const FEWEST_PERCENT: usize = 5;

/// In the order of the waves: what is known of the landing of each pod.
pub(super) fn landings(problem: &Problem<'_>, goal: &Placement<'_>, ordered: &Ordered) -> Vec<Landing> {
    if ordered.waves.is_empty() {
        return Vec::new();
    }
    let mut replay = Replay::new(problem, goal);
    let mut landings = Vec::new();
    for wave in &ordered.waves {
        for step in wave {
            landings.extend(step.pods.iter().map(|pod| replay.step(*pod as usize, step)));
        }
        replay.remove_emptied();
    }
    landings
}

/// Pods leave and arrive one after the other, as the plan lists them.
struct Replay<'p, 'a> {
    problem: &'p Problem<'a>,
    state: State<'p, 'a>,
    scores: Scores<'p, 'a>,
    /// Nodes that go, with how many pods each has left to move.
    left_on: FxHashMap<u32, usize>,
    nodes_left: usize,
    /// Nodes where something has changed, in order.
    changed: Vec<u32>,
    takes: FxHashMap<u32, Takes>,
    asked: usize,
}

/// The nodes that take pods of a class as far as they alone say, and how many changes that has seen.
struct Takes {
    nodes: NodeSet,
    seen: usize,
}

impl<'p, 'a> Replay<'p, 'a> {
    fn new(problem: &'p Problem<'a>, goal: &Placement<'_>) -> Replay<'p, 'a> {
        let cluster = problem.cluster;
        let mut state = State::of_snapshot(cluster);
        let mut left_on = FxHashMap::default();
        let mut cordoned = NodeSet::none(cluster.nodes());
        for node in &goal.removed {
            let pods = &cluster.pods_on[*node as usize];
            let on_node: Vec<(usize, Holds)> = pods.iter().map(|pod| (*pod as usize, Holds::AsSeen)).collect();
            state.cordon(*node as usize, &on_node);
            cordoned.insert(*node as usize);
            left_on.insert(*node, pods.iter().filter(|pod| !problem.goes_with_node(**pod as usize)).count());
        }
        let mut scores = Scores::of_snapshot(cluster, &cordoned);
        for (pod, at) in goal.at.iter().enumerate() {
            if let (None, Some(node)) = (cluster.pods[pod].node, at) {
                state.put(pod, *node as usize, Holds::Reserved);
                scores.put(pod, *node as usize, Holds::Reserved);
            }
        }
        let (nodes_left, changed) = (cluster.nodes(), Vec::new());
        let mut replay =
            Replay { problem, state, scores, left_on, nodes_left, changed, takes: FxHashMap::default(), asked: 0 };
        replay.remove_emptied();
        replay
    }

    fn step(&mut self, pod: usize, step: &Move) -> Landing {
        let (from, to) = (step.from as usize, step.to as usize);
        self.state.take(pod, from, Holds::AsSeen);
        self.scores.take(pod, from, Holds::AsSeen);
        self.changed.push(step.from);
        let landing = self.landing(pod, to);
        self.state.put(pod, to, Holds::Requests);
        self.scores.put(pod, to, Holds::Requests);
        self.changed.push(step.to);
        if let Some(left) = self.left_on.get_mut(&step.from) {
            *left -= 1;
        }
        landing
    }

    fn landing(&mut self, pod: usize, target: usize) -> Landing {
        if self.asked > MOST_ASKED {
            return Landing::Unknown;
        }
        let nodes = self.nodes_that_take(pod);
        if nodes == [target] {
            return Landing::Only;
        }
        // Of more nodes than this the scheduler looks at some, and nobody knows where it begins.
        let all_are_scored = nodes.len() <= nodes_found(self.nodes_left);
        let Some(at) = nodes.iter().position(|node| *node == target) else { return Landing::Unknown };
        if !all_are_scored || self.scores.services_may_spread(pod) {
            return Landing::Unknown;
        }
        self.asked += nodes.len();
        let totals = self.scores.totals(pod, &nodes);
        let best = totals.iter().copied().max().unwrap_or(0);
        match totals.iter().filter(|total| **total == best).count() {
            _ if totals[at] < best => Landing::Elsewhere,
            1 => Landing::First,
            _ => Landing::Tied,
        }
    }

    /// In ascending order; where it is more than the scheduler looks at, one more than that.
    fn nodes_that_take(&mut self, pod: usize) -> Vec<usize> {
        let cluster = self.problem.cluster;
        let number = cluster.pods[pod].class;
        let class = &cluster.classes[number as usize];
        let most = nodes_found(self.nodes_left);
        // Whether a claim that only one pod may use is free has nothing to do with the node.
        if !class.single_pod_claims.is_empty() {
            self.takes.remove(&number);
        }
        let takes = self.takes.entry(number).or_insert_with(|| {
            self.asked += cluster.nodes();
            let nodes = NodeSet::of(cluster.nodes(), |node| self.state.fits_alone(class, node));
            Takes { nodes, seen: self.changed.len() }
        });
        for node in &self.changed[takes.seen..] {
            let node = *node as usize;
            if self.state.fits_alone(class, node) { takes.nodes.insert(node) } else { takes.nodes.remove(node) }
        }
        self.asked += self.changed.len() - takes.seen;
        takes.seen = self.changed.len();
        let mut nodes = Vec::new();
        for node in takes.nodes.iter() {
            self.asked += 1;
            if self.state.others_allow(class, node) {
                nodes.push(node);
                if nodes.len() > most {
                    break;
                }
            }
        }
        nodes
    }

    /// Nodes that nothing is left on but what goes with them are gone.
    fn remove_emptied(&mut self) {
        let mut emptied: Vec<u32> =
            self.left_on.iter().filter(|(_, left)| **left == 0).map(|(node, _)| *node).collect();
        emptied.sort_unstable();
        for node in emptied {
            for pod in &self.problem.cluster.pods_on[node as usize] {
                if self.problem.goes_with_node(*pod as usize) {
                    self.state.take(*pod as usize, node as usize, Holds::AsSeen);
                    self.scores.take(*pod as usize, node as usize, Holds::AsSeen);
                }
            }
            self.state.remove_node(node as usize);
            self.left_on.remove(&node);
            self.nodes_left -= 1;
        }
    }
}

/// How many nodes that take a pod the scheduler finds before it scores them, of so many nodes.
fn nodes_found(nodes: usize) -> usize {
    if nodes < FEWEST_FOUND {
        return nodes;
    }
    let percent = 50_usize.saturating_sub(nodes / 125).max(FEWEST_PERCENT);
    (nodes * percent / 100).max(FEWEST_FOUND)
}
