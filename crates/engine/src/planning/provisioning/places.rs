//! Where nodes can be bought, and of which sizes: offers that no pod's rules tell apart are one place.

use std::collections::BTreeMap;

use model::{Name, Node, Offer, Pod, Snapshot};

use crate::cluster::Cluster;
use crate::planning::buying::named;
use crate::planning::daemons;

/// Offers of one pool between which only size and price differ, as far as any waiting pod can tell.
pub(super) struct Place {
    /// The node of one of them.
    pub node: Node,
    /// Which of the waiting pods' sets of nodes it is in: places with the same are priced alike.
    pub eligible: Vec<u32>,
    /// The daemons of each of its nodes.
    pub daemons: Vec<Pod>,
    /// Indices of offers, by the names of their nodes.
    pub offers: Vec<usize>,
}

/// What the rules of pods and daemons see of an offer.
type Seen = (Name, Vec<u32>, Vec<u32>, Vec<(Name, Name)>);

/// Places for these pods of the snapshot.
pub(super) fn places(snapshot: &Snapshot, waiting: &[u32], offers: &[Offer]) -> Vec<Place> {
    let mut nodes: Vec<(Node, usize)> = offers.iter().zip(0..).map(|(offer, at)| (named(offer, 1), at)).collect();
    nodes.retain(|(_, at)| offers[*at].most != Some(0) && offers[*at].price.usd_per_hour.nanos() > 0);
    nodes.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    let keeps_others_away = |pod: &&Pod| !pod.spec.pod_anti_affinity.is_empty();
    let pods = waiting.iter().map(|pod| &snapshot.pods[*pod as usize]);
    let only_offers = Snapshot {
        nodes: nodes.iter().map(|(node, _)| node.clone()).collect(),
        pods: pods.chain(snapshot.pods.iter().filter(keeps_others_away)).cloned().collect(),
        namespaces: snapshot.namespaces.clone(),
        volumes: snapshot.volumes.clone(),
        claims: snapshot.claims.clone(),
        storage_classes: snapshot.storage_classes.clone(),
        csi_drivers: snapshot.csi_drivers.clone(),
        csi_capacities: snapshot.csi_capacities.clone(),
        kinds: snapshot.kinds.clone(),
        ..Snapshot::default()
    };
    let cluster = Cluster::new(&only_offers);
    let mut sets: Vec<u32> = cluster.classes.iter().map(|class| class.eligible).collect();
    sets.sort_unstable();
    sets.dedup();
    let models = daemons::models(snapshot);
    let mut places: BTreeMap<Seen, Place> = BTreeMap::new();
    for (number, (node, offer)) in nodes.iter().enumerate() {
        let eligible: Vec<u32> =
            sets.iter().copied().filter(|set| cluster.node_sets[*set as usize].contains(number)).collect();
        let shared = cluster.topologies.iter().filter(|topology| !topology.is_by_node());
        let domains: Vec<u32> = shared.map(|topology| topology.domain_of[number]).collect();
        let daemons = daemons::expected(&models, node);
        let owners: Vec<(Name, Name)> = daemons.iter().filter_map(owner).collect();
        let place = places.entry((offers[*offer].pool.clone(), eligible.clone(), domains, owners));
        let first = || Place { node: node.clone(), eligible, daemons, offers: Vec::new() };
        place.or_insert_with(first).offers.push(*offer);
    }
    // Numbers of sets depend on which pods come first; the order of places must not.
    let mut places: Vec<Place> = places.into_values().collect();
    places.sort_by(|a, b| a.node.name.cmp(&b.node.name));
    places
}

fn owner(pod: &Pod) -> Option<(Name, Name)> {
    Some((pod.namespace.clone(), pod.controller.as_ref()?.name.clone()))
}
