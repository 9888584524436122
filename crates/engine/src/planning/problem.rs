//! What a strategy is given: the cluster compiled, what it costs, and what may move.

use model::{Policy, Prices, Snapshot, UsdPerHour};

use crate::cluster::{CPU, Class, Cluster, FULL_WEIGHT, MEMORY, NodeSet};
use crate::evictable::{Blocker, Evictable, node_blocker, single_node_claims};

use super::effort::Work;
use super::survival::Replicated;
use super::zones::Zones;

/// What CPU and memory weigh against each other: OpenCost's default prices of a core and a GiB for an hour
/// (opencost, configs/default.json).
const SIZE_OF_MILLICORE: f64 = 0.031_611 / 1_000.0;
const SIZE_OF_BYTE: f64 = 0.004_237 / (1u64 << 30) as f64;

/// Pods of one kind are as good as one another wherever one of them may be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// What filters tell apart.
    pub class: u32,
    /// The zone that the policy keeps them in.
    pub zone: Option<u32>,
    /// The workload whose zones they count for.
    pub workload: Option<u32>,
}

/// One consolidation problem.
pub struct Problem<'a> {
    /// The cluster.
    pub cluster: &'a Cluster<'a>,
    /// What its nodes cost.
    pub prices: &'a Prices,
    /// The limits to keep.
    pub policy: &'a Policy,
    /// What may be evicted.
    pub evictable: Evictable<'a>,
    /// How much work there may be.
    pub work: Work<'a>,
    /// What was worked out.
    pub facts: Facts,
}

/// What is worked out of a problem, and outlives it.
#[derive(Default)]
pub struct Facts {
    /// By pod: why it may not be evicted. Only live pods on nodes are asked.
    pub pod_blockers: Vec<Option<Blocker>>,
    /// By node: what of its own keeps it.
    pub node_blockers: Vec<Option<Blocker>>,
    /// Nodes that may receive pods: ready, not on their way out, read in full, and of known price. A node whose price
    /// nobody knows stays as it is.
    pub targets: NodeSet,
    /// Nodes that are not there yet and could be bought.
    pub offered: NodeSet,
    /// Some pod waits for a node.
    pub has_pending: bool,
    /// By pod: the pods that must move with it and land on the same node, itself included, where there are any.
    pub together: Vec<Option<Vec<u32>>>,
    /// By pod: nothing of its own keeps it, only the pods it must move with.
    pub waits_for_others: Vec<bool>,
    /// Zones, and which pods must stay in theirs, where the policy has it so.
    pub zones: Zones,
    /// Workloads that are to survive the loss of a zone.
    pub replicated: Replicated,
}

impl std::ops::Deref for Problem<'_> {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl<'a> Problem<'a> {
    /// Works out what may move.
    pub fn new(cluster: &'a Cluster<'a>, prices: &'a Prices, policy: &'a Policy) -> Problem<'a> {
        let snapshot = cluster.snapshot;
        let evictable = Evictable::new(snapshot, policy);
        let mut pod_blockers: Vec<Option<Blocker>> = Vec::with_capacity(snapshot.pods.len());
        for (number, compiled) in cluster.pods.iter().enumerate() {
            pod_blockers.push(compiled.node.and_then(|_| evictable.blocker(number)));
        }
        let may_move: Vec<bool> = pod_blockers.iter().map(Option::is_none).collect();
        let replicated = Replicated::new(cluster, &evictable);
        let together = together(cluster, &evictable, &replicated, &mut pod_blockers);
        let kept_by_others = |(may_move, blocker): (&bool, &Option<Blocker>)| *may_move && blocker.is_some();
        let waits_for_others = may_move.iter().zip(&pod_blockers).map(kept_by_others).collect();
        let node_blockers = (0..cluster.nodes()).map(|node| node_blocker(snapshot, prices, policy, node)).collect();
        let targets = NodeSet::of(cluster.nodes(), |number| {
            let node = &snapshot.nodes[number];
            node.ready && !node.terminating && !node.unreadable && prices.of(number).is_some()
        });
        let zones = Zones::new(cluster, policy, &evictable);
        let has_pending = snapshot.pods.iter().any(model::Pod::is_unbound);
        let facts = Facts {
            targets,
            offered: NodeSet::none(cluster.nodes()),
            has_pending,
            pod_blockers,
            node_blockers,
            together,
            waits_for_others,
            zones,
            replicated,
        };
        Problem { cluster, prices, policy, evictable, work: Work::default(), facts }
    }

    /// Is it time to make the best so far ready?
    pub fn is_over(&self) -> bool {
        (self.work.is_over)()
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &'a Snapshot {
        self.cluster.snapshot
    }

    /// Does the pod go when its node goes: a daemon or a static pod?
    pub fn goes_with_node(&self, pod: usize) -> bool {
        let pod = &self.snapshot().pods[pod];
        pod.is_daemon() || pod.is_static()
    }

    /// The zone that the policy keeps the pod in, by number.
    pub fn zone_kept(&self, pod: usize) -> Option<u32> {
        self.zones.kept_by(pod)
    }

    /// Is the node in the zone that a pod is kept in?
    pub fn zone_allows(&self, zone: Option<u32>, node: usize) -> bool {
        self.zones.allow(zone, node)
    }

    /// What a pod is exchanged for.
    pub fn kind_of(&self, pod: usize) -> Kind {
        let class = self.cluster.pods[pod].class;
        Kind { class, zone: self.zone_kept(pod), workload: self.replicated.workload_of(pod) }
    }

    /// Is the node as good as the pod's home for all that it is spread over: its rules' domains, nodes apart, and the zones
    /// that its workload is to stand in?
    pub fn is_near(&self, pod: usize, class: &Class, home: usize, node: usize) -> bool {
        let is_in_zone = || self.zones.of(home) == self.zones.of(node);
        self.cluster.is_near(class, home, node) && (self.replicated.workload_of(pod).is_none() || is_in_zone())
    }

    /// A node's price.
    pub fn price(&self, node: usize) -> Option<UsdPerHour> {
        self.prices.of(node)
    }

    /// What it is worth to keep preferences that weigh so much.
    pub fn price_of_broken(&self, weight: i64) -> UsdPerHour {
        self.policy.preference_price.share(weight, FULL_WEIGHT)
    }

    /// What it saves that the node goes, less the price of what its pods lose of their preferences. What they gain is no
    /// dollars, and limits ask for dollars.
    pub fn saved_by(&self, node: usize, broken: i64) -> UsdPerHour {
        self.price(node).unwrap_or(UsdPerHour::ZERO) - self.price_of_broken(broken.max(0))
    }

    /// How large an amount of CPU and memory is: one number to sort by. It must not depend on which nodes there are,
    /// or planning on the planned state would see other sizes.
    pub fn size(&self, cpu: i64, memory: i64) -> f64 {
        cpu.max(0) as f64 * SIZE_OF_MILLICORE + memory.max(0) as f64 * SIZE_OF_BYTE
    }

    /// How large pods are together, whatever their order.
    pub fn size_of_pods(&self, pods: impl Iterator<Item = u32>) -> f64 {
        let (mut cpu, mut memory) = (0i64, 0i64);
        for pod in pods {
            let class = self.cluster.class_of(pod as usize);
            cpu = cpu.saturating_add(self.cluster.request(class, CPU));
            memory = memory.saturating_add(self.cluster.request(class, MEMORY));
        }
        self.size(cpu, memory)
    }

    /// How large a pod is.
    pub fn pod_size(&self, pod: usize) -> f64 {
        let class = self.cluster.class_of(pod);
        self.size(self.cluster.request(class, CPU), self.cluster.request(class, MEMORY))
    }
}

/// Users of one claim that a single node may use move together. Where one of them may not move, or their budget does
/// not allow all of them in one wave, or none of their workload would be left in it, none may.
fn together(
    cluster: &Cluster<'_>,
    evictable: &Evictable<'_>,
    replicated: &Replicated,
    blockers: &mut [Option<Blocker>],
) -> Vec<Option<Vec<u32>>> {
    let snapshot = cluster.snapshot;
    let mut together: Vec<Option<Vec<u32>>> = vec![None; cluster.pods.len()];
    for ((_, claim), users) in single_node_claims(snapshot) {
        // Claims may chain pods to further pods: join what is already joined.
        let mut unit: Vec<u32> = users.clone();
        for user in &users {
            unit.extend(together[*user as usize].iter().flatten());
        }
        unit.sort_unstable();
        unit.dedup();
        let nodes: std::collections::BTreeSet<_> = unit.iter().map(|pod| cluster.pods[*pod as usize].node).collect();
        let is_stuck = unit.iter().any(|pod| blockers[*pod as usize].is_some()) || nodes.len() > 1;
        if is_stuck || replicated.are_all_of_one(&unit) || !fits_one_wave(snapshot, evictable, &unit) {
            for pod in &unit {
                let reason = format!("it shares the claim {claim} with a pod that cannot move with it");
                blockers[*pod as usize]
                    .get_or_insert_with(|| Blocker::new(model::FindingCode::ClaimNotMovable, reason));
            }
        }
        for pod in &unit {
            together[*pod as usize] = Some(unit.clone());
        }
    }
    together
}

/// Do budgets and the quarter rule let all of them go in one wave?
fn fits_one_wave(snapshot: &Snapshot, evictable: &Evictable<'_>, unit: &[u32]) -> bool {
    let mut allowance = super::allowance::Allowance::new(snapshot, evictable);
    unit.iter().all(|pod| allowance.take(*pod as usize))
}
