//! What each namespace asks for, uses and costs: the sum of its pods.

use std::collections::{BTreeMap, BTreeSet};

use model::{Name, Resources, Snapshot};

use super::analysis::NamespaceAnalysis;
use super::cost::Cost;
use super::nodes::{Placement, add_pod, is_bound};
use super::usage::UseSum;

#[derive(Default)]
struct Sum {
    workloads: BTreeSet<u32>,
    pods: usize,
    requested: Resources,
    used: UseSum,
    cost: Cost,
}

pub(super) fn analyze_namespaces(snapshot: &Snapshot, placement: &Placement) -> Vec<NamespaceAnalysis> {
    let mut sums: BTreeMap<&Name, Sum> = BTreeMap::new();
    for (at, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished()) {
        let sum = sums.entry(&pod.namespace).or_default();
        let share = placement.share(snapshot, at);
        sum.pods += 1;
        sum.workloads.extend(pod.workload);
        add_pod(&mut sum.requested, pod);
        sum.used.add(pod, placement.usage[at], share);
        if is_bound(pod) {
            sum.cost.add(share);
        }
    }
    let analysis = |(name, sum): (&Name, Sum)| NamespaceAnalysis {
        name: name.clone(),
        workloads: sum.workloads.len(),
        pods: sum.pods,
        requested: sum.requested,
        used: sum.used.measured(),
        cost: sum.cost,
    };
    sums.into_iter().map(analysis).collect()
}
