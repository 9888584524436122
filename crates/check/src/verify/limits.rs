//! The policy's limits on the plan as a whole: how many pods a wave moves, and which zone they stay in.

use std::collections::BTreeMap;

use model::{Node, Plan, Policy, Snapshot};

use super::identity::Step;
use crate::evictable::Evictions;
use crate::rule::{Fault, Rule};

/// No wave moves more pods than the policy allows.
pub(super) fn waves(policy: &Policy, plan: &Plan) -> Vec<Fault> {
    let Some(most) = policy.most_moves_per_wave else { return Vec::new() };
    let mut moves: BTreeMap<u32, u32> = BTreeMap::new();
    for migration in &plan.migrations {
        *moves.entry(migration.wave).or_default() += 1;
    }
    let too_many = moves.into_iter().filter(|(_, moves)| *moves > most);
    let fault = |(wave, moves)| {
        Fault::new(Rule::WaveSize, format!("the wave moves {moves} pods, and the policy allows {most}")).in_wave(wave)
    };
    too_many.map(fault).collect()
}

/// Where the policy keeps zones, a pod of several replicas stays in its own.
pub(super) fn zones(
    snapshot: &Snapshot,
    policy: &Policy,
    evictions: &Evictions<'_>,
    plan: &Plan,
    steps: &[Step],
) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !policy.keep_zones {
        return faults;
    }
    for step in steps {
        let pod = &snapshot.pods[step.pod];
        let is_one_of_several = evictions.replicas(pod).is_some_and(|replicas| replicas > 1);
        let home = pod.node.as_ref().and_then(|name| snapshot.node(name)).and_then(Node::zone);
        let target = match step.to.checked_sub(snapshot.nodes.len()) {
            None => &snapshot.nodes[step.to],
            Some(added) => &plan.nodes.add[added].node,
        };
        if let Some(home) = home.filter(|home| is_one_of_several && target.zone() != Some(home)) {
            let message = format!("the pod leaves its zone {home}, which the policy keeps");
            faults.push(Fault::new(Rule::ZoneKept, message).at_step(step.at, step.migration));
        }
    }
    faults
}
