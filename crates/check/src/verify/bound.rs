//! The lower bound: what the certificate's dual prices prove on this snapshot, added up again.
//!
//! See [`model::BoundCertificate`] for the sum. Any dual prices prove something true; what is asked here is whether they
//! prove what the plan says.

use model::{
    BoundCertificate, Name, Node, NodePrices, Offer, Plan, Pod, PodSpec, Prices, Resources, Snapshot, UsdPerHour,
    WorkloadRef,
};
use rustc_hash::FxHashMap;

use super::daemons;
use super::nodes;
use super::one_per_node::{self, workload_number};
use crate::evictable::Evictions;
use crate::filters::may_hold;
use crate::rule::{Fault, Rule};

pub(super) fn check(
    snapshot: &Snapshot,
    prices: Option<&Prices>,
    evictions: &Evictions<'_>,
    plan: &Plan,
) -> Vec<Fault> {
    let fault = |message: String| vec![Fault::new(Rule::LowerBound, message)];
    let Some(said) = plan.summary.usd_per_hour_lower_bound else { return Vec::new() };
    let Some(certificate) = &plan.bound else {
        return fault(format!("{said} an hour is said to be a lower bound, and there is no certificate of it"));
    };
    if certificate.usd_per_hour != said {
        return fault(format!("{said} an hour is said to be the lower bound, and the certificate is of another"));
    }
    let Some(prices) = prices else { return Vec::new() };
    let sum = match Sum::new(snapshot, prices, evictions, certificate) {
        Ok(sum) => sum,
        Err(complaint) => return fault(complaint),
    };
    let proven = sum.proven();
    if said > proven {
        return fault(format!("{said} an hour is said to be a lower bound; its certificate proves {proven}"));
    }
    Vec::new()
}

/// No sum of a million numbers is further from the true one than this part of what they sum up to without their signs.
const ROUNDING: f64 = 1e-9;

/// The parts of the sum, for nodes of known price.
struct Sum<'a> {
    snapshot: &'a Snapshot,
    prices: &'a Prices,
    classes: &'a [NodePrices],
    /// By node: its class.
    class_of: Vec<Option<usize>>,
    /// What may be bought, each with its class; those without one have no dual prices.
    offers: Vec<(&'a Offer, Option<&'a NodePrices>)>,
    /// By node.
    can_go: Vec<bool>,
    /// By node: what is left for pods that may move, before those that are there; and what those ask that are there.
    rooms: Vec<(Amounts, Amounts)>,
    /// Pods that may move, each with its node.
    movable: Vec<(&'a Pod, usize)>,
    /// By workload of which a node takes one pod, its pods by node.
    places: FxHashMap<u32, FxHashMap<usize, u32>>,
    /// By spec and namespace, once asked.
    holders: FxHashMap<(*const PodSpec, &'a Name), Vec<Option<&'a NodePrices>>>,
}

/// CPU, memory, pods, then others by name. Wide enough for any sum.
#[derive(Clone, Default)]
struct Amounts {
    cpu: i128,
    memory: i128,
    pods: i128,
    others: FxHashMap<Name, i128>,
}

impl<'a> Sum<'a> {
    fn new(
        snapshot: &'a Snapshot,
        prices: &'a Prices,
        evictions: &Evictions<'_>,
        certificate: &'a BoundCertificate,
    ) -> Result<Sum<'a>, String> {
        let index: FxHashMap<&Name, usize> =
            snapshot.nodes.iter().enumerate().rev().map(|(at, node)| (&node.name, at)).collect();
        let mut class_of = vec![None; snapshot.nodes.len()];
        for (at, class) in certificate.classes.iter().enumerate() {
            check_prices(class)?;
            for name in &class.nodes {
                let node =
                    *index.get(name).ok_or_else(|| format!("the certificate names node {name}, which is not there"))?;
                if class_of[node].replace(at).is_some() {
                    return Err(format!("the certificate names node {name} twice"));
                }
            }
        }
        let is_priced = |node: usize| prices.of(node).is_some();
        let mut can_go: Vec<bool> = (0..snapshot.nodes.len())
            .map(|node| nodes::kept(evictions.policy(), &snapshot.nodes[node]).is_none() && is_priced(node))
            .collect();
        let mut rooms: Vec<(Amounts, Amounts)> =
            snapshot.nodes.iter().map(|node| (Amounts::of_node(node), Amounts::default())).collect();
        let mut movable = Vec::new();
        for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
            let Some(node) = pod.node.as_ref().and_then(|node| index.get(node)).copied() else { continue };
            let (free, own) = &mut rooms[node];
            if evictions.evictable(pod).is_ok() {
                own.add(&pod.requests, 1);
                free.give_back(&pod.requests, &pod.held);
                if is_priced(node) {
                    movable.push((pod, node));
                }
            } else {
                free.add(&pod.held, -1);
                can_go[node] &= pod.is_daemon() || pod.is_static();
            }
        }
        let offers = offers(snapshot, prices, certificate)?;
        let places = one_per_node::places(snapshot, &movable, certificate)?;
        let classes = &certificate.classes;
        let holders = FxHashMap::default();
        Ok(Sum { snapshot, prices, classes, class_of, offers, can_go, rooms, movable, places, holders })
    }

    /// The bound that the dual prices prove, rounded up where the prices of nodes allow it.
    fn proven(mut self) -> UsdPerHour {
        let priced: Vec<(usize, UsdPerHour)> =
            (0..self.snapshot.nodes.len()).filter_map(|node| Some((node, self.prices.of(node)?))).collect();
        let (mut fixed, mut divisor, mut sum) = (UsdPerHour::ZERO, 0, 0.0);
        // Of all that is added and taken away: of so much rounding may have changed a part.
        let mut turnover = 0.0;
        for (node, price) in priced {
            let earned = self.earned(node);
            turnover += earned + price.dollars();
            if self.can_go[node] {
                divisor = greatest_common_divisor(divisor, price.nanos());
                sum -= (earned - price.dollars()).max(0.0);
            } else {
                fixed += price;
                sum -= earned;
            }
        }
        for (offer, _) in &self.offers {
            divisor = greatest_common_divisor(divisor, offer.price.usd_per_hour.nanos());
        }
        for (pod, node) in std::mem::take(&mut self.movable) {
            let paid = self.paid(pod, node);
            turnover += paid;
            sum += paid;
        }
        // Down, by more than rounding can have added: what is not proven must not become a whole step.
        let above = (sum - turnover * ROUNDING) * 1e9 - 1.0;
        let above = if above.is_finite() { above.max(0.0) as i64 } else { 0 };
        let divisor = divisor.max(1);
        let multiples = above / divisor + i64::from(above % divisor > 0);
        fixed + UsdPerHour::from_nanos(multiples.saturating_mul(divisor))
    }

    fn earned(&self, node: usize) -> f64 {
        let Some(class) = self.class_of[node] else { return 0.0 };
        let (free, own) = &self.rooms[node];
        let worth = |(name, price): &(Name, f64)| price * free.units(name).max(own.units(name));
        let place = |(workload, price): &(WorkloadRef, f64)| {
            let number = workload_number(self.snapshot, workload);
            let own = number.and_then(|number| self.places.get(&number)?.get(&node).copied()).unwrap_or(0);
            price * f64::from(own.max(1))
        };
        let class = &self.classes[class];
        class.usd_per_hour.iter().map(worth).sum::<f64>() + class.one_per_node.iter().map(place).sum::<f64>()
    }

    /// What the pod pays where it pays least, or nothing where it is on a node without dual prices.
    fn paid(&mut self, pod: &'a Pod, node: usize) -> f64 {
        let Some(home) = self.class_of[node] else { return 0.0 };
        let holders = self.holders(pod);
        let mut asked = Amounts::default();
        asked.add(&pod.requests, 1);
        let own = self.snapshot.workload_of(pod).map(|workload| &workload.reference);
        let worth = |class: &NodePrices| -> f64 {
            let place = class.one_per_node.iter().filter(|(workload, _)| Some(workload) == own).map(|(_, price)| price);
            class.usd_per_hour.iter().map(|(name, price)| price * asked.units(name)).sum::<f64>() + place.sum::<f64>()
        };
        let mut least = worth(&self.classes[home]);
        for class in holders {
            least = least.min(class.map_or(0.0, worth));
        }
        least
    }

    /// Classes of which some node or offer may hold the pod; `None` where one without dual prices may.
    fn holders(&mut self, pod: &'a Pod) -> Vec<Option<&'a NodePrices>> {
        let key = (std::sync::Arc::as_ptr(&pod.spec), &pod.namespace);
        if let Some(known) = self.holders.get(&key) {
            return known.clone();
        }
        let classes = self.classes;
        let receives = |at: usize| self.prices.of(at).is_some() && nodes::receives(&self.snapshot.nodes[at]);
        let nodes = self.snapshot.nodes.iter().enumerate().filter(|(at, _)| receives(*at));
        let nodes = nodes.map(|(at, node)| (node, self.class_of[at].map(|class| &classes[class])));
        let mut found: Vec<Option<&NodePrices>> = Vec::new();
        for (node, class) in nodes.chain(self.offers.iter().map(|(offer, class)| (&offer.node, *class))) {
            let is_known = |known: &Option<&NodePrices>| match (known, class) {
                (Some(known), Some(class)) => std::ptr::eq(*known, class),
                (known, class) => known.is_none() && class.is_none(),
            };
            if !found.iter().any(is_known) && may_hold(self.snapshot, pod, node) {
                found.push(class);
            }
        }
        // Generic ephemeral volumes have claims of the pod's own name.
        if !pod.spec.volumes.iter().any(|volume| matches!(volume, model::Volume::Ephemeral { .. })) {
            self.holders.insert(key, found.clone());
        }
        found
    }
}

/// What may be bought with its dual prices, at which none is worth more than it costs.
fn offers<'a>(
    snapshot: &Snapshot,
    prices: &'a Prices,
    certificate: &'a BoundCertificate,
) -> Result<Vec<(&'a Offer, Option<&'a NodePrices>)>, String> {
    let mut class_of: FxHashMap<&str, &NodePrices> = FxHashMap::default();
    for class in &certificate.offers {
        check_prices(class)?;
        for key in &class.nodes {
            if class_of.insert(key, class).is_some() {
                return Err(format!("the certificate names offer {key} twice"));
            }
        }
    }
    let models = daemons::models(snapshot);
    let mut offers = Vec::new();
    for offer in &prices.offers {
        let class = class_of.get(&*offer.key()).copied();
        let mut room = Amounts::of_node(&offer.node);
        daemons::expected(&models, &offer.node).iter().for_each(|daemon| room.add(&daemon.requests, -1));
        let worth = class.map_or(0.0, |class| {
            let places = class.one_per_node.iter().map(|(_, price)| price).sum::<f64>();
            class.usd_per_hour.iter().map(|(name, price)| price * room.units(name).max(0.0)).sum::<f64>() + places
        });
        if worth > offer.price.usd_per_hour.dollars() {
            let cost = offer.price.usd_per_hour;
            return Err(format!("{} costs {cost}, and is worth ${worth:.6} at its dual prices", offer.key()));
        }
        offers.push((offer, class));
    }
    Ok(offers)
}

fn check_prices(class: &NodePrices) -> Result<(), String> {
    let is_bad = |price: &f64| !price.is_finite() || *price < 0.0;
    if let Some((name, price)) = class.usd_per_hour.iter().find(|(_, price)| is_bad(price)) {
        return Err(format!("a dual price of {name} is {price}, which proves nothing"));
    }
    if let Some((workload, price)) = class.one_per_node.iter().find(|(_, price)| is_bad(price)) {
        return Err(format!("a dual price of a place for {workload} is {price}, which proves nothing"));
    }
    Ok(())
}

impl Amounts {
    fn of_node(node: &Node) -> Amounts {
        let mut amounts = Amounts::default();
        amounts.add(&node.allocatable, 1);
        amounts.pods = i128::from(node.allocatable.pods);
        amounts
    }

    fn add(&mut self, resources: &Resources, sign: i128) {
        self.cpu += sign * i128::from(resources.cpu);
        self.memory += sign * i128::from(resources.memory);
        self.pods += sign;
        for (name, amount) in &resources.scalar {
            *self.others.entry(name.clone()).or_default() += sign * i128::from(*amount);
        }
    }

    /// A pod that holds less than it asks for leaves more room.
    fn give_back(&mut self, asked: &Resources, held: &Resources) {
        let less = |asked: i64, held: i64| i128::from(asked.saturating_sub(held).max(0));
        self.cpu += less(asked.cpu, held.cpu);
        self.memory += less(asked.memory, held.memory);
        for (name, amount) in &asked.scalar {
            *self.others.entry(name.clone()).or_default() += less(*amount, held.scalar(name));
        }
    }

    /// In cores, GiB, pods, or pieces.
    fn units(&self, name: &str) -> f64 {
        match name {
            "cpu" => self.cpu as f64 / 1e3,
            "memory" => self.memory as f64 / f64::from(1 << 30),
            "pods" => self.pods as f64,
            other => self.others.get(other).map_or(0.0, |amount| *amount as f64),
        }
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
