//! What is left of a plan on the cluster as it is: a plan as well, for the check to judge.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{Migration, Name, Phase, Plan, Snapshot, Summary};

/// What is left.
pub struct Remaining {
    /// The steps that are not done and the nodes that have not gone, without figures.
    pub plan: Plan,
    /// Steps whose pod is no longer where it was.
    pub gone: Vec<Migration>,
}

/// What is left of the plan, but for the nodes that stay after all.
pub fn remaining(plan: &Plan, snapshot: &Snapshot, kept: &BTreeMap<Name, String>) -> Remaining {
    let there: HashMap<(&str, &str), &model::Pod> =
        snapshot.pods.iter().map(|pod| ((&*pod.namespace, &*pod.name), pod)).collect();
    let is_there = |step: &Migration| {
        there.get(&(&*step.namespace, &*step.pod)).is_some_and(|pod| {
            let is_finished = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
            pod.uid == step.uid && pod.node.as_ref() == Some(&step.from_node) && !pod.terminating && !is_finished
        })
    };
    let (left, gone): (Vec<Migration>, Vec<Migration>) = plan.migrations.iter().cloned().partition(is_there);
    let mut migrations: Vec<Migration> = left.into_iter().filter(|step| !kept.contains_key(&step.from_node)).collect();
    number_waves(&mut migrations);
    let left: HashSet<&Name> = migrations.iter().map(|step| &step.from_node).collect();
    // A node that nothing has to leave any more and that is on its way out is as good as gone.
    let is_there = |name: &Name| snapshot.node(name).is_some_and(|node| !node.terminating || left.contains(name));
    let goes = |name: &&Name| is_there(name) && !kept.contains_key(*name);
    let remove = plan.nodes.remove.iter().filter(goes).cloned().collect();
    let mut rest = Plan { migrations, bound: None, findings: Vec::new(), summary: Summary::default(), ..plan.clone() };
    rest.nodes.remove = remove;
    Remaining { plan: rest, gone }
}

/// Waves from 1, without gaps.
fn number_waves(migrations: &mut [Migration]) {
    let (mut number, mut last) = (0, 0);
    for step in migrations {
        if step.wave != last {
            number += 1;
            last = step.wave;
        }
        step.wave = number;
    }
}
