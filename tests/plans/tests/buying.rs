//! Plans that buy nodes: legal, never dearer than those that do not, within what the pools could make.
#![allow(clippy::unwrap_used)] // What the tests share fails as loudly as they do.

use check::{Rule, verify};
use engine::{default_strategy, plan};
use model::{Plan, Policy, Prices, Snapshot};
use observe::prices::{PriceTable, offers, price_nodes};
use serde_json::{Value, json};

/// A fleet whose pool is Karpenter's, with these requirements and limits.
fn fleet(seed: u64, requirements: Value, limits: Value) -> (Snapshot, Prices) {
    let pool = json!({ "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": { "name": "general" },
        "spec": { "limits": limits, "template": { "spec": { "requirements": requirements } } } });
    let fleet = scenario::fleet(seed, 10 + 3 * seed as usize, 100 + 30 * seed as usize);
    let objects: Vec<Value> = fleet.objects().chain([pool]).collect();
    let snapshot = observe::read_values("fleet", objects.into_iter()).unwrap();
    let table = PriceTable::list();
    let prices = Prices { offers: offers(&snapshot, &table), ..price_nodes(&snapshot.nodes, &table) };
    (snapshot, prices)
}

fn any_of_three_families() -> Value {
    json!([{ "key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"] },
        { "key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"] },
        { "key": "karpenter.k8s.aws/instance-cpu", "operator": "Lt", "values": ["17"] }])
}

fn planned(snapshot: &Snapshot, prices: &Prices) -> Plan {
    plan(snapshot, prices, &Policy::default(), default_strategy())
}

#[test]
fn a_plan_that_buys_is_legal_and_cheaper() {
    let mut bought = 0;
    for seed in 0..12 {
        let (snapshot, prices) = fleet(seed, any_of_three_families(), json!({}));
        let with = planned(&snapshot, &prices);
        let faults = verify(&snapshot, Some(&prices), &Policy::default(), &with);
        assert!(faults.is_empty(), "fleet {seed}: {} faults, the first: {:?}", faults.len(), faults[0]);
        let without = planned(&snapshot, &Prices { offers: Vec::new(), ..prices.clone() });
        assert!(with.summary.usd_per_hour_after <= without.summary.usd_per_hour_after, "fleet {seed}");
        bought += with.nodes.add.len();
    }
    assert!(bought > 20, "only {bought} nodes were bought");
}

#[test]
fn what_a_pool_may_not_make_is_not_bought() {
    let only = json!([{ "key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m5a.2xlarge"] },
        { "key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-east-1b"] }]);
    let mut bought = 0;
    for seed in 0..8 {
        let (snapshot, _) = fleet(seed, only.clone(), json!({}));
        let is_general = |node: &&model::Node| node.node_pool().is_some_and(|pool| &**pool == "general");
        let cores: i64 = snapshot.nodes.iter().filter(is_general).map(|node| node.capacity.cpu / 1_000).sum();
        let (snapshot, mut prices) = fleet(seed, only.clone(), json!({ "cpu": (cores + 20).to_string() }));
        prices.offers.retain(|offer| &*offer.pool == "general");
        for offer in &prices.offers {
            assert_eq!((&*offer.zone, offer.most), ("us-east-1b", Some(2)), "fleet {seed}, {cores} cores");
        }
        let plan = planned(&snapshot, &prices);
        assert!(plan.nodes.add.len() <= 2, "fleet {seed}: {} nodes within 20 cores", plan.nodes.add.len());
        assert!(plan.nodes.add.iter().all(|added| &*added.instance_type == "m5a.2xlarge"), "fleet {seed}");
        bought += plan.nodes.add.len();
    }
    assert!(bought > 0, "nothing was bought at all");
}

#[test]
fn nodes_that_no_pool_could_make_are_faults() {
    let (snapshot, prices) = fleet(4, any_of_three_families(), json!({}));
    let plan = planned(&snapshot, &prices);
    assert!(!plan.nodes.add.is_empty());
    let is_fault = |change: &dyn Fn(&mut Plan)| {
        let mut changed = plan.clone();
        change(&mut changed);
        let faults = verify(&snapshot, Some(&prices), &Policy::default(), &changed);
        faults.iter().any(|fault| fault.rule == Rule::AddedNode)
    };
    assert!(is_fault(&|plan| plan.nodes.add[0].node.allocatable.cpu += 1), "more CPU than such a node has");
    assert!(is_fault(&|plan| plan.nodes.add[0].usd_per_hour = model::UsdPerHour::from_nanos(1)), "a made-up price");
    assert!(is_fault(&|plan| plan.nodes.add[0].instance_type = "m5a.metal".into()), "a type that nobody sells");
    let mut short = prices.clone();
    short.offers.iter_mut().for_each(|offer| offer.most = Some(0));
    let faults = verify(&snapshot, Some(&short), &Policy::default(), &plan);
    assert!(faults.iter().any(|fault| fault.rule == Rule::AddedNode), "more than the limits leave room for");
}
