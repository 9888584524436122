//! Lower bounds: true for every legal plan that is found, proven by their certificates, and not by false ones.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use check::{Rule, verify};
use engine::{plan, strategies};
use model::{BoundCertificate, NodePrices, Plan, Policy, Prices, Snapshot, UsdPerHour};
use plans::{adopt_all, prices_by_size};

fn clusters() -> impl Iterator<Item = (String, Snapshot)> {
    let corners = (0..120).map(|seed| {
        let mut snapshot = observe::read_values("corners", std::iter::once(scenario::corners(seed))).unwrap();
        adopt_all(&mut snapshot);
        (format!("corners({seed})"), snapshot)
    });
    let fleets = (0..20).map(|seed| {
        let objects: Vec<_> = scenario::fleet(seed, 8 + seed as usize, 90 + 9 * seed as usize).objects().collect();
        (format!("fleet({seed})"), observe::read_values("fleet", objects.into_iter()).unwrap())
    });
    let company = observe::read_values("company", scenario::company().into_iter()).unwrap();
    corners.chain(fleets).chain([("company".to_owned(), company)])
}

fn for_every_cluster(mut test: impl FnMut(&str, &Snapshot, &Prices, Vec<Plan>)) {
    for (name, snapshot) in clusters() {
        let prices = prices_by_size(&snapshot);
        let plans = strategies().map(|strategy| plan(&snapshot, &prices, &Policy::default(), strategy));
        test(&name, &snapshot, &prices, plans.into());
    }
}

fn is_proven(snapshot: &Snapshot, prices: &Prices, plan: &Plan) -> bool {
    let faults = verify(snapshot, Some(prices), &Policy::default(), plan);
    !faults.iter().any(|fault| fault.rule == Rule::LowerBound)
}

fn claiming(plan: &Plan, certificate: BoundCertificate) -> Plan {
    let mut plan = plan.clone();
    plan.summary.usd_per_hour_lower_bound = Some(certificate.usd_per_hour);
    plan.bound = Some(certificate);
    plan
}

#[test]
fn no_plan_is_cheaper_than_the_bound_of_another() {
    let (mut after, mut bounds) = (0.0, 0.0);
    for_every_cluster(|name, _, _, plans| {
        let cheapest = plans.iter().map(|plan| plan.summary.usd_per_hour_after).min().unwrap();
        for plan in &plans {
            let bound = plan.bound.as_ref().unwrap().usd_per_hour;
            assert!(bound <= cheapest, "{name}: {bound} above {cheapest}");
            assert_eq!(plan.summary.usd_per_hour_lower_bound, Some(bound));
        }
        after += cheapest.dollars();
        bounds += plans[0].summary.usd_per_hour_lower_bound.unwrap().dollars();
    });
    assert!(bounds > after * 0.7, "the bounds say little: {bounds} of {after}");
}

/// Whatever dual prices somebody writes: they prove nothing above what a plan reaches.
#[test]
fn no_certificate_proves_what_is_false() {
    let mut random = fastrand::Rng::with_seed(7);
    for_every_cluster(|name, snapshot, prices, plans| {
        let cheapest = plans.iter().map(|plan| plan.summary.usd_per_hour_after).min().unwrap();
        let false_bound = cheapest + UsdPerHour::from_nanos(2);
        let own = plans[0].bound.clone().unwrap();
        for round in 0..20 {
            let mut classes = if round % 2 == 0 { own.classes.clone() } else { random_classes(snapshot, &mut random) };
            // Prices beyond all measure leave nothing of a sum but what rounding makes of it.
            let scale = if round % 5 == 4 { 10_f64.powi(random.i32(3..25)) } else { 1.0 };
            for (_, price) in classes.iter_mut().flat_map(|class| &mut class.usd_per_hour) {
                *price *= 2.0 * random.f64() * scale;
            }
            let plan = claiming(&plans[0], BoundCertificate { usd_per_hour: false_bound, classes, offers: Vec::new() });
            assert!(!is_proven(snapshot, prices, &plan), "{name}: {false_bound} is not below {cheapest}");
        }
    });
}

fn random_classes(snapshot: &Snapshot, random: &mut fastrand::Rng) -> Vec<NodePrices> {
    let mut classes: Vec<NodePrices> = (0..4)
        .map(|_| {
            let prices = [("cpu", 0.1), ("memory", 0.02), ("pods", 0.02)];
            let usd_per_hour = prices.map(|(name, most)| (name.into(), random.f64() * most));
            NodePrices { nodes: Vec::new(), usd_per_hour: usd_per_hour.into(), one_per_node: Vec::new() }
        })
        .collect();
    for node in &snapshot.nodes {
        classes[random.usize(0..4)].nodes.push(node.name.clone());
    }
    classes
}

#[test]
fn what_a_certificate_does_not_prove_is_a_fault() {
    for_every_cluster(|name, snapshot, prices, plans| {
        let plan = &plans[0];
        let own = plan.bound.clone().unwrap();
        assert!(is_proven(snapshot, prices, plan), "{name}");
        let more = own.usd_per_hour + UsdPerHour::from_nanos(1_000_000);
        let falsified = |change: &dyn Fn(&mut BoundCertificate)| {
            let mut certificate = own.clone();
            change(&mut certificate);
            is_proven(snapshot, prices, &claiming(plan, certificate))
        };
        assert!(!falsified(&|certificate| certificate.usd_per_hour = more), "{name}: more than is proven");
        if own.classes.is_empty() {
            return;
        }
        let price = |certificate: &mut BoundCertificate, to: f64| certificate.classes[0].usd_per_hour[0].1 = to;
        assert!(!falsified(&|certificate| price(certificate, -1.0)), "{name}: a price below zero");
        assert!(!falsified(&|certificate| price(certificate, f64::NAN)), "{name}: a price that is no number");
        assert!(!falsified(&|certificate| certificate.classes[0].nodes.push("nobody".into())), "{name}: no such node");
        let twice = own.classes[0].nodes[0].clone();
        assert!(!falsified(&|certificate| certificate.classes[0].nodes.push(twice.clone())), "{name}: a node twice");
        let mut without = plan.clone();
        without.bound = None;
        assert!(!is_proven(snapshot, prices, &without), "{name}: no certificate");
    });
}
