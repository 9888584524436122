//! Where pods run and what each node costs.

use std::collections::BTreeMap;

use model::{Finding, FindingCode, Pod, Prices, Resources, Severity, Snapshot, Subject, Unpriced, Usage};

use super::analysis::NodeAnalysis;
use super::cost::{Cost, NodeCost, PodCost};
use super::usage::UseSum;

/// Unfinished pods by node, and each node's price split between them.
pub(super) struct Placement {
    /// Indices of the pods bound to each node.
    pub(super) by_node: Vec<Vec<usize>>,
    /// Of each pod the index of its node.
    pub(super) node_of: Vec<Option<usize>>,
    /// Indices of the pods that wait for a node.
    pub(super) pending: Vec<usize>,
    /// Of each pod what it uses, where that was measured.
    pub(super) usage: Vec<Option<Usage>>,
    /// By node.
    pub(super) costs: Vec<NodeCost>,
}

impl Placement {
    pub(super) fn of(snapshot: &Snapshot, prices: &Prices) -> Placement {
        let mut by_node = vec![Vec::new(); snapshot.nodes.len()];
        let mut node_of = vec![None; snapshot.pods.len()];
        let mut pending = Vec::new();
        let mut usage = vec![None; snapshot.pods.len()];
        for (at, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished()) {
            usage[at] = snapshot.usage.get(&(pod.namespace.clone(), pod.name.clone())).copied();
            let Some(name) = &pod.node else {
                pending.push(at);
                continue;
            };
            // A pod on a node that is not there has no share of any; the reader has reported it.
            if let Ok(node) = snapshot.nodes.binary_search_by(|node| node.name.cmp(name)) {
                by_node[node].push(at);
                node_of[at] = Some(node);
            }
        }
        let mut costs = Vec::with_capacity(snapshot.nodes.len());
        for (at, (node, pods)) in snapshot.nodes.iter().zip(&by_node).enumerate() {
            let held = pods.iter().map(|pod: &usize| &snapshot.pods[*pod].held);
            costs.push(NodeCost::split(node, prices.of(at), held));
        }
        Placement { by_node, node_of, pending, usage, costs }
    }

    /// A bound pod's share of its node, unknown where the node or its price is.
    pub(super) fn share(&self, snapshot: &Snapshot, pod: usize) -> Option<PodCost> {
        let node = self.node_of[pod]?;
        self.costs[node].share(&snapshot.pods[pod].held)
    }

    /// What the pods cost that no workload runs.
    pub(super) fn bare_pods(&self, snapshot: &Snapshot) -> Cost {
        let mut cost = Cost::default();
        for (at, pod) in snapshot.pods.iter().enumerate() {
            if is_bound(pod) && snapshot.workload_of(pod).is_none() {
                cost.add(self.share(snapshot, at));
            }
        }
        cost
    }
}

/// Of each pod, in the order of the snapshot, its share of its node's price; unknown where that is.
pub fn pod_costs(snapshot: &Snapshot, prices: &Prices) -> Vec<Option<PodCost>> {
    let placement = Placement::of(snapshot, prices);
    (0..snapshot.pods.len()).map(|pod| placement.share(snapshot, pod)).collect()
}

/// Does it hold room on a node, be that in the snapshot or not?
pub(super) fn is_bound(pod: &Pod) -> bool {
    pod.node.is_some() && !pod.is_finished()
}

/// Does it belong to its node rather than to a workload that could go elsewhere?
pub(super) fn is_of_its_node(pod: &Pod) -> bool {
    pod.is_daemon() || pod.is_static()
}

/// What a pod holds where it is bound, and asks for where it is not.
pub(super) fn wanted(pod: &Pod) -> &Resources {
    if pod.node.is_some() { &pod.held } else { &pod.requests }
}

/// Adds what a pod wants, and one pod.
pub(super) fn add_pod(sum: &mut Resources, pod: &Pod) {
    sum.add(wanted(pod));
    sum.pods = sum.pods.saturating_add(1);
}

pub(super) fn analyze_nodes(
    snapshot: &Snapshot,
    prices: &Prices,
    placement: &Placement,
    pins: &dyn Fn(usize) -> Vec<Finding>,
) -> Vec<NodeAnalysis> {
    let mut analyses = Vec::with_capacity(snapshot.nodes.len());
    for (at, node) in snapshot.nodes.iter().enumerate() {
        let mut requested = Resources::default();
        let mut daemons = Resources::default();
        let mut used = UseSum::default();
        for (pod, usage) in placement.by_node[at].iter().map(|at| (&snapshot.pods[*at], placement.usage[*at])) {
            add_pod(&mut requested, pod);
            if is_of_its_node(pod) {
                add_pod(&mut daemons, pod);
            }
            used.add(pod, usage, None);
        }
        let unasked = || Unpriced { reason: "no price was looked up".into(), remedy: String::new() };
        analyses.push(NodeAnalysis {
            name: node.name.clone(),
            pool: node.node_pool().cloned(),
            provider: node.provider(),
            region: node.region().cloned(),
            zone: node.zone().cloned(),
            instance_type: node.instance_type().cloned(),
            capacity_type: node.capacity_type(),
            capacity: node.capacity.clone(),
            allocatable: node.allocatable.clone(),
            requested,
            daemons,
            used: used.measured(),
            price: prices.nodes.get(at).cloned().unwrap_or_else(|| Err(unasked())),
            idle: placement.costs[at].idle(),
            efficiency: placement.costs[at].efficiency(),
            pinned_by: pins(at),
        });
    }
    analyses
}

/// The mean of the priced nodes' scores, each by its price.
pub(super) fn cluster_efficiency(nodes: &[NodeAnalysis]) -> Option<f64> {
    let scored =
        nodes.iter().filter_map(|node| Some((node.price.as_ref().ok()?.usd_per_hour.dollars(), node.efficiency?)));
    let (price, weighted) =
        scored.fold((0.0, 0.0), |(price, weighted), (dollars, score)| (price + dollars, weighted + dollars * score));
    (price > 0.0).then(|| (weighted / price).clamp(0.0, 100.0))
}

/// Nodes without a price, grouped by reason.
pub(super) fn unknown_prices(snapshot: &Snapshot, prices: &Prices) -> Vec<Finding> {
    let mut reasons: BTreeMap<&Unpriced, Vec<usize>> = BTreeMap::new();
    for (at, price) in prices.nodes.iter().enumerate().take(snapshot.nodes.len()) {
        if let Err(unpriced) = price {
            reasons.entry(unpriced).or_default().push(at);
        }
    }
    let finding = |(unpriced, nodes): (&Unpriced, Vec<usize>)| {
        let subject = match nodes.as_slice() {
            [node] => Subject::Node(snapshot.nodes[*node].name.clone()),
            _ => Subject::Cluster,
        };
        let message = match nodes.len() {
            1 => format!("{}; the node is in no total", unpriced.reason),
            several => format!("{}; {several} nodes are in no total", unpriced.reason),
        };
        let mut finding = Finding::new(FindingCode::UnknownPrice, subject, message).severity(Severity::Warning);
        finding.count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        if unpriced.remedy.is_empty() { finding } else { finding.hint(unpriced.remedy.clone()) }
    };
    reasons.into_iter().map(finding).collect()
}
