//! Who runs where: pods come one after the other to the emptiest node that their rules allow.

use super::nodes::Node;
use super::tables::apps;
use super::words::{App, Kind, Trait};
use crate::random::Random;

/// One pod to be.
pub(super) struct Pod {
    pub app: &'static App,
    /// Of a DaemonSet's pod its node's number, else the replica's.
    pub ordinal: usize,
    /// Index of its node.
    pub node: Option<usize>,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    /// On its node, but not ready yet.
    Starting,
    Pending,
    Succeeded,
    Failed,
}

impl State {
    pub fn is_finished(self) -> bool {
        matches!(self, State::Succeeded | State::Failed)
    }
}

/// Any; the company changes with it.
const SEED: u64 = 1876;

/// Places everything. A pod that no node takes stays pending.
pub(super) fn place(nodes: &[Node]) -> Vec<Pod> {
    let mut room = Room::new(nodes);
    let mut random = Random::new(SEED);
    let mut pods = Vec::new();
    let mut in_order: Vec<(usize, &App)> = apps().enumerate().collect();
    // A pool was made for those that ask for it; who may run anywhere came later.
    in_order.sort_by_key(|(_, app)| (app.kind != Kind::DaemonSet, app.pool().is_none(), !app.has(Trait::Spot)));
    for (number, app) in in_order {
        if app.kind == Kind::DaemonSet {
            for (at, node) in nodes.iter().enumerate().filter(|(_, node)| node.is_selected_by(app)) {
                debug_assert!(node.is_tolerated_by(app));
                room.put(app, number, at);
                pods.push(Pod { app, ordinal: at, node: Some(at), state: State::Running });
            }
            continue;
        }
        for ordinal in 0..app.replicas {
            let mut state = state_of(app, ordinal);
            let node = if state == State::Pending { None } else { room.choose(app, number, &mut random) };
            match node {
                // Finished pods still name their node, and hold nothing of it.
                Some(node) if !state.is_finished() => room.put(app, number, node),
                Some(_) => {}
                None => state = State::Pending,
            }
            pods.push(Pod { app, ordinal, node, state });
        }
    }
    pods
}

fn state_of(app: &App, ordinal: usize) -> State {
    let failed_from = app.finished().saturating_sub(app.failed());
    if ordinal < failed_from {
        State::Succeeded
    } else if ordinal < app.finished() {
        State::Failed
    } else if ordinal + app.pending() >= app.replicas {
        State::Pending
    } else if app.mid_rollout().is_some() && ordinal + 1 == app.replicas {
        State::Starting
    } else {
        State::Running
    }
}

/// What the nodes have left, and who is on them.
struct Room<'a> {
    nodes: &'a [Node],
    cpu: Vec<i64>,
    memory_kib: Vec<i64>,
    pods: Vec<i64>,
    volumes: Vec<usize>,
    /// Pods of each app on each node.
    on: Vec<Vec<i64>>,
    apps: Vec<&'static App>,
}

impl<'a> Room<'a> {
    fn new(nodes: &'a [Node]) -> Room<'a> {
        let apps: Vec<&App> = apps().collect();
        Room {
            nodes,
            cpu: nodes.iter().map(|node| node.machine.allocatable_cpu()).collect(),
            memory_kib: nodes.iter().map(|node| node.machine.allocatable_memory_kib()).collect(),
            pods: nodes.iter().map(|node| node.machine.pods()).collect(),
            volumes: nodes.iter().map(Node::attachable_volumes).collect(),
            on: vec![vec![0; nodes.len()]; apps.len()],
            apps,
        }
    }

    fn put(&mut self, app: &App, number: usize, node: usize) {
        let (cpu, memory) = app.requests();
        self.cpu[node] -= cpu;
        self.memory_kib[node] -= memory * 1024;
        self.pods[node] -= 1;
        self.volumes[node] -= usize::from(app.disk().is_some());
        self.on[number][node] += 1;
    }

    /// The best node of those that the pod's rules allow.
    fn choose(&self, app: &App, number: usize, random: &mut Random) -> Option<usize> {
        let mut best: Option<(i64, usize)> = None;
        for node in 0..self.nodes.len() {
            // Drawn for every node, so that a change of one rule leaves the others' luck alone.
            let luck = random.between(0, 12);
            if !self.allows(app, number, node) {
                continue;
            }
            let score = self.score(app, number, node) + luck;
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, node));
            }
        }
        best.map(|(_, node)| node)
    }

    fn allows(&self, app: &App, number: usize, at: usize) -> bool {
        let node = &self.nodes[at];
        let (cpu, memory) = app.requests();
        !node.has_only_daemons
            && node.is_selected_by(app)
            && node.is_tolerated_by(app)
            && cpu <= self.cpu[at]
            && memory * 1024 <= self.memory_kib[at]
            && self.pods[at] >= 1
            && (app.disk().is_none() || self.volumes[at] >= 1)
            && app.traits.iter().all(|one| self.relation_holds(*one, app, number, at))
    }

    fn relation_holds(&self, one: Trait, app: &App, number: usize, at: usize) -> bool {
        let here = self.on[number][at];
        match one {
            Trait::OnePerHost => here == 0,
            Trait::OnePerZone => self.zone_of(at).is_some() && self.in_zone(number, at) == 0,
            Trait::SameZoneAs(other) => {
                let other = self.number_of(app, other);
                self.zone_of(at).is_some() && other.is_some_and(|other| self.in_zone(other, at) > 0)
            }
            Trait::EvenZones => {
                let Some(zone) = self.zone_of(at) else { return false };
                let mut counts = std::collections::BTreeMap::new();
                for node in self.domain_nodes(app) {
                    if let Some(zone) = self.zone_of(node) {
                        *counts.entry(zone).or_insert(0) += self.on[number][node];
                    }
                }
                let fewest = counts.values().min().copied().unwrap_or(0);
                counts.get(zone).is_some_and(|count| count + 1 - fewest <= 1)
            }
            Trait::EvenHosts(skew) => {
                let fewest = self.domain_nodes(app).map(|node| self.on[number][node]).min().unwrap_or(0);
                here + 1 - fewest <= skew
            }
            _ => true,
        }
    }

    /// The nodes whose domains count for the app's spread: taints are not asked, and each must have every key.
    fn domain_nodes(&self, app: &App) -> impl Iterator<Item = usize> {
        let needs_zone = app.has(Trait::EvenZones);
        (0..self.nodes.len())
            .filter(move |node| self.nodes[*node].is_selected_by(app) && (!needs_zone || self.zone_of(*node).is_some()))
    }

    /// Emptiness in points of 100, corrected by what the pod would rather have.
    fn score(&self, app: &App, number: usize, at: usize) -> i64 {
        let node = &self.nodes[at];
        let (cpu, memory) = app.requests();
        let free_cpu = 100 * (self.cpu[at] - cpu) / node.machine.allocatable_cpu();
        let free_memory = 100 * (self.memory_kib[at] - memory * 1024) / node.machine.allocatable_memory_kib();
        let here = self.on[number][at];
        // The scheduler spreads what belongs together even where nobody asks for it.
        let mut score = (free_cpu + free_memory) / 2 - 8 * here;
        for one in app.traits {
            score += match one {
                Trait::EvenZonesSoft => -6 * self.in_zone(number, at),
                Trait::EvenHostsSoft | Trait::ApartSoft => -25 * here,
                Trait::PrefersSpot if node.pool.capacity_type == "spot" => 25,
                Trait::NearSoft(other) => self.number_of(app, other).map_or(0, |other| 15 * self.on[other][at].min(1)),
                _ => 0,
            };
        }
        score
    }

    fn zone_of(&self, node: usize) -> Option<&'static str> {
        self.nodes[node].zone_name()
    }

    fn in_zone(&self, number: usize, at: usize) -> i64 {
        let zone = self.zone_of(at);
        (0..self.nodes.len()).filter(|node| self.zone_of(*node) == zone).map(|node| self.on[number][node]).sum()
    }

    fn number_of(&self, app: &App, name: &str) -> Option<usize> {
        self.apps.iter().position(|other| other.namespace == app.namespace && other.name == name)
    }
}
