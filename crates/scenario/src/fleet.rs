//! Fleets for measuring: clusters of any size, half full, with a known share of every constraint.

mod objects;
mod placing;

use std::fmt;
use std::io::{self, Write};

use crate::object::write_list;
use crate::random::Random;
use placing::Placing;

/// Of all pods but the daemons, at least this part has a hard topology spread, in percent.
const SPREAD_PERCENT: usize = 24;
/// Of all pods but the daemons, at least this part has required anti-affinity, in percent.
const ANTI_AFFINITY_PERCENT: usize = 10;
/// Of all workloads, one in this many has a budget.
const BUDGET_EVERY: usize = 3;
/// Of all nodes, one in this many is tainted.
const TAINT_EVERY: usize = 10;
/// Of all workloads, one in this many tolerates the taint.
const TOLERATE_EVERY: usize = 8;

/// A type of node: name, cores, GiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeType {
    pub name: &'static str,
    pub cores: i64,
    pub gib: i64,
}

pub(crate) const NODE_TYPES: [NodeType; 5] = [
    NodeType { name: "m6i.xlarge", cores: 4, gib: 16 },
    NodeType { name: "m6i.2xlarge", cores: 8, gib: 32 },
    NodeType { name: "m6i.4xlarge", cores: 16, gib: 64 },
    NodeType { name: "c6i.4xlarge", cores: 16, gib: 32 },
    NodeType { name: "r6i.2xlarge", cores: 8, gib: 64 },
];

pub(crate) const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

#[derive(Clone, Debug)]
pub(crate) struct FleetNode {
    pub name: String,
    pub node_type: NodeType,
    pub zone: usize,
    pub tainted: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct FleetWorkload {
    pub namespace: String,
    pub name: String,
    pub millicores: i64,
    pub mebibytes: i64,
    pub rule: PodRule,
    pub tolerates: bool,
    pub budget: bool,
    /// The node of each replica.
    pub replicas: Vec<u32>,
}

/// The hard rule of a workload's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodRule {
    None,
    ZoneSpread,
    HostSpread,
    AntiAffinity,
}

/// A fleet, placed; its objects are made while they are written.
pub struct Fleet {
    nodes: Vec<FleetNode>,
    workloads: Vec<FleetWorkload>,
    requested: [i64; 2],
    allocatable: [i64; 2],
}

/// A fleet of this many nodes and, one daemon a node included, this many pods.
pub fn fleet(seed: u64, nodes: usize, pods: usize) -> Fleet {
    let mut random = Random::new(seed);
    let nodes: Vec<FleetNode> = (0..nodes)
        .map(|at| FleetNode {
            name: format!("node-{at:05}"),
            node_type: *random.pick(&NODE_TYPES),
            zone: at % ZONES.len(),
            tainted: at % TAINT_EVERY == TAINT_EVERY - 1,
        })
        .collect();
    let mut placing = Placing::new(&nodes);
    let wanted = pods.saturating_sub(nodes.len());
    let allocatable = placing.allocatable();
    // Requests that fill half of all nodes, daemons included.
    let average_millicores = (allocatable[0] / 2 - placing.requested()[0]).max(0) / wanted.max(1) as i64;
    let average_mebibytes = (allocatable[1] / 2 - placing.requested()[1]).max(0) / wanted.max(1) as i64;
    let mut workloads: Vec<FleetWorkload> = Vec::new();
    let (mut placed, mut spread, mut anti_affinity) = (0, 0, 0);
    while placed < wanted {
        let number = workloads.len();
        let most = (wanted - placed).min((nodes.len() / 3).max(1)).min(30);
        let replicas = (random.between(1, 19) as usize).min(most);
        let rule = match () {
            () if spread * 100 < SPREAD_PERCENT * (placed + replicas) => {
                if number.is_multiple_of(5) {
                    PodRule::HostSpread
                } else {
                    PodRule::ZoneSpread
                }
            }
            () if anti_affinity * 100 < ANTI_AFFINITY_PERCENT * (placed + replicas) => PodRule::AntiAffinity,
            () => PodRule::None,
        };
        let mut workload = FleetWorkload {
            namespace: format!("team-{:03}", number % (1 + pods / 500)),
            name: format!("app-{number:05}"),
            millicores: (average_millicores * random.between(20, 180) / 100 / 10 * 10).max(10),
            mebibytes: (average_mebibytes * random.between(20, 180) / 100).max(16),
            rule,
            tolerates: number.is_multiple_of(TOLERATE_EVERY),
            budget: number.is_multiple_of(BUDGET_EVERY),
            replicas: Vec::new(),
        };
        placing.place(&mut random, &mut workload, replicas);
        placed += replicas;
        match rule {
            PodRule::ZoneSpread | PodRule::HostSpread => spread += workload.replicas.len(),
            PodRule::AntiAffinity => anti_affinity += workload.replicas.len(),
            PodRule::None => {}
        }
        workloads.push(workload);
    }
    let requested = placing.requested();
    Fleet { nodes, workloads, requested, allocatable }
}

impl Fleet {
    /// Writes a v1 List of all objects, one after the other.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        write_list(out, self.objects())
    }

    /// All objects, made one by one.
    pub fn objects(&self) -> impl Iterator<Item = serde_json::Value> + '_ {
        objects::of_fleet(&self.nodes, &self.workloads)
    }

    fn pods_of(&self, keep: impl Fn(&FleetWorkload) -> bool) -> usize {
        self.workloads.iter().filter(|workload| keep(workload)).map(|workload| workload.replicas.len()).sum()
    }
}

/// Its distribution, one fact a line.
impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pods = self.nodes.len() + self.pods_of(|_| true);
        let percent = |part: usize, whole: usize| part as f64 * 100.0 / whole.max(1) as f64;
        let full = |at: usize| self.requested[at] as f64 * 100.0 / self.allocatable[at].max(1) as f64;
        let spread = self.pods_of(|workload| matches!(workload.rule, PodRule::ZoneSpread | PodRule::HostSpread));
        let anti_affinity = self.pods_of(|workload| workload.rule == PodRule::AntiAffinity);
        let budgets = self.workloads.iter().filter(|workload| workload.budget).count();
        let tainted = self.nodes.iter().filter(|node| node.tainted).count();
        writeln!(f, "{} nodes of {} types in {} zones, {pods} pods", self.nodes.len(), NODE_TYPES.len(), ZONES.len())?;
        writeln!(f, "{} workloads beside one DaemonSet", self.workloads.len())?;
        writeln!(f, "requested: {:.1} % of CPU, {:.1} % of memory", full(0), full(1))?;
        writeln!(f, "topology spread: {:.1} % of pods", percent(spread, pods))?;
        writeln!(f, "required anti-affinity: {:.1} % of pods", percent(anti_affinity, pods))?;
        writeln!(f, "budgets: {:.1} % of workloads", percent(budgets, self.workloads.len()))?;
        writeln!(f, "tainted: {:.1} % of nodes", percent(tainted, self.nodes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_kept_at_every_size() {
        for (nodes, pods) in [(10, 100), (100, 1_000), (1_000, 10_000)] {
            let fleet = fleet(1, nodes, pods);
            let all = nodes + fleet.pods_of(|_| true);
            let spread = fleet.pods_of(|workload| matches!(workload.rule, PodRule::ZoneSpread | PodRule::HostSpread));
            assert!(all * 100 >= pods * 98, "{all} of {pods} pods placed");
            assert!(spread * 5 >= all, "{spread} of {all} pods with spread");
            assert!(fleet.pods_of(|workload| workload.rule == PodRule::AntiAffinity) * 100 >= all * 7);
            let full = fleet.requested[0] as f64 / fleet.allocatable[0] as f64;
            assert!((0.4..0.6).contains(&full), "{full} of CPU requested");
        }
    }
}
