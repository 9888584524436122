//! What undoes each wave, in words: nodes to open again, and pods whose controllers would make them anew.

use std::collections::{BTreeMap, BTreeSet};

use model::{Method, Name, Plan, WorkloadRef};

use super::resource::Rollback;

/// More nodes than this are counted in the sentence, and listed beside it.
const NAMED_NODES: usize = 3;

/// One entry for each wave, in order.
pub(super) fn rollback(plan: &Plan) -> Vec<Rollback> {
    let removed: BTreeSet<&Name> = plan.nodes.remove.iter().collect();
    // A node is empty after the last wave that moves a pod off it.
    let mut emptied_in: BTreeMap<&Name, u32> = BTreeMap::new();
    let mut moved: BTreeMap<u32, BTreeMap<&WorkloadRef, usize>> = BTreeMap::new();
    let mut surged: BTreeMap<u32, usize> = BTreeMap::new();
    for step in &plan.migrations {
        *surged.entry(step.wave).or_default() += usize::from(step.method == Method::Surge);
        *moved.entry(step.wave).or_default().entry(&step.workload).or_default() += 1;
        if removed.contains(&step.from_node) {
            let wave = emptied_in.entry(&step.from_node).or_default();
            *wave = step.wave.max(*wave);
        }
    }
    let mut emptied: BTreeMap<u32, Vec<Name>> = BTreeMap::new();
    for (node, wave) in emptied_in {
        emptied.entry(wave).or_default().push(node.clone());
    }
    let entry = |(wave, workloads): (u32, BTreeMap<&WorkloadRef, usize>)| {
        let uncordon = emptied.remove(&wave).unwrap_or_default();
        let pods: usize = workloads.values().sum();
        let surged = surged.get(&wave).copied().unwrap_or(0);
        let message = message(&uncordon, pods.saturating_sub(surged), surged);
        let counted = |(workload, pods): (&WorkloadRef, usize)| format!("{workload} ({})", count(pods, "pod"));
        Rollback { wave, uncordon, workloads: workloads.into_iter().map(counted).collect(), message }
    };
    moved.into_iter().map(entry).collect()
}

fn message(uncordon: &[Name], evicted: usize, surged: usize) -> String {
    // A pod that surged runs alone: its Deployment is restarted, so that it never is gone.
    let evict = (evicted > 0).then(|| format!("evict the {} it moved", count(evicted, "pod")));
    let restart = (surged > 0).then(|| format!("restart the {} whose pod surged", count(surged, "Deployment")));
    let both: Vec<String> = evict.into_iter().chain(restart).collect();
    let move_back = format!("{}, and the scheduler places them anew", both.join(" and "));
    if uncordon.is_empty() {
        return format!("no node is emptied yet: {move_back}");
    }
    let nodes = if uncordon.len() > NAMED_NODES {
        count(uncordon.len(), "node")
    } else {
        uncordon.iter().map(|node| &**node).collect::<Vec<_>>().join(", ")
    };
    format!("uncordon {nodes}, or buy the like once gone; then {move_back}")
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
