//! Prices: what is dearer is not bought, and what is unknown is not counted.

use model::{CapacityType, FindingCode, Labels, Name, Offer, Policy, Price, PriceBasis, Unpriced, UsdPerHour};

use super::support::{World, labels, node};
use super::{pair, planned_with, why_kept};

fn offer(dollars: f64, capacity_type: CapacityType) -> Offer {
    let pairs: Vec<(Name, Name)> = labels(&[("topology.kubernetes.io/zone", "z1")])
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .chain([("node.kubernetes.io/instance-type".into(), "m.large".into())])
        .collect();
    let price = Price {
        usd_per_hour: UsdPerHour::from_dollars(dollars).unwrap(),
        basis: PriceBasis::List,
        source: "test".into(),
        as_of: "2026-11-21".into(),
    };
    Offer {
        pool: "general".into(),
        instance_type: "m.large".into(),
        zone: "z1".into(),
        capacity_type,
        price,
        node: model::Node { name: "".into(), uid: "".into(), labels: Labels::new(pairs), ..node("new", "z1") },
        most: None,
    }
}

/// Group 7, K:2222, 2301.
#[test]
fn nothing_dearer_is_bought() {
    let mut world = World::new(&[("a", "z1")]);
    world.deployment("api", 3_000, &["a"], |_| {});
    for capacity_type in [CapacityType::Spot, CapacityType::OnDemand] {
        let added = |dollars: f64| {
            let prices = model::Prices { offers: vec![offer(dollars, capacity_type)], ..world.prices() };
            planned_with(&world, &prices, &Policy::default()).nodes.add.len()
        };
        assert_eq!(added(1.01), 0);
        assert_eq!(added(1.0), 0);
        assert_eq!(added(0.5), 1, "but what is cheaper is");
    }
}

/// Group 12, balanced_adversarial:34: not a number is no price, so no total can hold one.
#[test]
fn a_price_that_is_no_number_is_none() {
    for dollars in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
        assert_eq!(UsdPerHour::from_dollars(dollars), None, "{dollars}");
    }
}

/// Group 12, balanced_adversarial:117: of a node whose type nobody knows.
#[test]
fn a_node_without_a_price_stays_and_is_in_no_total() {
    let world = pair(|_| {});
    let mut prices = world.prices();
    prices.nodes[0] = Err(Unpriced { reason: "its type is unknown".into(), remedy: "name it".into() });
    let plan = planned_with(&world, &prices, &Policy::default());
    assert_eq!(why_kept(&plan, "a"), FindingCode::NodeUnpriced);
    assert_eq!(plan.summary.usd_per_hour_before, UsdPerHour::from_dollars(1.0).unwrap());
    assert_eq!(plan.summary.nodes_unpriced, 1);
}
