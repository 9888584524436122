//! Constraints by what they make dear or impossible: rules of placement in templates, taints of pools.

use std::collections::{BTreeMap, BTreeSet};

use model::node::UNSCHEDULABLE_TAINT;
use model::{BoundCertificate, Name, PodSpec, Taint, TaintEffect};

use super::lift::Lift;
use crate::cluster::{CPU, Cluster, MEMORY, NodeSet};
use crate::planning::Problem;
use crate::planning::placement::Placement;
use crate::state::Rule as Refusal;
use crate::what_if::Rule;

/// Of two rules that pin nothing and have no dual price the one comes first whose pods ask for more; this part of what
/// they ask for is all that it counts.
const PART_OF_SIZE: f64 = 0.02;

/// Taints that come with a node's condition, or that its administrators alone may drop.
const NOT_OF_A_POOL: [&str; 4] =
    ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "node-role.kubernetes.io/", "karpenter.sh/"];

/// Rules of workloads whose pods may move, with dollars an hour: their dual prices, and the nodes that stay after the
/// plan since some pod on them finds no other place by that rule. `planned` is the problem on the planned state.
pub(super) fn lifts(
    problem: &Problem<'_>,
    bound: Option<&BoundCertificate>,
    planned: &Problem<'_>,
    start: Placement<'_>,
) -> BTreeMap<Lift, f64> {
    let mut dollars = by_dual_price(problem, bound);
    let mut add = |lift: Lift, price: f64| *dollars.entry(lift).or_default() += price;
    let mut trial = start;
    for node in 0..planned.cluster.nodes() {
        let Some(price) = planned.price(node) else { continue };
        let on_node = trial.pods_on[node].iter().map(|pod| *pod as usize);
        let pods: Vec<usize> = on_node.filter(|pod| !planned.goes_with_node(*pod)).collect();
        if planned.node_blockers[node].is_some() || pods.iter().any(|pod| planned.pod_blockers[*pod].is_some()) {
            continue;
        }
        let named: BTreeSet<Lift> = pods.into_iter().flat_map(|pod| refused_by(&mut trial, pod, node)).collect();
        let share = price.dollars() / named.len().max(1) as f64;
        named.into_iter().for_each(|lift| add(lift, share));
    }
    dollars
}

/// The rules by which the pod, alone to go, fits on no other node that has room for it.
fn refused_by(trial: &mut Placement<'_>, pod: usize, home: usize) -> BTreeSet<Lift> {
    let problem = trial.problem;
    let snapshot = problem.snapshot();
    let (spec, workload) = (&snapshot.pods[pod].spec, snapshot.pods[pod].workload);
    let class = problem.cluster.class_of(pod);
    let mut lifts = BTreeSet::new();
    let Some(workload) = workload else { return lifts };
    trial.lift(pod);
    for node in problem.targets.iter().filter(|node| *node != home && !trial.state.is_closed(*node)) {
        let rule = |rule: Rule| rule.is_in(spec).then_some(Lift::Rule { workload, rule });
        match trial.state.refusing_rule(class, node) {
            None => {
                lifts.clear();
                break;
            }
            Some(Refusal::PodTopologySpread) => {
                lifts.extend(
                    hard_keys(spec).into_iter().map(|key| Lift::Rule { workload, rule: Rule::Spread(Some(key)) }),
                );
            }
            Some(Refusal::PodAffinity) => lifts.extend(rule(Rule::PodAffinity)),
            Some(Refusal::PodAntiAffinity) => lifts.extend(rule(Rule::PodAntiAffinity)),
            Some(Refusal::NodeFixed) if trial.state.has_room(class, node) => {
                lifts.extend(rule(Rule::NodeAffinity));
                let node = &snapshot.nodes[node];
                let taints = pool_taints(node).filter(|taint| !tolerates(spec, taint));
                lifts.extend(
                    taints.filter_map(|taint| {
                        Some(Lift::Taint { pool: node.node_pool()?.clone(), taint: taint.clone() })
                    }),
                );
            }
            Some(_) => {}
        }
    }
    trial.set(pod, home);
    lifts
}

fn hard_keys(spec: &PodSpec) -> BTreeSet<Name> {
    let key = |one: &model::placement::TopologySpreadConstraint| one.topology_key.clone();
    let is_hard = |key: &Name| Rule::Spread(Some(key.clone())).is_in(spec);
    spec.topology_spread.iter().map(key).filter(is_hard).collect()
}

fn tolerates(spec: &PodSpec, taint: &Taint) -> bool {
    spec.tolerations.iter().any(|one| one.tolerates(&taint.key, &taint.value, taint.effect))
}

fn pool_taints(node: &model::Node) -> impl Iterator<Item = &Taint> {
    node.taints.iter().filter(|taint| {
        taint.effect != TaintEffect::PreferNoSchedule
            && &*taint.key != UNSCHEDULABLE_TAINT
            && !NOT_OF_A_POOL.iter().any(|prefix| taint.key.starts_with(prefix))
    })
}

/// Each rule of each workload, and each taint of each pool, at what the dual prices say of it.
fn by_dual_price(problem: &Problem<'_>, bound: Option<&BoundCertificate>) -> BTreeMap<Lift, f64> {
    let cluster = problem.cluster;
    let snapshot = problem.snapshot();
    let prices = Prices::new(cluster, problem, bound);
    let mut dollars: BTreeMap<Lift, f64> = BTreeMap::new();
    for (number, compiled) in cluster.pods.iter().enumerate() {
        let pod = &snapshot.pods[number];
        let (Some(_), Some(workload)) = (compiled.node, pod.workload) else { continue };
        if problem.pod_blockers[number].is_some() || problem.goes_with_node(number) {
            continue;
        }
        let mut add = |rule: Rule, price: f64| *dollars.entry(Lift::Rule { workload, rule }).or_default() += price;
        let small = PART_OF_SIZE * problem.pod_size(number);
        hard_keys(&pod.spec).into_iter().for_each(|key| add(Rule::Spread(Some(key)), small));
        if Rule::PodAffinity.is_in(&pod.spec) {
            add(Rule::PodAffinity, small);
        }
        if Rule::PodAntiAffinity.is_in(&pod.spec) {
            let place = prices.place.get(&workload).copied().unwrap_or(0.0);
            add(Rule::PodAntiAffinity, small + place);
        }
        if Rule::NodeAffinity.is_in(&pod.spec) {
            add(Rule::NodeAffinity, small + prices.dearer(cluster, number));
        }
    }
    for (node, pool) in snapshot.nodes.iter().filter_map(|node| Some((node, node.node_pool()?))) {
        for taint in pool_taints(node) {
            let size = PART_OF_SIZE * problem.size(node.allocatable.cpu, node.allocatable.memory);
            *dollars.entry(Lift::Taint { pool: pool.clone(), taint: taint.clone() }).or_default() += size;
        }
    }
    dollars
}

/// The dual prices of a bound.
struct Prices {
    /// Nodes with the dual prices of a core and of a GiB, those without any included.
    classes: Vec<(NodeSet, [f64; 2])>,
    /// By workload, of its one place on a node.
    place: BTreeMap<u32, f64>,
}

impl Prices {
    fn new(cluster: &Cluster<'_>, problem: &Problem<'_>, bound: Option<&BoundCertificate>) -> Prices {
        let snapshot = cluster.snapshot;
        let mut rest = problem.targets.clone();
        let mut prices = Prices { classes: Vec::new(), place: BTreeMap::new() };
        for class in bound.iter().flat_map(|bound| &bound.classes) {
            let price = |resource: &str| class.usd_per_hour.iter().find(|(name, _)| &**name == resource);
            let each = ["cpu", "memory"].map(|resource| price(resource).map_or(0.0, |(_, price)| *price));
            let number = |name: &Name| snapshot.nodes.binary_search_by(|node| node.name.cmp(name)).ok();
            let mut nodes = NodeSet::none(cluster.nodes());
            class.nodes.iter().filter_map(number).for_each(|node| {
                nodes.insert(node);
                rest.remove(node);
            });
            prices.classes.push((nodes, each));
            for (workload, price) in &class.one_per_node {
                let known = snapshot.workloads.iter().position(|other| other.reference == *workload);
                if let Some(known) = known {
                    let highest = prices.place.entry(known as u32).or_default();
                    *highest = highest.max(*price);
                }
            }
        }
        prices.classes.push((rest, [0.0; 2]));
        prices
    }

    /// How much more the pod pays where it may be than it would where it pays least.
    fn dearer(&self, cluster: &Cluster<'_>, pod: usize) -> f64 {
        let class = cluster.class_of(pod);
        let cores = cluster.request(class, CPU) as f64 / 1e3;
        let gib = cluster.request(class, MEMORY) as f64 / (1u64 << 30) as f64;
        let pays = |prices: &[f64; 2]| prices[0] * cores + prices[1] * gib;
        let (mut allowed, mut anywhere) = (f64::INFINITY, f64::INFINITY);
        for (nodes, prices) in self.classes.iter().filter(|(nodes, _)| !nodes.is_empty()) {
            anywhere = anywhere.min(pays(prices));
            if nodes.iter().any(|node| cluster.eligible(class).contains(node)) {
                allowed = allowed.min(pays(prices));
            }
        }
        if allowed.is_finite() { allowed - anywhere } else { 0.0 }
    }
}
