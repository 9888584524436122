//! What a workload with several ready pods lives through: some of them stay in every wave, and it stands in no fewer
//! zones after a wave than before, nor is gone from two zones at a time.

use std::collections::{BTreeMap, BTreeSet};

use model::{Method, Name, Node, Plan, Pod, Snapshot};
use rustc_hash::FxHashMap;

use super::identity::Step;
use crate::rule::{Fault, Rule};

/// Where the ready pods of one workload are, by pod; no zone where the node names none.
type Places = BTreeMap<usize, Option<Name>>;

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, steps: &[Step]) -> Vec<Fault> {
    let mut workloads = places(snapshot);
    workloads.retain(|_, places| places.len() > 1);
    let mut faults = Vec::new();
    for wave in steps.chunk_by(|one, next| one.migration.wave == next.migration.wave) {
        let mut moved: BTreeMap<u32, Vec<&Step>> = BTreeMap::new();
        for step in wave {
            if let Some(workload) = snapshot.pods[step.pod].workload
                && workloads.get(&workload).is_some_and(|places| places.contains_key(&step.pod))
            {
                moved.entry(workload).or_default().push(step);
            }
        }
        for (workload, moved) in moved {
            let Some(places) = workloads.get_mut(&workload) else { continue };
            let name = &snapshot.workloads[workload as usize].reference;
            let mut fault = |rule: Rule, message: String| {
                let step = moved[0];
                faults.push(Fault::new(rule, message).at_step(step.at, step.migration));
            };
            // A pod that surges leaves when its replacement is ready.
            let leaves =
                |pod: &usize| moved.iter().any(|step| step.pod == *pod && step.migration.method == Method::Evict);
            let stays: Vec<&Option<Name>> =
                places.iter().filter(|(pod, _)| !leaves(pod)).map(|(_, zone)| zone).collect();
            if stays.is_empty() {
                fault(Rule::LastReadyPod, format!("the wave takes all {} ready pods of {name}", places.len()));
            }
            let (before, meanwhile) = (zones(places.values()), zones(stays.into_iter()));
            if before - meanwhile > 1 {
                fault(Rule::ZonesSurvived, format!("{name} is in {before} zones, and in {meanwhile} during the wave"));
            }
            for step in &moved {
                places.insert(step.pod, target(snapshot, plan, step).zone().cloned());
            }
            let after = zones(places.values());
            if after < before {
                fault(Rule::ZonesSurvived, format!("{name} is in {before} zones, and in {after} after the wave"));
            }
        }
    }
    faults
}

/// By workload: its ready pods, but those that belong to their node.
fn places(snapshot: &Snapshot) -> BTreeMap<u32, Places> {
    let nodes: FxHashMap<&Name, &Node> = snapshot.nodes.iter().rev().map(|node| (&node.name, node)).collect();
    let is_ready =
        |pod: &Pod| pod.ready && !pod.terminating && !pod.is_finished() && !pod.is_daemon() && !pod.is_static();
    let mut places: BTreeMap<u32, Places> = BTreeMap::new();
    for (at, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| is_ready(pod)) {
        let workload = pod.workload.filter(|workload| (*workload as usize) < snapshot.workloads.len());
        let node = pod.node.as_ref().and_then(|name| nodes.get(name));
        if let (Some(workload), Some(node)) = (workload, node) {
            places.entry(workload).or_default().insert(at, node.zone().cloned());
        }
    }
    places
}

/// How many zones there are among these.
fn zones<'a>(places: impl Iterator<Item = &'a Option<Name>>) -> usize {
    places.flatten().collect::<BTreeSet<&Name>>().len()
}

fn target<'a>(snapshot: &'a Snapshot, plan: &'a Plan, step: &Step) -> &'a Node {
    match step.to.checked_sub(snapshot.nodes.len()) {
        None => &snapshot.nodes[step.to],
        Some(added) => &plan.nodes.add[added].node,
    }
}
