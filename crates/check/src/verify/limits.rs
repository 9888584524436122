//! The policy's limits on the plan as a whole: how many pods move, in a wave and in all, what that saves, and which zone
//! they stay in.

use std::collections::{BTreeMap, BTreeSet};

use model::{Name, Node, Plan, Policy, Prices, Snapshot, UsdPerHour};

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

/// No wave takes pods of one workload from more nodes than the policy allows.
pub(super) fn nodes(snapshot: &Snapshot, policy: &Policy, steps: &[Step]) -> Vec<Fault> {
    let Some(most) = policy.most_nodes_per_workload else { return Vec::new() };
    let mut left: BTreeMap<(u32, u32), BTreeSet<&Name>> = BTreeMap::new();
    for step in steps {
        let pod = &snapshot.pods[step.pod];
        if let (Some(workload), Some(node)) = (pod.workload, &pod.node) {
            left.entry((step.migration.wave, workload)).or_default().insert(node);
        }
    }
    let too_many = left.into_iter().filter(|(_, nodes)| nodes.len() > most as usize);
    let fault = |((wave, workload), nodes): ((u32, u32), BTreeSet<&Name>)| {
        let name = snapshot.workloads.get(workload as usize).map(|workload| workload.reference.to_string());
        let (name, nodes) = (name.unwrap_or_default(), nodes.len());
        let message = format!("the wave takes pods of {name} from {nodes} nodes, and the policy allows {most}");
        Fault::new(Rule::WaveNodes, message).in_wave(wave)
    };
    too_many.map(fault).collect()
}

/// The plan moves no more pods than the policy allows, and saves what the policy wants; one that changes nothing need not.
pub(super) fn worth(snapshot: &Snapshot, prices: Option<&Prices>, policy: &Policy, plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    let moves = plan.migrations.len();
    if let Some(most) = policy.most_moves.filter(|most| moves > *most as usize) {
        faults.push(Fault::new(Rule::PlanSize, format!("the plan moves {moves} pods, and the policy allows {most}")));
    }
    let Some(prices) = prices else { return faults };
    if moves == 0 && plan.nodes.remove.is_empty() && plan.nodes.add.is_empty() {
        return faults;
    }
    let goes: UsdPerHour = (0..snapshot.nodes.len())
        .filter(|at| plan.nodes.remove.contains(&snapshot.nodes[*at].name))
        .filter_map(|at| prices.of(at))
        .sum();
    let comes: UsdPerHour = plan.nodes.add.iter().map(|added| added.usd_per_hour).sum();
    let saved = goes - comes;
    if saved < policy.least_saved {
        let message = format!("the plan saves {saved}, and the policy wants {}", policy.least_saved);
        faults.push(Fault::new(Rule::Savings, message));
    }
    let wanted = policy.least_saved_per_move * moves as i64;
    if saved < wanted {
        let message = format!("the plan saves {saved}, and the policy wants {wanted} for {moves} moves");
        faults.push(Fault::new(Rule::Savings, message));
    }
    faults
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
