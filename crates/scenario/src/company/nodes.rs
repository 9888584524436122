//! The machines: where each stands, what it holds, and who may select it.

use super::tables::{GROUPS, MACHINES, Machine, POOLS, Pool, RunBy, ZONES};
use super::time::{DAY, HOUR};
use super::words::{App, Kind, Reach, Trait};
use crate::object::hash;

/// One node.
pub(super) struct Node {
    pub name: String,
    /// Zone and its AWS-wide number; none outside the cloud.
    pub zone: Option<(&'static str, &'static str)>,
    pub pool: &'static Pool,
    pub machine: &'static Machine,
    pub has_only_daemons: bool,
    /// Minutes since it joined.
    pub age: i64,
    pub ip: String,
}

/// What EKS keeps for the eviction threshold, in MiB.
const EVICTION_MIB: i64 = 100;
/// Volumes that a Nitro machine can attach beside its root disk and network interfaces.
const ATTACHABLE_VOLUMES: usize = 25;

/// All nodes, in no particular order.
pub(super) fn nodes() -> Vec<Node> {
    let mut nodes = Vec::new();
    for group in &GROUPS {
        let pool = POOLS.iter().find(|pool| pool.name == group.pool);
        let machine = MACHINES.iter().find(|machine| machine.name == group.machine);
        let (Some(pool), Some(machine)) = (pool, machine) else { continue };
        for number in 0..group.nodes {
            let at = nodes.len();
            let is_in_cloud = pool.run_by != RunBy::Hands;
            let zone = is_in_cloud.then(|| ZONES[at % ZONES.len()]);
            // A subnet for each zone; the odd multiplier scatters addresses and never repeats one.
            let subnet = if is_in_cloud { 16 * (at % ZONES.len()) } else { 200 };
            let ip = format!("10.20.{}.{}", subnet + at / 40, 4 + at * 89 % 251);
            let name = match zone {
                Some(_) => format!("ip-{}.eu-west-1.compute.internal", ip.replace('.', "-")),
                None => format!("dub-rack7-{:02}", number + 1),
            };
            let age = match (group.has_only_daemons, pool.capacity_type) {
                (true, _) => 14 + 3 * number as i64,
                (_, "spot") => 3 * HOUR + (hash(&name, "age", "") % (6 * DAY as u64)) as i64,
                _ => 4 * DAY + (hash(&name, "age", "") % (24 * DAY as u64)) as i64,
            };
            nodes.push(Node { name, zone, pool, machine, has_only_daemons: group.has_only_daemons, age, ip });
        }
    }
    nodes
}

impl Machine {
    /// Pods that the network interfaces have addresses for.
    pub fn pods(&self) -> i64 {
        self.interfaces * (self.addresses - 1) + 2
    }

    /// Millicores left to pods: EKS keeps 6 % of the first core, 1 % of the second, 0.5 % of the next two and 0.25 % of
    /// the others.
    pub fn allocatable_cpu(&self) -> i64 {
        let parts_per_ten_thousand = |core: i64| match core {
            0 => 600,
            1 => 100,
            2 | 3 => 50,
            _ => 25,
        };
        let kept: i64 = (0..self.vcpu).map(parts_per_ten_thousand).sum();
        self.vcpu * 1000 - kept / 10
    }

    /// KiB left to pods: EKS keeps 11 MiB a pod and 255 MiB.
    pub fn allocatable_memory_kib(&self) -> i64 {
        self.memory_kib - 1024 * (11 * self.pods() + 255 + EVICTION_MIB)
    }
}

impl Node {
    pub fn zone_name(&self) -> Option<&'static str> {
        self.zone.map(|(name, _)| name)
    }

    /// How many EBS volumes it takes.
    pub fn attachable_volumes(&self) -> usize {
        if self.zone.is_some() { ATTACHABLE_VOLUMES } else { 0 }
    }

    /// Do the workload's node selector and required node affinity match it?
    pub fn is_selected_by(&self, app: &App) -> bool {
        if app.kind == Kind::DaemonSet {
            return app.traits.iter().all(|one| match one {
                Trait::Reach(Reach::Cloud) => self.zone.is_some(),
                Trait::Reach(Reach::OnPremises) => self.zone.is_none(),
                _ => true,
            });
        }
        let is_of_karpenter = self.pool.run_by == RunBy::Karpenter;
        app.pool().is_none_or(|pool| pool == self.pool.name)
            && (!app.has(Trait::Spot) || (is_of_karpenter && self.pool.capacity_type == "spot"))
            && (!app.has(Trait::OnDemand) || (is_of_karpenter && self.pool.capacity_type == "on-demand"))
    }

    /// Does the workload tolerate its taint? Those that select the pool do, and daemons.
    pub fn is_tolerated_by(&self, app: &App) -> bool {
        self.pool.taint.is_none() || app.kind == Kind::DaemonSet || app.pool() == Some(self.pool.name)
    }
}

/// The label by which pods select a pool.
pub(super) fn pool_label(pool: &Pool) -> (&'static str, &'static str) {
    match pool.run_by {
        RunBy::Karpenter => ("karpenter.sh/nodepool", pool.name),
        RunBy::NodeGroup => ("eks.amazonaws.com/nodegroup", pool.name),
        RunBy::Hands => ("node.kubernetes.io/instance-type", pool.machines[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocatable_is_what_eks_leaves() {
        let m6i = &MACHINES[0];
        assert_eq!((m6i.pods(), m6i.allocatable_cpu()), (58, 3920));
        assert_eq!(m6i.memory_kib - m6i.allocatable_memory_kib(), 993 * 1024);
        assert_eq!(MACHINES[1].allocatable_cpu(), 7910);
    }

    #[test]
    fn every_group_names_a_pool_and_a_machine_of_it() {
        let expected: usize = GROUPS.iter().map(|group| group.nodes).sum();
        let nodes = nodes();
        assert_eq!(nodes.len(), expected);
        assert!(nodes.iter().all(|node| node.pool.machines.contains(&node.machine.name)));
        let mut names: Vec<&String> = nodes.iter().map(|node| &node.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), expected);
    }
}
