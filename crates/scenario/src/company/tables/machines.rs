//! Machine types, node pools, and how many nodes of each there are.

/// A machine type, as its kubelet reports it.
pub(in super::super) struct Machine {
    pub name: &'static str,
    pub vcpu: i64,
    /// KiB that the kernel sees of the advertised memory.
    pub memory_kib: i64,
    /// Network interfaces and addresses on each: what the pods of a node are limited by.
    pub interfaces: i64,
    pub addresses: i64,
}

const fn machine(name: &'static str, vcpu: i64, memory_kib: i64) -> Machine {
    Machine { name, vcpu, memory_kib, interfaces: 4, addresses: 15 }
}

pub(in super::super) const MACHINES: [Machine; 6] = [
    machine("m6i.xlarge", 4, 15_896_516),
    machine("m6i.2xlarge", 8, 32_122_868),
    machine("r6i.xlarge", 4, 32_122_868),
    machine("r6i.2xlarge", 8, 64_575_572),
    machine("c6i.2xlarge", 8, 15_896_516),
    // A server of the old data centre that joined as a hybrid node: nobody sells it by the hour.
    machine("metal-legacy", 8, 65_684_480),
];

/// A node pool.
pub(in super::super) struct Pool {
    pub name: &'static str,
    pub run_by: RunBy,
    pub capacity_type: &'static str,
    pub machines: &'static [&'static str],
    /// Taint of its nodes: key and value.
    pub taint: Option<(&'static str, &'static str)>,
    /// Karpenter's spec.limits: vCPU and GiB.
    pub limits: (i64, i64),
    pub consolidation: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum RunBy {
    Karpenter,
    /// An EKS managed node group: Karpenter itself must run somewhere.
    NodeGroup,
    /// EKS hybrid nodes.
    Hands,
}

pub(in super::super) const POOLS: [Pool; 5] = [
    Pool {
        name: "general",
        run_by: RunBy::Karpenter,
        capacity_type: "on-demand",
        machines: &["m6i.xlarge", "m6i.2xlarge"],
        taint: None,
        limits: (600, 2_400),
        consolidation: "WhenEmpty",
    },
    Pool {
        name: "memory",
        run_by: RunBy::Karpenter,
        capacity_type: "on-demand",
        machines: &["r6i.xlarge", "r6i.2xlarge"],
        taint: None,
        limits: (240, 1_920),
        consolidation: "WhenEmpty",
    },
    Pool {
        name: "spot",
        run_by: RunBy::Karpenter,
        capacity_type: "spot",
        machines: &["c6i.2xlarge"],
        taint: None,
        limits: (320, 640),
        consolidation: "WhenEmptyOrUnderutilized",
    },
    Pool {
        name: "platform",
        run_by: RunBy::NodeGroup,
        capacity_type: "on-demand",
        machines: &["m6i.xlarge"],
        taint: Some(("dedicated", "platform")),
        limits: (0, 0),
        consolidation: "",
    },
    Pool {
        name: "legacy",
        run_by: RunBy::Hands,
        capacity_type: "on-demand",
        machines: &["metal-legacy"],
        taint: None,
        limits: (0, 0),
        consolidation: "",
    },
];

/// Nodes that are alike.
pub(in super::super) struct Group {
    pub pool: &'static str,
    pub machine: &'static str,
    pub nodes: usize,
    /// They joined minutes ago, when the pods that they were bought for had gone again.
    pub has_only_daemons: bool,
}

const fn group(pool: &'static str, machine: &'static str, nodes: usize) -> Group {
    Group { pool, machine, nodes, has_only_daemons: false }
}

pub(in super::super) const GROUPS: [Group; 8] = [
    group("general", "m6i.xlarge", 32),
    group("general", "m6i.2xlarge", 30),
    group("memory", "r6i.xlarge", 9),
    group("memory", "r6i.2xlarge", 12),
    group("spot", "c6i.2xlarge", 21),
    group("platform", "m6i.xlarge", 12),
    group("legacy", "metal-legacy", 2),
    Group { pool: "general", machine: "m6i.2xlarge", nodes: 2, has_only_daemons: true },
];

/// Zones, with how AWS numbers them for this account.
pub(in super::super) const ZONES: [(&str, &str); 3] =
    [("eu-west-1a", "euw1-az1"), ("eu-west-1b", "euw1-az2"), ("eu-west-1c", "euw1-az3")];

pub(in super::super) const NAMESPACES: [&str; 10] =
    ["checkout", "ci", "data", "default", "kube-system", "ml", "monitoring", "platform", "search", "web"];
