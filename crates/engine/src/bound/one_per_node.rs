//! Workloads whose pods keep each other off their nodes: each needs as many nodes as it has pods.

use model::placement::PodAffinityTerm;
use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, NO_DOMAIN};
use crate::planning::Problem;

use super::relaxation::{Group, Moves};

/// A node's name, as a label.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// Of more workloads than these the one place has no dual price.
const MOST: usize = 32;

/// By index, those with enough pods to matter: a quarter of the nodes where they may be.
pub(super) fn workloads(problem: &Problem<'_>, moves: &Moves<'_>, groups: &[Group]) -> Vec<u32> {
    let cluster = problem.cluster;
    let nodes: Vec<u32> = groups.iter().flat_map(|group| group.nodes.iter().copied()).collect();
    // What could be bought would be a node too, but there is no number of those.
    let own: Vec<u32> =
        groups.iter().filter(|group| !group.is_unlimited).flat_map(|group| group.nodes.iter().copied()).collect();
    let terms = terms_by_node(cluster, &nodes);
    let mut members: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (_, pod) in moves.movable() {
        let spec = &problem.snapshot().pods[pod].spec;
        if let Some(workload) = problem.snapshot().pods[pod].workload
            && !spec.pod_anti_affinity.iter().any(asks_for_place)
        {
            members.entry(workload).or_default().push(cluster.pods[pod].class);
        }
    }
    let mut found: Vec<(std::cmp::Reverse<usize>, u32)> = Vec::new();
    for (workload, classes) in members {
        let pods = classes.len();
        let keeps_off = |term: &u32, class: &u32| {
            let class = &cluster.classes[*class as usize];
            class.anti_affinity.contains(term) && class.counted_in_anti_affinity.contains(term)
        };
        let first = &cluster.classes[classes[0] as usize];
        let mut of_first = first.anti_affinity.iter().filter(|term| terms[**term as usize]);
        if pods < 2 || !of_first.any(|term| classes.iter().all(|class| keeps_off(term, class))) {
            continue;
        }
        let may_hold = own.iter().filter(|node| cluster.eligible(first).contains(**node as usize)).count();
        if pods * 4 >= may_hold {
            found.push((std::cmp::Reverse(pods), workload));
        }
    }
    found.sort_unstable();
    found.truncate(MOST);
    found.into_iter().map(|(_, workload)| workload).collect()
}

/// Which anti-affinity terms tell every two of the nodes apart.
fn terms_by_node(cluster: &Cluster<'_>, nodes: &[u32]) -> Vec<bool> {
    let tells_apart = |topology: u32| {
        let topology = &cluster.topologies[topology as usize];
        let mut domains: Vec<u32> = nodes.iter().map(|node| topology.domain_of[*node as usize]).collect();
        domains.sort_unstable();
        &*topology.key == HOSTNAME
            && domains.last() != Some(&NO_DOMAIN)
            && domains.windows(2).all(|two| two[0] != two[1])
    };
    cluster.anti_affinity_terms.iter().map(|term| tells_apart(term.topology)).collect()
}

/// Binding gives a pod the zone and region labels of its node, so a term that selects by them may select no longer.
fn asks_for_place(term: &PodAffinityTerm) -> bool {
    let keys = term.selector.iter().flat_map(|selector| &selector.requirements).map(|requirement| &*requirement.key);
    keys.into_iter().any(|key| matches!(key, "topology.kubernetes.io/zone" | "topology.kubernetes.io/region"))
}
