//! The problem with all that makes it hard left out: what is asked, where it may go, and what nodes hold and cost.

use std::collections::BTreeMap;

use model::UsdPerHour;
use rustc_hash::FxHashMap;

use crate::cluster::{CPU, FIRST_SCALAR, MEMORY, NodeSet, PODS};
use crate::planning::Problem;

use super::one_per_node;

/// Nodes that any pod's rules treat alike get dual prices of their own, as long as there are no more groups than this.
const MOST_GROUPS: usize = 160;
/// Extended resources beyond these many have no dual price.
const MOST_SCALARS: usize = 4;

/// Of all that is added and taken away this part is given up. The check gives up half of it.
pub(super) const ROUNDING: f64 = 2e-9;

/// Nodes that share dual prices.
pub(super) struct Group {
    /// By index, in order.
    pub nodes: Vec<u32>,
    /// Their pods can all go, so they can.
    pub can_go: bool,
    /// They stand for as many as one likes to buy.
    pub is_unlimited: bool,
}

/// What a node can hold for what may move, in units of the dual prices, and what it costs.
pub(super) struct Room {
    pub amounts: Vec<f64>,
    pub usd_per_hour: f64,
}

/// Pods of one shape that may be on the same groups.
pub(super) struct Demand {
    /// In order.
    pub groups: Vec<u32>,
    pub amounts: Vec<f64>,
    pub pods: f64,
}

/// What is left of the problem.
pub(super) struct Relaxation<'p> {
    pub problem: &'p Problem<'p>,
    /// Indices of the resources with a dual price.
    pub resources: Vec<usize>,
    /// Workloads, by index, of which a node takes one pod: that one place has a dual price too, after those of resources.
    pub one_per_node: Vec<u32>,
    pub groups: Vec<Group>,
    /// By group and node.
    pub rooms: Vec<Vec<Room>>,
    pub demands: Vec<Demand>,
    /// Nodes that cannot go.
    pub fixed: UsdPerHour,
    /// All prices of nodes that can go are multiples of this.
    pub step: UsdPerHour,
}

impl<'p> Relaxation<'p> {
    /// Of the problem with its pods on these nodes. A node that is gone is one of `gone`; one that stands for as many as
    /// one likes to buy is one of `unlimited`.
    pub(super) fn new(
        problem: &'p Problem<'p>,
        pods_on: &'p [Vec<u32>],
        gone: &NodeSet,
        unlimited: &NodeSet,
    ) -> Relaxation<'p> {
        let cluster = problem.cluster;
        let moves = Moves::new(problem, pods_on, gone);
        let resources = resources_asked(problem, &moves);
        let can_go = |node: usize| problem.node_blockers[node].is_none() && moves.stay_on[node].is_empty();
        let groups = groups(problem, &moves, &can_go, unlimited);
        let one_per_node = one_per_node::workloads(problem, &moves, &groups);
        let mut group_of = vec![None; cluster.nodes()];
        for (at, group) in groups.iter().enumerate() {
            group.nodes.iter().for_each(|node| group_of[*node as usize] = Some(at as u32));
        }
        let priced = Priced { resources: &resources, one_per_node: &one_per_node };
        let room = |node: &u32| {
            let goes = |pod: u32| moves.go_from[*node as usize].contains(&pod);
            room(problem, &moves.pods_on[*node as usize], &goes, &priced, *node as usize)
        };
        let rooms = groups.iter().map(|group| group.nodes.iter().map(room).collect()).collect();
        let demands = demands(problem, &moves, &priced, &group_of, groups.len());
        let price = |node: usize| Some((node, problem.price(node).filter(|_| moves.is_there[node])?));
        let nodes = || (0..cluster.nodes()).filter_map(price);
        let fixed = nodes().filter(|(node, _)| !can_go(*node)).map(|(_, price)| price).sum();
        let step = nodes().filter(|(node, _)| can_go(*node)).fold(0, |step, (_, price)| gcd(step, price.nanos()));
        let step = UsdPerHour::from_nanos(step);
        Relaxation { problem, resources, one_per_node, groups, rooms, demands, fixed, step }
    }

    /// Of pods that wait for nodes to be bought: what they ask and may buy, group by group.
    pub(super) fn of_offers(
        problem: &'p Problem<'p>,
        resources: Vec<usize>,
        rooms: Vec<Vec<Room>>,
        demands: Vec<Demand>,
        one_per_node: usize,
    ) -> Relaxation<'p> {
        let group = |_: &Vec<Room>| Group { nodes: Vec::new(), can_go: true, is_unlimited: true };
        let groups = rooms.iter().map(group).collect();
        let (one_per_node, fixed) = (vec![0; one_per_node], UsdPerHour::ZERO);
        Relaxation { problem, resources, one_per_node, groups, rooms, demands, fixed, step: UsdPerHour::from_nanos(1) }
    }

    /// How many dual prices a group has.
    pub(super) fn width(&self) -> usize {
        self.resources.len() + self.one_per_node.len()
    }

    /// What the dual prices prove, in dollars: what pods must pay at the least, less what nodes earn above their cost; and
    /// less what rounding may have added, for whoever adds up in another order.
    pub(super) fn value(&self, prices: &[f64]) -> f64 {
        let of_group: Vec<&[f64]> = prices.chunks(self.width()).collect();
        let paid: f64 = self.demands.iter().map(|demand| demand.pods * demand.cheapest(&of_group).1).sum();
        let (mut earned, mut turnover) = (0.0, paid);
        for ((group, rooms), prices) in self.groups.iter().zip(&self.rooms).zip(&of_group) {
            for room in rooms.iter().filter(|_| !group.is_unlimited) {
                let value = dot(prices, &room.amounts);
                earned += if group.can_go { (value - room.usd_per_hour).max(0.0) } else { value };
                turnover += value + room.usd_per_hour;
            }
        }
        let value = self.fixed.dollars() + paid - earned - turnover * ROUNDING;
        if value.is_finite() { value } else { 0.0 }
    }

    /// Lowers dual prices of what can be bought until none of it is worth more than it costs.
    pub(super) fn scale(&self, prices: &mut [f64]) {
        let width = self.width();
        for ((group, rooms), prices) in self.groups.iter().zip(&self.rooms).zip(prices.chunks_mut(width)) {
            if group.is_unlimited {
                let worth = rooms.iter().map(|room| dot(prices, &room.amounts) / room.usd_per_hour).fold(1.0, f64::max);
                // Less by what rounding may add.
                prices.iter_mut().for_each(|price| *price /= worth * (1.0 + 1e-12));
            }
        }
    }

    /// The least sum of prices that is not below.
    pub(super) fn rounded_up(&self, dollars: f64) -> UsdPerHour {
        rounded_up(dollars, self.fixed, self.step)
    }

    /// Names as Kubernetes has them.
    pub(super) fn resource_names(&self) -> Vec<model::Name> {
        let name = |resource: &usize| match *resource {
            CPU => "cpu".into(),
            MEMORY => "memory".into(),
            PODS => "pods".into(),
            other => self.problem.cluster.scalar_names[other - FIRST_SCALAR].clone(),
        };
        self.resources.iter().map(name).collect()
    }
}

impl Demand {
    /// The group where it pays least, and how much.
    pub(super) fn cheapest(&self, prices: &[&[f64]]) -> (u32, f64) {
        let pays = |group: &u32| (*group, dot(prices[*group as usize], &self.amounts));
        self.groups.iter().map(pays).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    }
}

pub(super) fn dot(prices: &[f64], amounts: &[f64]) -> f64 {
    prices.iter().zip(amounts).map(|(price, amount)| price * amount).sum()
}

/// Cores, GiB, pods, or pieces of an extended resource.
pub(super) fn in_units(resource: usize, amount: i128) -> f64 {
    match resource {
        CPU => amount as f64 / 1_000.0,
        MEMORY => amount as f64 / (1u64 << 30) as f64,
        _ => amount as f64,
    }
}

/// The least sum that is not below, of what is fixed and multiples of the step.
pub(super) fn rounded_up(dollars: f64, fixed: UsdPerHour, step: UsdPerHour) -> UsdPerHour {
    let above = (dollars - fixed.dollars()).max(0.0);
    // Some nano-dollars less, so that whoever adds up in another order finds no less.
    let nanos = ((above * 1e9) as i64).saturating_sub(4).max(0);
    let step = step.nanos().max(1);
    let steps = nanos / step + i64::from(nanos % step > 0);
    fixed + UsdPerHour::from_nanos(steps.saturating_mul(step))
}

/// What has a dual price.
pub(super) struct Priced<'r> {
    pub resources: &'r [usize],
    pub one_per_node: &'r [u32],
}

impl Priced<'_> {
    /// Whether the pod is one of those of which a node takes one, for each such workload.
    pub(super) fn places(&self, problem: &Problem<'_>, pod: usize) -> impl Iterator<Item = f64> {
        let workload = problem.snapshot().pods[pod].workload;
        self.one_per_node.iter().map(move |of| if workload == Some(*of) { 1.0 } else { 0.0 })
    }
}

/// Which pods of priced nodes may move, and which stay.
pub(super) struct Moves<'p> {
    pods_on: &'p [Vec<u32>],
    is_there: Vec<bool>,
    go_from: Vec<Vec<u32>>,
    stay_on: Vec<Vec<u32>>,
}

impl<'p> Moves<'p> {
    fn new(problem: &'p Problem<'p>, pods_on: &'p [Vec<u32>], gone: &NodeSet) -> Moves<'p> {
        let cluster = problem.cluster;
        let (mut go_from, mut stay_on) = (vec![Vec::new(); cluster.nodes()], vec![Vec::new(); cluster.nodes()]);
        let is_there: Vec<bool> = (0..cluster.nodes()).map(|node| !gone.contains(node)).collect();
        for node in (0..cluster.nodes()).filter(|node| is_there[*node] && problem.price(*node).is_some()) {
            for pod in pods_on[node].iter().filter(|pod| !problem.goes_with_node(**pod as usize)) {
                let pods = if may_go(problem, *pod) { &mut go_from } else { &mut stay_on };
                pods[node].push(*pod);
            }
        }
        Moves { pods_on, is_there, go_from, stay_on }
    }

    pub(super) fn movable(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let each = self.go_from.iter().enumerate();
        each.flat_map(|(node, pods)| pods.iter().map(move |pod| (node, *pod as usize)))
    }
}

/// May the pod go, of itself? Pods that go with their node are none that may.
pub(super) fn may_go(problem: &Problem<'_>, pod: u32) -> bool {
    problem.pod_blockers[pod as usize].is_none() || problem.waits_for_others[pod as usize]
}

fn resources_asked(problem: &Problem<'_>, moves: &Moves<'_>) -> Vec<usize> {
    let mut asked = vec![0usize; problem.cluster.resources];
    for (_, pod) in moves.movable() {
        problem.cluster.class_of(pod).requests.iter().for_each(|(resource, _)| asked[*resource as usize] += 1);
    }
    let mut scalars: Vec<usize> = (FIRST_SCALAR..asked.len()).filter(|resource| asked[*resource] > 0).collect();
    scalars.sort_by_key(|resource| std::cmp::Reverse(asked[*resource]));
    scalars.truncate(MOST_SCALARS);
    scalars.sort_unstable();
    [CPU, MEMORY, PODS].into_iter().chain(scalars).collect()
}

/// Groups as fine as may be: by which pods they may hold and whether they can go, then also by shape and price.
fn groups(
    problem: &Problem<'_>,
    moves: &Moves<'_>,
    can_go: &impl Fn(usize) -> bool,
    unlimited: &NodeSet,
) -> Vec<Group> {
    let cluster = problem.cluster;
    let mut sets: Vec<u32> = moves.movable().map(|(_, pod)| cluster.class_of(pod).eligible).collect();
    sets.sort_unstable();
    sets.dedup();
    let eligible = |node: usize| -> Vec<u32> {
        sets.iter().copied().filter(|set| cluster.node_sets[*set as usize].contains(node)).collect()
    };
    let takes_pods = |node: &usize| moves.is_there[*node] && problem.targets.contains(*node);
    let nodes = || (0..cluster.nodes()).filter(takes_pods).filter(|node| !unlimited.contains(*node));
    let mut offered = group_by(unlimited.iter().filter(takes_pods), can_go, |node| (true, eligible(node), None));
    offered.iter_mut().for_each(|group| group.is_unlimited = true);
    let with_offered = |groups: Vec<Group>| groups.into_iter().chain(offered).collect();
    let shape = |node: usize| {
        let amounts = (0..cluster.resources).map(|resource| cluster.allocatable(node, resource));
        (amounts.collect::<Vec<i64>>(), problem.price(node))
    };
    let finest = group_by(nodes(), can_go, |node| (can_go(node), eligible(node), Some(shape(node))));
    if finest.len() <= MOST_GROUPS {
        return with_offered(finest);
    }
    let coarser = group_by(nodes(), can_go, |node| (can_go(node), eligible(node), None));
    if coarser.len() <= MOST_GROUPS {
        return with_offered(coarser);
    }
    let by_price = group_by(nodes(), can_go, |node| (can_go(node), Vec::new(), Some(shape(node))));
    if by_price.len() <= MOST_GROUPS {
        return with_offered(by_price);
    }
    with_offered(group_by(nodes(), can_go, |node| (can_go(node), Vec::new(), None)))
}

type Shape = (Vec<i64>, Option<UsdPerHour>);

fn group_by(
    nodes: impl Iterator<Item = usize>,
    can_go: &impl Fn(usize) -> bool,
    key: impl Fn(usize) -> (bool, Vec<u32>, Option<Shape>),
) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut numbers: FxHashMap<_, usize> = FxHashMap::default();
    for node in nodes {
        let next = groups.len();
        let at = *numbers.entry(key(node)).or_insert(next);
        if at == next {
            groups.push(Group { nodes: Vec::new(), can_go: can_go(node), is_unlimited: false });
        }
        groups[at].nodes.push(node as u32);
    }
    groups
}

/// What is left of a node for what may move. No less than its own pods have now: they may stay, whatever the sum says.
pub(super) fn room(
    problem: &Problem<'_>,
    pods: &[u32],
    goes: &dyn Fn(u32) -> bool,
    priced: &Priced<'_>,
    node: usize,
) -> Room {
    let cluster = problem.cluster;
    let allocatable = |resource: usize| i128::from(cluster.allocatable(node, resource));
    let mut free: Vec<i128> = (0..cluster.resources).map(allocatable).collect();
    let mut own = vec![0i128; cluster.resources];
    let mut places = vec![0.0; priced.one_per_node.len()];
    for pod in pods {
        let compiled = &cluster.pods[*pod as usize];
        let goes = goes(*pod);
        if goes {
            places.iter_mut().zip(priced.places(problem, *pod as usize)).for_each(|(places, place)| *places += place);
        }
        let requests = cluster.class_of(*pod as usize).requests.iter().copied().chain([(PODS as u16, 1)]);
        for (resource, amount) in requests {
            if goes {
                own[resource as usize] += i128::from(amount);
            } else {
                free[resource as usize] -= i128::from(amount);
            }
        }
        for (resource, extra) in &compiled.held_extra {
            // Of a pod that may stay, what it holds beyond its requests takes nothing, and what it holds less gives.
            free[*resource as usize] -= i128::from(if goes { (*extra).min(0) } else { *extra });
        }
    }
    let resources = priced.resources.iter();
    let mut amounts: Vec<f64> =
        resources.map(|resource| in_units(*resource, free[*resource].max(own[*resource]))).collect();
    amounts.extend(places.into_iter().map(|places: f64| places.max(1.0)));
    Room { amounts, usd_per_hour: problem.price(node).map_or(0.0, UsdPerHour::dollars) }
}

/// What a pod asks, in units of the dual prices.
pub(super) fn asked(problem: &Problem<'_>, priced: &Priced<'_>, pod: usize) -> Vec<f64> {
    let class = problem.cluster.class_of(pod);
    let amount = |resource: &usize| match *resource {
        PODS => 1.0,
        resource => in_units(resource, i128::from(problem.cluster.request(class, resource))),
    };
    priced.resources.iter().map(amount).chain(priced.places(problem, pod)).collect()
}

/// Pods of nodes that receive nothing may stay where they are and pay nothing: they are left out.
fn demands(
    problem: &Problem<'_>,
    moves: &Moves<'_>,
    priced: &Priced<'_>,
    group_of: &[Option<u32>],
    groups: usize,
) -> Vec<Demand> {
    let cluster = problem.cluster;
    let mut allowed_by_set: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    // By what tells them apart for the relaxation, so that their order depends on nothing else.
    let mut demands: BTreeMap<(Vec<u32>, Vec<u64>), Demand> = BTreeMap::new();
    for (node, pod) in moves.movable() {
        let Some(home) = group_of[node] else { continue };
        let class = cluster.class_of(pod);
        let allowed = allowed_by_set.entry(class.eligible).or_insert_with(|| {
            let mut is_allowed = vec![false; groups];
            for node in cluster.eligible(class).iter() {
                if let Some(group) = group_of[node] {
                    is_allowed[group as usize] = true;
                }
            }
            (0..groups as u32).filter(|group| is_allowed[*group as usize]).collect()
        });
        let mut groups = allowed.clone();
        // It may also stay where it is, though it could not come there anew.
        if !groups.contains(&home) {
            groups.push(home);
            groups.sort_unstable();
        }
        let amounts = asked(problem, priced, pod);
        let key = (groups.clone(), amounts.iter().map(|amount| amount.to_bits()).collect());
        demands.entry(key).or_insert(Demand { groups, amounts, pods: 0.0 }).pods += 1.0;
    }
    demands.into_values().collect()
}

pub(super) fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
