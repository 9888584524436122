//! Nodes for pending pods: every pod is legal when it is bound, nothing waits that could be helped, and no node is dearer
//! than need be.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use check::State;
use engine::{Provisioning, provision};
use model::{AddedNode, CapacityType, Labels, Name, Node, Offer, Phase, Policy, Prices, Snapshot};
use plans::prices_by_size;
use serde_json::{Value, json};

fn read(objects: impl Iterator<Item = Value>) -> Snapshot {
    observe::read_values("cluster", objects.collect::<Vec<_>>().into_iter()).unwrap()
}

/// An offer for each node of the snapshot, of which one may buy as many as one likes.
fn offers_like(snapshot: &Snapshot) -> Vec<Offer> {
    let prices = prices_by_size(snapshot);
    let offer = |(at, node): (usize, &Node)| {
        let labels = node.labels.iter().filter(|(key, _)| &***key != "kubernetes.io/hostname");
        let labels = Labels::new(labels.map(|(key, value)| (key.clone(), value.clone())).collect());
        Offer {
            pool: "pool".into(),
            instance_type: format!("type-{at}").into(),
            zone: node.zone().cloned().unwrap_or_default(),
            capacity_type: CapacityType::OnDemand,
            price: prices.nodes[at].clone().unwrap(),
            node: Node {
                name: Name::default(),
                uid: Name::default(),
                labels,
                ready: true,
                unschedulable: false,
                ..node.clone()
            },
            most: None,
        }
    };
    snapshot.nodes.iter().enumerate().map(offer).collect()
}

/// The cluster after every other node died: what ran there is pending.
fn without_every_other_node(mut snapshot: Snapshot) -> Snapshot {
    let dead: BTreeSet<Name> = snapshot.nodes.iter().step_by(2).map(|node| node.name.clone()).collect();
    snapshot.nodes.retain(|node| !dead.contains(&node.name));
    snapshot.volume_attachments.retain(|attachment| !dead.contains(&attachment.node));
    let was_there = |pod: &model::Pod| pod.node.as_ref().is_some_and(|node| dead.contains(node));
    snapshot.pods.retain(|pod| !(was_there(pod) && (pod.is_daemon() || pod.is_static() || pod.terminating)));
    for pod in snapshot.pods.iter_mut().filter(|pod| pod.node.as_ref().is_some_and(|node| dead.contains(node))) {
        pod.node = None;
        if pod.phase == Phase::Running {
            pod.phase = Phase::Pending;
        }
        pod.ready = false;
    }
    snapshot
}

fn provisioned(snapshot: &Snapshot, offers: Vec<Offer>) -> Provisioning {
    let prices = Prices { offers, ..prices_by_size(snapshot) };
    provision(snapshot, &prices, &Policy::default())
}

/// Binds one pod after the other, those on nodes that are there before the new ones come; says which is not legal.
fn bind(snapshot: &Snapshot, found: &Provisioning) -> Result<(), String> {
    let (mut before, mut after) = (State::new(snapshot), State::with_added(snapshot, &found.add));
    for (pod, name) in &found.bind {
        let (pod, node) = (*pod as usize, after.node_index(name).unwrap());
        let state = if node < snapshot.nodes.len() { &mut before } else { &mut after };
        if let Some(rejection) = state.rejects(pod, node) {
            return Err(format!("{} on {name}: {}", snapshot.pods[pod].key(), rejection.detail));
        }
        if node < snapshot.nodes.len() {
            before.place(pod, node);
        }
        after.place(pod, node);
    }
    Ok(())
}

/// One empty node of each offer.
fn one_of_each(offers: &[Offer]) -> Vec<AddedNode> {
    let one = |(at, offer): (usize, &Offer)| {
        let name: Name = format!("one-{at}").into();
        let labels = offer.node.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
        let labels = Labels::new(labels.chain([("kubernetes.io/hostname".into(), name.clone())]).collect());
        AddedNode {
            instance_type: offer.instance_type.clone(),
            capacity_type: offer.capacity_type,
            zone: offer.zone.clone(),
            usd_per_hour: offer.price.usd_per_hour,
            node: Node { name, labels, ..offer.node.clone() },
        }
    };
    offers.iter().enumerate().map(one).collect()
}

fn judge(name: &str, snapshot: &Snapshot, offers: &[Offer]) -> Provisioning {
    let found = provisioned(snapshot, offers.to_vec());
    assert_eq!(bind(snapshot, &found), Ok(()), "{name}");
    let waits = |pod: &u32| {
        let pod = &snapshot.pods[*pod as usize];
        pod.is_unbound() && !pod.terminating && !pod.spec.has_resource_claims
    };
    let all: Vec<u32> = (0..snapshot.pods.len() as u32).filter(waits).collect();
    let mut told: Vec<u32> = found.bind.iter().map(|(pod, _)| *pod).chain(found.unplaced.iter().copied()).collect();
    told.sort_unstable();
    assert_eq!(all, told, "{name}: each pod that waits is told of once");
    assert!(found.usd_per_hour >= found.usd_per_hour_lower_bound, "{name}: cheaper than is possible");
    let added = one_of_each(offers);
    let mut empty = State::with_added(snapshot, &added);
    let own = snapshot.nodes.len();
    for pod in found.unplaced.iter().map(|pod| *pod as usize) {
        let spec = &snapshot.pods[pod].spec;
        let asks_others = !spec.topology_spread.is_empty()
            || !spec.pod_affinity.is_empty()
            || snapshot.pods.iter().any(|other| !other.spec.pod_anti_affinity.is_empty())
            || !spec.volumes.is_empty();
        let helps: Vec<usize> = empty.fitting_nodes(pod).into_iter().filter(|node| *node >= own).collect();
        assert!(asks_others || helps.is_empty(), "{name}: {} could be helped", snapshot.pods[pod].key());
    }
    found
}

#[test]
fn half_a_fleet_is_bought_again_and_every_pod_is_legal_when_it_comes() {
    let (mut bound, mut unplaced) = (0, 0);
    for seed in 0..12 {
        let whole = read(scenario::fleet(seed, 12 + seed as usize, 150 + 40 * seed as usize).objects());
        let offers = offers_like(&whole);
        let found = judge(&format!("fleet {seed}"), &without_every_other_node(whole), &offers);
        bound += found.bind.len();
        unplaced += found.unplaced.len();
    }
    assert!(bound > 1_000 && unplaced * 50 < bound, "{bound} pods got a node, {unplaced} did not");
}

#[test]
fn whatever_the_rules_are_every_pod_is_legal_when_it_comes() {
    let (mut bound, mut bought) = (0, 0);
    for seed in 0..1_000 {
        let whole = read(std::iter::once(scenario::corners(seed)));
        let offers = offers_like(&whole);
        let found = judge(&format!("cluster {seed}"), &without_every_other_node(whole), &offers);
        bound += found.bind.len();
        bought += found.add.len();
    }
    assert!(bound > 300 && bought > 100, "{bound} pods got a node, {bought} nodes were bought");
}

/// Pending pods of Karpenter's five classes.
fn five_classes(seed: u64, count: usize) -> Snapshot {
    let mut random = fastrand::Rng::with_seed(seed);
    let letters = ["a", "b", "c", "d", "e", "f", "g"];
    let pod = |at: usize| {
        let cpu = random.choice([100, 250, 500, 1_000, 1_500]).unwrap();
        let memory = random.choice([100, 256, 512, 1_024, 2_048, 4_096]).unwrap();
        let (own, other) = (random.choice(letters).unwrap(), random.choice(letters).unwrap());
        let spread = |key: &str| {
            json!({ "topologySpreadConstraints": [{ "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable":
            "DoNotSchedule", "labelSelector": { "matchLabels": { "spread": other } } }] })
        };
        let near = |kind: &str, key: &str, labels: Value| {
            json!({ "affinity": { kind: { "requiredDuringSchedulingIgnoredDuringExecution":
            [{ "topologyKey": key, "labelSelector": { "matchLabels": labels } }] } } })
        };
        let (labels, mut spec) = match at % 5 {
            0 => (json!({ "spread": own }), json!({})),
            1 => (json!({ "spread": own }), spread("topology.kubernetes.io/zone")),
            2 => (json!({ "spread": own }), spread("kubernetes.io/hostname")),
            3 => {
                let labels = json!({ "near": own });
                (labels.clone(), near("podAffinity", "topology.kubernetes.io/zone", labels))
            }
            _ => {
                let labels = json!({ "app": "alone" });
                (labels.clone(), near("podAntiAffinity", "kubernetes.io/hostname", labels))
            }
        };
        let requests = json!({ "cpu": format!("{cpu}m"), "memory": format!("{memory}Mi") });
        spec["containers"] = json!([{ "name": "app", "resources": { "requests": requests } }]);
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "namespace": "web", "name": format!("pod-{at:05}"),
            "uid": format!("{at}"), "labels": labels }, "spec": spec, "status": { "phase": "Pending" } })
    };
    read((0..count).map(pod).collect::<Vec<_>>().into_iter())
}

/// Nodes of one to `sizes` cores in three zones at a price in proportion.
fn three_zones(sizes: i64) -> Vec<Offer> {
    let node = |zone: &str, cores: i64| {
        let labels = [("topology.kubernetes.io/zone", zone), ("kubernetes.io/os", "linux")];
        let allocatable = model::Resources {
            cpu: cores * 1_000 - 100,
            memory: (cores << 31) - (10 << 20),
            pods: 10 * cores,
            ..model::Resources::default()
        };
        let labels = Labels::new(labels.map(|(key, value)| (key.into(), value.into())).into());
        let name: Name = format!("{zone}-{cores:03}").into();
        Node { name, labels, capacity: allocatable.clone(), allocatable, ready: true, ..Node::default() }
    };
    let nodes = ["a", "b", "c"].into_iter().flat_map(|zone| (1..=sizes).map(move |cores| node(zone, cores)));
    offers_like(&Snapshot { nodes: nodes.collect(), ..Snapshot::default() })
}

#[test]
fn pods_that_need_a_node_each_get_one_and_the_rest_fills_them() {
    for seed in 0..6 {
        let count = 60 + 100 * seed as usize;
        let snapshot = five_classes(seed, count);
        let found = judge(&format!("{count} pods"), &snapshot, &three_zones(64));
        assert!(found.unplaced.is_empty(), "{} of {count} pods got no node", found.unplaced.len());
        let (cost, bound) = (found.usd_per_hour.dollars(), found.usd_per_hour_lower_bound.dollars());
        assert!(cost < 1.2 * bound, "{count} pods: ${cost} where ${bound} is the bound");
    }
}

#[test]
fn the_order_in_which_things_are_read_changes_nothing() {
    let snapshot = five_classes(9, 300);
    let mut offers = three_zones(16);
    let found = provisioned(&snapshot, offers.clone());
    assert_eq!(format!("{found:?}"), format!("{:?}", provisioned(&snapshot, offers.clone())));
    offers.reverse();
    let reversed = provisioned(&snapshot, offers);
    assert_eq!((found.usd_per_hour, found.bind), (reversed.usd_per_hour, reversed.bind));
}

#[test]
fn the_limits_of_a_pool_are_kept() {
    let snapshot = five_classes(3, 200);
    let mut offers = three_zones(8);
    offers
        .iter_mut()
        .for_each(|offer| offer.most = Some(u32::try_from(40_000 / (offer.node.capacity.cpu + 100)).unwrap()));
    let found = judge("forty cores", &snapshot, &offers);
    let cores: i64 = found.add.iter().map(|added| added.node.capacity.cpu + 100).sum();
    assert!((20_000..=40_000).contains(&cores) && !found.unplaced.is_empty(), "{cores} millicores bought");
}

#[test]
fn nothing_is_bought_where_there_is_room_nor_where_nothing_is_for_sale() {
    let mut snapshot = five_classes(1, 20);
    assert_eq!(provisioned(&snapshot, Vec::new()).unplaced.len(), 20);
    let large = three_zones(64).into_iter().filter(|offer| offer.node.capacity.cpu > 60_000);
    snapshot.nodes = one_of_each(&large.collect::<Vec<_>>()).into_iter().map(|added| added.node).collect();
    snapshot.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let found = judge("large nodes", &snapshot, &three_zones(64));
    assert_eq!((found.add.len(), found.bind.len()), (0, 20));
}
