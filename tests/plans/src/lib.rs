//! What the tests of plans share: the state a plan leads to, prices for any cluster, owners for any pod.

use std::collections::BTreeMap;

use model::{
    Name, Owner, Phase, Plan, Price, PriceBasis, Prices, Rollout, Snapshot, UsdPerHour, Workload, WorkloadRef,
};

/// The snapshot as it would be after the plan.
pub fn planned_state(snapshot: &Snapshot, plan: &Plan) -> Snapshot {
    let mut after = snapshot.clone();
    for step in &plan.migrations {
        for pod in &mut after.pods {
            if pod.namespace == step.namespace && pod.name == step.pod {
                pod.node = Some(step.to_node.clone());
                pod.held = pod.requests.clone();
            }
        }
    }
    let is_gone = |node: &Name| plan.nodes.remove.contains(node);
    after.nodes.retain(|node| !is_gone(&node.name));
    after.pods.retain(|pod| !pod.node.as_ref().is_some_and(is_gone));
    after.volume_attachments.retain(|attachment| !is_gone(&attachment.node));
    after
}

/// A price for every node by its size, so that no node is left out.
pub fn prices_by_size(snapshot: &Snapshot) -> Prices {
    let price = |cpu: i64, memory: i64| Price {
        usd_per_hour: UsdPerHour::from_nanos(1_000_000 + cpu.max(0) * 30_000 + memory.max(0) / 1_000_000 * 3_000),
        basis: PriceBasis::Estimate,
        source: Name::from("test"),
        as_of: Name::from(""),
    };
    let nodes = snapshot.nodes.iter().map(|node| Ok(price(node.allocatable.cpu, node.allocatable.memory)));
    Prices { nodes: nodes.collect(), offers: Vec::new() }
}

/// Gives every pod a Deployment, pods of one namespace and the same labels the same one, and makes it ready.
pub fn adopt_all(snapshot: &mut Snapshot) {
    let mut numbers: BTreeMap<(Name, model::Labels), u32> = BTreeMap::new();
    snapshot.workloads.clear();
    for pod in &mut snapshot.pods {
        let next = numbers.len() as u32;
        let number = *numbers.entry((pod.namespace.clone(), pod.labels.clone())).or_insert(next);
        if number == next {
            let name = Name::from(format!("app-{number}"));
            let reference = WorkloadRef { kind: "Deployment".into(), namespace: pod.namespace.clone(), name };
            snapshot.workloads.push(Workload { reference, rollout: Rollout::Complete, ..Workload::default() });
        }
        pod.workload = Some(number);
        let name = Name::from(format!("app-{number}-1"));
        pod.controller =
            Some(Owner { api_version: "apps/v1".into(), kind: "ReplicaSet".into(), name, uid: "1".into() });
        if pod.node.is_some() && !pod.is_finished() {
            pod.phase = Phase::Running;
            pod.ready = true;
        }
    }
}
