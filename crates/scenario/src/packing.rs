//! Packings with a known optimum: nodes cut into pods without a rest, and these scattered over twice as many nodes.

use std::collections::BTreeSet;

use crate::plain::{PlainCluster, PlainNode, PlainWorkload};
use crate::random::Random;

const INSTANCE_TYPE: &str = "m6i.2xlarge";
/// What a node can allocate.
const MILLICORES: i64 = 7_680;
const BYTES: i64 = MILLICORES * BYTES_PER_MILLICORE;
const BYTES_PER_MILLICORE: i64 = 4 << 20;
/// Pods cut from one node.
const FEWEST_PODS: i64 = 2;
const MOST_PODS: i64 = 16;

/// How memory is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As CPU is.
    Same,
    /// On its own, anywhere.
    Independent,
}

/// So many nodes cut into pods, each cut serving `alike` of them, on twice as many nodes. No placement needs fewer than
/// `nodes`, and one needs no more.
pub fn packing(seed: u64, nodes: usize, cut: Cut, alike: usize) -> PlainCluster {
    let mut random = Random::new(seed);
    let mut cluster = PlainCluster::default();
    for at in 0..2 * nodes {
        let name = format!("node-{at:05}");
        let instance_type = INSTANCE_TYPE.to_owned();
        cluster.nodes.push(PlainNode { name, instance_type, millicores: MILLICORES, bytes: BYTES });
    }
    for first in (0..nodes).step_by(alike) {
        let pods = random.between(FEWEST_PODS, MOST_PODS) as usize;
        let millicores = pieces(&mut random, MILLICORES, pods);
        let bytes = match cut {
            Cut::Same => millicores.iter().map(|millicores| millicores * BYTES_PER_MILLICORE).collect(),
            Cut::Independent => pieces(&mut random, BYTES, pods),
        };
        for (millicores, bytes) in millicores.into_iter().zip(bytes) {
            let name = format!("app-{:06}", cluster.workloads.len());
            let replicas = vec![0; alike.min(nodes - first)];
            cluster.workloads.push(PlainWorkload { name, millicores, bytes, replicas });
        }
    }
    scatter(&mut random, &mut cluster);
    cluster
}

/// Cuts the whole into so many pieces of at least 1, anywhere.
fn pieces(random: &mut Random, whole: i64, count: usize) -> Vec<i64> {
    let mut ends = BTreeSet::from([whole]);
    while ends.len() < count {
        ends.insert(random.between(1, whole - 1));
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, end)| end - start).collect()
}

/// Puts each pod on the first node with room from a random one on; the largest first, so that all find one.
fn scatter(random: &mut Random, cluster: &mut PlainCluster) {
    let nodes = cluster.nodes.len();
    let mut room = vec![(MILLICORES, BYTES); nodes];
    let mut workloads: Vec<&mut PlainWorkload> = cluster.workloads.iter_mut().collect();
    workloads.sort_by_key(|workload| -(workload.millicores * BYTES_PER_MILLICORE).max(workload.bytes));
    for PlainWorkload { millicores, bytes, replicas, .. } in workloads {
        for replica in replicas {
            let start = random.below(nodes);
            let mut tried = (0..nodes).map(|step| (start + step) % nodes);
            let node = tried.find(|node| room[*node].0 >= *millicores && room[*node].1 >= *bytes);
            *replica = node.expect("twice the room is enough for pods placed by size");
            room[*replica].0 -= *millicores;
            room[*replica].1 -= *bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_use_all_of_the_nodes_they_were_cut_from_and_none_of_the_others_is_overfull() {
        for cut in [Cut::Same, Cut::Independent] {
            for alike in [1, 10] {
                let cluster = packing(1, 30, cut, alike);
                let mut held = vec![(0, 0); cluster.nodes.len()];
                for workload in &cluster.workloads {
                    for node in &workload.replicas {
                        held[*node].0 += workload.millicores;
                        held[*node].1 += workload.bytes;
                    }
                }
                assert!(held.iter().all(|(millicores, bytes)| *millicores <= MILLICORES && *bytes <= BYTES));
                let total = held.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
                assert_eq!(total, (30 * MILLICORES, 30 * BYTES));
            }
        }
    }
}
