//! What a step says of its pod: it is there, is the very one, is where the step says, and moves once.

use model::{Migration, Plan, Snapshot, WorkloadRef};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::rule::{Fault, Rule};

/// A step whose pod and nodes are real, by their indices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    /// Its place in the plan.
    pub at: usize,
    pub migration: &'a Migration,
    /// Index in the snapshot.
    pub pod: usize,
    /// Index in the snapshot, or after its nodes in the order of the plan's added ones.
    pub to: usize,
}

/// Waves start at 1, never decrease and never skip.
pub(super) fn waves(plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut last = 0;
    for (at, migration) in plan.migrations.iter().enumerate() {
        let wave = migration.wave;
        if wave < last || wave == 0 {
            faults.push(Fault::new(Rule::WaveOrder, format!("wave {wave} after wave {last}")).at_step(at, migration));
        } else if wave - last > 1 {
            let message = format!("wave {wave} where wave {} is next", last + 1);
            faults.push(Fault::new(Rule::WaveOrder, message).at_step(at, migration));
        }
        last = last.max(wave);
    }
    faults
}

/// The steps that can be followed, by wave and then in the plan's order.
pub(super) fn steps<'a>(snapshot: &Snapshot, plan: &'a Plan, faults: &mut Vec<Fault>) -> Vec<Step<'a>> {
    let pods: FxHashMap<(&str, &str), usize> =
        snapshot.pods.iter().enumerate().map(|(at, pod)| ((&*pod.namespace, &*pod.name), at)).collect();
    let added = plan.nodes.add.iter().map(|added| &*added.node.name);
    let mut nodes: FxHashMap<&str, usize> = FxHashMap::default();
    for (at, name) in snapshot.nodes.iter().map(|node| &*node.name).chain(added).enumerate() {
        // Of two of one name the first one counts; the second is a fault of its own.
        nodes.entry(name).or_insert(at);
    }
    let removed: FxHashSet<&str> = plan.nodes.remove.iter().map(|name| &**name).collect();
    let mut moved = FxHashSet::default();
    let mut steps = Vec::new();
    for (at, migration) in plan.migrations.iter().enumerate() {
        let mut fault = |rule: Rule, message: String| faults.push(Fault::new(rule, message).at_step(at, migration));
        let Some(pod) = pods.get(&(&*migration.namespace, &*migration.pod)).copied() else {
            fault(Rule::PodIdentity, "no such pod".to_owned());
            continue;
        };
        let found = &snapshot.pods[pod];
        if found.uid != migration.uid {
            fault(Rule::PodIdentity, format!("the pod has uid {}, not {}", found.uid, migration.uid));
            continue;
        }
        if !moved.insert(pod) {
            fault(Rule::MovesOnce, "the pod has moved already".to_owned());
            continue;
        }
        if found.node.as_ref() != Some(&migration.from_node) {
            let on = found.node.as_deref().unwrap_or("no node");
            fault(Rule::PodOrigin, format!("the pod is on {on}, not on {}", migration.from_node));
            continue;
        }
        let Some(from) = nodes.get(&*migration.from_node).copied().filter(|from| *from < snapshot.nodes.len()) else {
            fault(Rule::PodOrigin, format!("node {} is not there", migration.from_node));
            continue;
        };
        let workload = snapshot.workload_of(found).map_or_else(WorkloadRef::default, |known| known.reference.clone());
        if workload != migration.workload {
            fault(Rule::PodWorkload, format!("the pod belongs to {workload}, not to {}", migration.workload));
        }
        let Some(to) = nodes.get(&*migration.to_node).copied() else {
            fault(Rule::TargetNode, format!("node {} is not there", migration.to_node));
            continue;
        };
        if from == to {
            fault(Rule::TargetNode, "the pod is there already".to_owned());
            continue;
        }
        if removed.contains(&*migration.to_node) {
            fault(Rule::TargetNode, format!("node {} goes away", migration.to_node));
        }
        for (role, node) in [("target", to), ("source", from)] {
            let Some(node) = snapshot.nodes.get(node) else { continue };
            if node.unreadable {
                fault(Rule::TargetNode, format!("something on {role} {} could not be read", node.name));
            }
            if role == "target" && node.terminating {
                fault(Rule::TargetNode, format!("node {} is being deleted", node.name));
            }
            if role == "target" && !node.ready {
                fault(Rule::TargetNode, format!("node {} is not ready", node.name));
            }
        }
        steps.push(Step { at, migration, pod, to });
    }
    steps.sort_by_key(|step| (step.migration.wave, step.at));
    steps
}
