//! Workloads whose pods keep each other off their nodes, as a certificate says: is it so?

use model::placement::PodAffinityTerm;
use model::{BoundCertificate, Pod, Snapshot, WorkloadRef};
use rustc_hash::{FxHashMap, FxHashSet};

const HOSTNAME: &str = "kubernetes.io/hostname";

/// For each workload of the certificate that has a dual price for its place on a node, how many of its pods that may
/// move each node has now.
pub(super) fn places(
    snapshot: &Snapshot,
    movable: &[(&Pod, usize)],
    certificate: &BoundCertificate,
) -> Result<FxHashMap<u32, FxHashMap<usize, u32>>, String> {
    let mut places: FxHashMap<u32, FxHashMap<usize, u32>> = FxHashMap::default();
    let with_places = || certificate.classes.iter().filter(|class| !class.one_per_node.is_empty());
    for (workload, _) in certificate.classes.iter().chain(&certificate.offers).flat_map(|class| &class.one_per_node) {
        let number = workload_number(snapshot, workload).ok_or_else(|| format!("there is no {workload}"))?;
        places.entry(number).or_default();
    }
    if places.is_empty() {
        return Ok(places);
    }
    let mut hostnames: FxHashMap<_, usize> = FxHashMap::default();
    for node in &snapshot.nodes {
        *hostnames.entry(node.labels.get(HOSTNAME)).or_default() += 1;
    }
    let named: FxHashSet<_> = with_places().flat_map(|class| &class.nodes).collect();
    for node in snapshot.nodes.iter().filter(|node| named.contains(&node.name)) {
        let hostname = node.labels.get(HOSTNAME);
        if hostname.is_none() || hostnames.get(&hostname) != Some(&1) {
            return Err(format!("node {} has no {HOSTNAME} of its own", node.name));
        }
    }
    let mut members: FxHashMap<u32, Vec<&Pod>> = FxHashMap::default();
    for (pod, node) in movable {
        let Some(number) = pod.workload.filter(|number| places.contains_key(number)) else { continue };
        *places.entry(number).or_default().entry(*node).or_default() += 1;
        let kinds = members.entry(number).or_default();
        let is_alike = |other: &&Pod| std::sync::Arc::ptr_eq(&other.spec, &pod.spec) && other.labels == pod.labels;
        if !kinds.iter().any(is_alike) {
            kinds.push(pod);
        }
    }
    for kinds in members.values() {
        for (one, other) in kinds.iter().flat_map(|one| kinds.iter().map(move |other| (one, other))) {
            if !keeps_off(snapshot, one, other) {
                return Err(format!("{} and {} may share a node", one.key(), other.key()));
            }
        }
    }
    Ok(places)
}

/// The workload's index in the snapshot.
pub(super) fn workload_number(snapshot: &Snapshot, workload: &WorkloadRef) -> Option<u32> {
    snapshot.workloads.iter().position(|known| known.reference == *workload).map(|number| number as u32)
}

fn keeps_off(snapshot: &Snapshot, one: &Pod, other: &Pod) -> bool {
    let none = model::Labels::default();
    let namespace = snapshot.namespaces.get(&other.namespace).unwrap_or(&none);
    one.spec.pod_anti_affinity.iter().any(|term| {
        &*term.topology_key == HOSTNAME
            && !asks_for_place(term)
            && term.selects(&one.namespace, &other.namespace, namespace, &other.labels)
    })
}

/// A pod's zone and region labels become those of the node where it lands: what selects by them may cease to.
fn asks_for_place(term: &PodAffinityTerm) -> bool {
    const COPIED: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];
    let requirements = term.selector.iter().flat_map(|selector| &selector.requirements);
    requirements.into_iter().any(|requirement| COPIED.contains(&&*requirement.key))
}
