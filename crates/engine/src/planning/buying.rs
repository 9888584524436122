//! Plans that buy nodes: the offers worth having stand beside the cluster's own nodes, empty, and the search keeps what
//! it needs of both.

use std::collections::BTreeMap;

use model::{AddedNode, BoundCertificate, Labels, Name, Node, Offer, Plan, Prices, Snapshot, Subject, UsdPerHour};

use super::daemons;
use super::limits::Limits;
use super::{Problem, Strategy, plan_of, rename};
use crate::bound;
use crate::cluster::{Cluster, NodeSet};

/// Of a pool's offers in one place that one is looked at which gives most of its size and of its kind.
/// Up to these many millicores a node is small or of middle size; larger ones are looked at up to the largest there is.
const SIZES: [i64; 3] = [2_000, 4_000, 8_000];
/// Up to so much memory a core a node is one for computing or for all purposes; those with more are for memory. Clouds
/// sell 2, 4 and 8 GiB, less what the kubelet keeps.
const GIB_A_CORE: [f64; 2] = [3.0, 6.0];
/// A core is worth as much as this, by OpenCost's default prices.
const GIB_AS_DEAR_AS_A_CORE: f64 = 7.5;
const GIB: f64 = (1u64 << 30) as f64;
const LARGEST: i64 = 16_000;
/// What linear programming wants of an offer is rounded up and given this much more, in percent: pods are whole.
const MORE_PERCENT: f64 = 4.0;
/// And so many more of each that is looked at, whether linear programming wants it or not: nodes are whole, too.
const SPARE: u32 = 2;
/// Until a bought node is ready. All of them come at once.
const NODE_MINUTES: u32 = 3;
/// A plan that buys must save this much more than one that does not, in thousandths: it moves more.
const WORTHWHILE_PER_MILLE: i64 = 5;

/// The cheaper of the plan that buys nothing and one that buys.
pub(super) fn cheaper(own: Plan, problem: &Problem<'_>, strategy: &dyn Strategy) -> Plan {
    let own_cost = own.summary.usd_per_hour_after.nanos();
    let is_worthwhile = |plan: &Plan| {
        let saved = own_cost - plan.summary.usd_per_hour_after.nanos();
        let limits = Limits::of(problem.policy);
        limits.is_worth(plan.summary.saved(), 0, plan.migrations.len())
            && saved.saturating_mul(1_000) > own_cost.saturating_mul(WORTHWHILE_PER_MILLE)
    };
    plan_that_buys(problem, strategy).filter(is_worthwhile).unwrap_or(own)
}

/// Of any plan, whatever it buys, and however much of it.
pub(super) fn lower_bound(problem: &Problem<'_>) -> BoundCertificate {
    let one_of_each: Vec<(&Offer, u32)> = problem.prices.offers.iter().map(|offer| (offer, 1)).collect();
    let extended = Extended::new(problem, &one_of_each);
    let cluster = Cluster::new(&extended.snapshot);
    let offered = NodeSet::of(cluster.nodes(), |node| extended.offer_of(node).is_some());
    let key = |node: usize| extended.offer_of(node).map_or_else(Name::default, |offer| offer.key().into());
    let problem = Problem::new(&cluster, &extended.prices, problem.policy);
    bound::lower_bound_with_offers(&problem, &offered, &key)
}

fn plan_that_buys(problem: &Problem<'_>, strategy: &dyn Strategy) -> Option<Plan> {
    let largest = problem.snapshot().nodes.iter().map(|node| node.allocatable.cpu).fold(LARGEST, i64::max);
    let looked_at = best_of_their_size(&problem.prices.offers, largest);
    let bought = within_limits(wanted(problem, &looked_at));
    if bought.is_empty() {
        return None;
    }
    let extended = Extended::new(problem, &bought);
    let cluster = Cluster::new(&extended.snapshot);
    let mut problem = Problem { work: problem.work, ..Problem::new(&cluster, &extended.prices, problem.policy) };
    problem.facts.offered = NodeSet::of(cluster.nodes(), |node| extended.offer_of(node).is_some());
    let plan = plan_of(&problem, strategy);
    Some(extended.as_added(plan))
}

/// How many of each offer linear programming would buy, and some more.
fn wanted<'o>(problem: &Problem<'_>, offers: &[&'o Offer]) -> Vec<(&'o Offer, u32)> {
    let one_of_each: Vec<(&Offer, u32)> = offers.iter().map(|offer| (*offer, 1)).collect();
    let tried = Extended::new(problem, &one_of_each);
    let cluster = Cluster::new(&tried.snapshot);
    let problem = Problem::new(&cluster, &tried.prices, problem.policy);
    let wanted = bound::nodes_wanted(&problem, &|node| tried.offer_of(node).map(|offer| offer.most));
    let number_of = |(node, wanted): (usize, f64)| {
        let offer = tried.offer_of(node)?;
        Some((offer, number(wanted, offer.most)))
    };
    wanted.into_iter().enumerate().filter_map(number_of).collect()
}

fn number(wanted: f64, most: Option<u32>) -> u32 {
    let number = (wanted * (1.0 + MORE_PERCENT / 100.0)).ceil() as u32 + SPARE;
    number.min(most.unwrap_or(u32::MAX))
}

/// Offers of one pool share its limits.
fn within_limits(wanted: Vec<(&Offer, u32)>) -> Vec<(&Offer, u32)> {
    let mut left: BTreeMap<&Name, f64> = BTreeMap::new();
    let mut bought = Vec::new();
    for (offer, number) in wanted {
        let left = left.entry(&offer.pool).or_insert(1.0);
        let number = offer.most.map_or(number, |most| number.min((*left * f64::from(most)).floor() as u32));
        *left -= offer.most.map_or(0.0, |most| f64::from(number) / f64::from(most.max(1)));
        if number > 0 {
            bought.push((offer, number));
        }
    }
    bought
}

/// For each pool, zone, capacity type, size and memory a core the offer that gives most for a dollar.
pub(crate) fn best_of_their_size(offers: &[Offer], largest: i64) -> Vec<&Offer> {
    let gives = |offer: &Offer| {
        let room = &offer.node.allocatable;
        (room.cpu as f64 / 1e3 + room.memory as f64 / GIB / GIB_AS_DEAR_AS_A_CORE) / offer.price.usd_per_hour.dollars()
    };
    let mut best: BTreeMap<_, (f64, usize)> = BTreeMap::new();
    let is_looked_at = |offer: &Offer| offer.most != Some(0) && offer.node.allocatable.cpu <= largest;
    for (at, offer) in offers.iter().enumerate().filter(|(_, offer)| is_looked_at(offer)) {
        let room = &offer.node.allocatable;
        let size = SIZES.iter().filter(|most| room.cpu > **most).count();
        let gib_a_core = room.memory as f64 / GIB / (room.cpu.max(1) as f64 / 1e3);
        let kind = GIB_A_CORE.iter().filter(|most| gib_a_core > **most).count();
        let gives = gives(offer);
        let so_far = best.entry((&offer.pool, &offer.zone, offer.capacity_type, size, kind)).or_insert((gives, at));
        if gives > so_far.0 {
            *so_far = (gives, at);
        }
    }
    let mut chosen: Vec<usize> = best.into_values().map(|(_, at)| at).collect();
    chosen.sort_unstable();
    chosen.into_iter().map(|at| &offers[at]).collect()
}

/// A snapshot with nodes that could be bought.
struct Extended<'o> {
    snapshot: Snapshot,
    prices: Prices,
    /// New nodes by name.
    new: BTreeMap<Name, &'o Offer>,
}

impl<'o> Extended<'o> {
    fn new(problem: &Problem<'_>, bought: &[(&'o Offer, u32)]) -> Extended<'o> {
        let (snapshot, prices) = (problem.snapshot(), problem.prices);
        let mut nodes: Vec<(Node, Option<usize>)> = snapshot.nodes.iter().cloned().zip((0..).map(Some)).collect();
        let models = daemons::models(snapshot);
        let mut extended = Extended { snapshot: snapshot.clone(), prices: Prices::default(), new: BTreeMap::new() };
        for (offer, number) in bought {
            for count in 1..=*number {
                let node = named(offer, count);
                if snapshot.node(&node.name).is_none() {
                    extended.snapshot.pods.extend(daemons::expected(&models, &node));
                    extended.new.insert(node.name.clone(), offer);
                    nodes.push((node, None));
                }
            }
        }
        nodes.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        let price = |(node, at): &(Node, Option<usize>)| match at {
            Some(at) => prices.nodes.get(*at).cloned(),
            None => extended.new.get(&node.name).map(|offer| Ok(offer.price.clone())),
        };
        extended.prices.nodes = nodes.iter().filter_map(price).collect();
        extended.snapshot.nodes = nodes.into_iter().map(|(node, _)| node).collect();
        extended.snapshot.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        extended
    }

    fn offer_of(&self, node: usize) -> Option<&'o Offer> {
        self.new.get(&self.snapshot.nodes[node].name).copied()
    }

    /// The plan on the extended snapshot, told of the one without: new nodes that it keeps are added, those that it
    /// removes never were.
    fn as_added(&self, mut plan: Plan) -> Plan {
        let is_new = |name: &Name| self.new.contains_key(name);
        let price = |offer: &Offer| offer.price.usd_per_hour;
        let removed: Vec<Name> = plan.nodes.remove.extract_if(.., |name| is_new(name)).collect();
        let all: UsdPerHour = self.new.values().map(|offer| price(offer)).sum();
        plan.summary.usd_per_hour_before -= all;
        plan.summary.nodes_before -= self.new.len();
        plan.nodes.add = self
            .snapshot
            .nodes
            .iter()
            .filter(|node| !removed.contains(&node.name))
            .filter_map(|node| Some((node, *self.new.get(&node.name)?)))
            .map(|(node, offer)| AddedNode {
                instance_type: offer.instance_type.clone(),
                capacity_type: offer.capacity_type,
                zone: offer.zone.clone(),
                usd_per_hour: price(offer),
                node: node.clone(),
            })
            .collect();
        if !plan.nodes.add.is_empty() {
            plan.summary.minutes_expected = plan.summary.minutes_expected.saturating_add(NODE_MINUTES);
        }
        plan.findings.retain(|finding| !matches!(&finding.subject, Subject::Node(name) if is_new(name)));
        rename(plan)
    }
}

/// `new-general-m6i.2xlarge-eu-west-1a-3`.
pub(crate) fn named(offer: &Offer, count: u32) -> Node {
    let allowed = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let text = format!("new-{}-{}-{}-{}", offer.pool, offer.instance_type, offer.zone, offer.capacity_type);
    let text: String = text.chars().map(allowed).collect();
    let name: Name = format!("{}-{count}", text.to_ascii_lowercase()).into();
    let mut labels: Vec<(Name, Name)> =
        offer.node.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    labels.push(("kubernetes.io/hostname".into(), name.clone()));
    Node { name, labels: Labels::new(labels), ..offer.node.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_rounded_up_within_the_limit() {
        assert_eq!(number(0.0, None), 2);
        assert_eq!(number(0.5, None), 3);
        assert_eq!(number(100.0, None), 106);
        assert_eq!(number(100.0, Some(7)), 7);
    }
}
