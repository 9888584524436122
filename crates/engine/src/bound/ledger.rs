//! The sum that proves the bound, kept part by part: when one object changes its parts alone are worked out again, at the
//! old dual prices, which prove something true of any problem.

use model::UsdPerHour;
use rustc_hash::FxHashMap;

use crate::planning::Problem;

use super::relaxation::{Priced, ROUNDING, Relaxation, asked, dot, gcd, may_go, room, rounded_up};

/// Dollars are added up in these parts, whole ones, so that their order does not matter and what is taken away again
/// leaves nothing behind.
const PARTS_OF_A_DOLLAR: f64 = 1e15;

/// The sum with its parts.
#[derive(Default)]
pub(crate) struct Ledger {
    resources: Vec<usize>,
    one_per_node: Vec<u32>,
    /// By node, those that have dual prices.
    group_of: Vec<Option<u32>>,
    /// By group.
    prices: Vec<Vec<f64>>,
    /// By set of nodes: the groups with one of them.
    allowed: FxHashMap<u32, Vec<u32>>,
    /// By node: what its pods pay, and what it earns.
    nodes: Vec<Entry>,
    can_go: Vec<bool>,
    sum: Entry,
}

/// In parts of a dollar.
#[derive(Clone, Copy, Default)]
struct Entry {
    paid: i128,
    earned: i128,
    turnover: i128,
    fixed: UsdPerHour,
}

impl Ledger {
    /// At these dual prices, group by group.
    pub(super) fn new(relaxation: &Relaxation<'_>, prices: &[f64]) -> Ledger {
        let problem = relaxation.problem;
        let nodes = problem.cluster.nodes();
        let mut group_of = vec![None; nodes];
        for (at, group) in relaxation.groups.iter().enumerate() {
            group.nodes.iter().for_each(|node| group_of[*node as usize] = Some(at as u32));
        }
        let mut ledger = Ledger {
            resources: relaxation.resources.clone(),
            one_per_node: relaxation.one_per_node.clone(),
            group_of,
            prices: prices.chunks(relaxation.width()).map(<[f64]>::to_vec).collect(),
            nodes: vec![Entry::default(); nodes],
            can_go: vec![false; nodes],
            ..Ledger::default()
        };
        for node in 0..nodes {
            ledger.recount(problem, node);
        }
        ledger
    }

    /// Something about the node or a pod on it is otherwise than it was.
    pub(crate) fn recount(&mut self, problem: &Problem<'_>, node: usize) {
        self.can_go[node] = can_go(problem, node);
        let entry = self.entry(problem, node);
        let old = std::mem::replace(&mut self.nodes[node], entry);
        self.sum.paid += entry.paid - old.paid;
        self.sum.earned += entry.earned - old.earned;
        self.sum.turnover += entry.turnover - old.turnover;
        self.sum.fixed = self.sum.fixed - old.fixed + entry.fixed;
    }

    /// What the dual prices prove.
    pub(crate) fn bound(&self, problem: &Problem<'_>) -> UsdPerHour {
        let dollars = |parts: i128| parts as f64 / PARTS_OF_A_DOLLAR;
        let Entry { paid, earned, turnover, fixed } = self.sum;
        let value = fixed.dollars() + dollars(paid - earned) - dollars(turnover) * ROUNDING;
        let priced = (0..self.nodes.len()).filter_map(|node| Some((node, problem.price(node)?)));
        let of_those_that_go = priced.filter(|(node, _)| self.can_go[*node]);
        let step = of_those_that_go.fold(0, |step, (_, price)| gcd(step, price.nanos()));
        // No dual prices at all prove that what cannot go is paid.
        rounded_up(value.max(fixed.dollars()), fixed, UsdPerHour::from_nanos(step))
    }

    fn entry(&mut self, problem: &Problem<'_>, node: usize) -> Entry {
        let Some(price) = problem.price(node) else { return Entry::default() };
        let can_go = self.can_go[node];
        let mut entry = Entry { fixed: if can_go { UsdPerHour::ZERO } else { price }, ..Entry::default() };
        let Some(home) = self.group_of[node] else { return entry };
        let goes = |pod: u32| !problem.goes_with_node(pod as usize) && may_go(problem, pod);
        let pods = &problem.cluster.pods_on[node];
        for pod in pods.iter().filter(|pod| goes(**pod)) {
            // What is paid is rounded down, and what is earned up.
            let paid = (self.paid(problem, *pod as usize, home) * PARTS_OF_A_DOLLAR).floor() as i128;
            entry.paid += paid;
            entry.turnover += paid;
        }
        let priced = Priced { resources: &self.resources, one_per_node: &self.one_per_node };
        let room = room(problem, pods, &goes, &priced, node);
        let worth = dot(&self.prices[home as usize], &room.amounts);
        let earned = if can_go { (worth - room.usd_per_hour).max(0.0) } else { worth };
        entry.earned = (earned * PARTS_OF_A_DOLLAR).ceil() as i128;
        entry.turnover += ((worth + room.usd_per_hour) * PARTS_OF_A_DOLLAR).ceil() as i128;
        entry
    }

    /// Where the pod pays least of where it may be, its own node included.
    fn paid(&mut self, problem: &Problem<'_>, pod: usize, home: u32) -> f64 {
        let class = problem.cluster.class_of(pod);
        let (group_of, groups) = (&self.group_of, self.prices.len());
        let allowed = self.allowed.entry(class.eligible).or_insert_with(|| {
            let mut is_allowed = vec![false; groups];
            let eligible = problem.cluster.eligible(class).iter().filter_map(|node| group_of[node]);
            eligible.for_each(|group| is_allowed[group as usize] = true);
            (0..groups as u32).filter(|group| is_allowed[*group as usize]).collect()
        });
        let priced = Priced { resources: &self.resources, one_per_node: &self.one_per_node };
        let asked = asked(problem, &priced, pod);
        let pays = |group: &u32| dot(&self.prices[*group as usize], &asked);
        allowed.iter().chain([&home]).map(pays).fold(f64::INFINITY, f64::min)
    }
}

/// Nothing keeps the node but what may go from it.
fn can_go(problem: &Problem<'_>, node: usize) -> bool {
    let stays = |pod: &u32| !problem.goes_with_node(*pod as usize) && !may_go(problem, *pod);
    problem.node_blockers[node].is_none() && !problem.cluster.pods_on[node].iter().any(stays)
}
