//! Placing a fleet's pods as a scheduler would have: wide, and within every rule.

use super::{FleetNode, FleetWorkload, PodRule, ZONES};
use crate::random::Random;

/// What one daemon asks for.
pub(super) const DAEMON_MILLICORES: i64 = 50;
pub(super) const DAEMON_MEBIBYTES: i64 = 100;
/// What a node keeps for itself, in percent.
const RESERVED_PERCENT: i64 = 4;
/// Pods a node takes.
pub(super) const MOST_PODS: i64 = 58;

/// Allocatable millicores and MiB of a node.
pub(super) fn allocatable(node: &FleetNode) -> [i64; 2] {
    let part = |amount: i64| amount * (100 - RESERVED_PERCENT) / 100;
    [part(node.node_type.cores * 1_000), part(node.node_type.gib * 1_024)]
}

/// What is left of a node.
struct Room {
    free: [i64; 2],
    pods: i64,
}

/// Room by node, and nodes by zone.
pub(super) struct Placing<'a> {
    nodes: &'a [FleetNode],
    room: Vec<Room>,
    by_zone: [Vec<u32>; 3],
    requested: [i64; 2],
}

impl<'a> Placing<'a> {
    pub(super) fn new(nodes: &'a [FleetNode]) -> Placing<'a> {
        let mut by_zone = [const { Vec::new() }; 3];
        let mut room = Vec::with_capacity(nodes.len());
        for (at, node) in nodes.iter().enumerate() {
            by_zone[node.zone].push(at as u32);
            let [cpu, memory] = allocatable(node);
            room.push(Room { free: [cpu - DAEMON_MILLICORES, memory - DAEMON_MEBIBYTES], pods: MOST_PODS - 1 });
        }
        let daemons = nodes.len() as i64;
        Placing { nodes, room, by_zone, requested: [daemons * DAEMON_MILLICORES, daemons * DAEMON_MEBIBYTES] }
    }

    pub(super) fn allocatable(&self) -> [i64; 2] {
        self.nodes.iter().map(allocatable).fold([0, 0], |sum, of_node| [sum[0] + of_node[0], sum[1] + of_node[1]])
    }

    pub(super) fn requested(&self) -> [i64; 2] {
        self.requested
    }

    /// Places replicas on different nodes, zone after zone; stops at the first that finds no node.
    pub(super) fn place(&mut self, random: &mut Random, workload: &mut FleetWorkload, replicas: usize) {
        let first_zone = random.below(ZONES.len());
        let starts = [0, 1, 2].map(|zone: usize| random.below(self.by_zone[zone].len().max(1)));
        let mut tried = [0usize; 3];
        for replica in 0..replicas {
            let zone = (first_zone + replica) % ZONES.len();
            let found = self.next_node(workload, zone, starts[zone], &mut tried[zone]).or_else(|| {
                // Only a workload that counts zones must stay in turn.
                let others = (0..ZONES.len()).filter(|other| *other != zone && workload.rule != PodRule::ZoneSpread);
                let mut others = others.collect::<Vec<_>>().into_iter();
                others.find_map(|other| self.next_node(workload, other, starts[other], &mut tried[other]))
            });
            let Some(node) = found else { return };
            let room = &mut self.room[node as usize];
            room.free[0] -= workload.millicores;
            room.free[1] -= workload.mebibytes;
            room.pods -= 1;
            self.requested[0] += workload.millicores;
            self.requested[1] += workload.mebibytes;
            workload.replicas.push(node);
        }
    }

    /// The next node of the zone, from a start on, that has room; each is looked at once.
    fn next_node(&self, workload: &FleetWorkload, zone: usize, start: usize, tried: &mut usize) -> Option<u32> {
        let nodes = &self.by_zone[zone];
        while *tried < nodes.len() {
            let node = nodes[(start + *tried) % nodes.len()];
            *tried += 1;
            let room = &self.room[node as usize];
            let fits = room.free[0] >= workload.millicores && room.free[1] >= workload.mebibytes && room.pods > 0;
            if fits && (workload.tolerates || !self.nodes[node as usize].tainted) {
                return Some(node);
            }
        }
        None
    }
}
