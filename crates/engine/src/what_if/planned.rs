//! The state that a plan leads to.

use std::collections::BTreeMap;

use model::{AddedNode, Name, Node, Plan, Price, PriceBasis, Unpriced};

use super::{World, nodes};
use crate::planning::daemons;

/// Pods where the plan puts them, nodes gone and come.
pub(super) fn after(world: &World, plan: &Plan) -> World {
    let mut after = world.clone();
    let pods = &mut after.snapshot.pods;
    for step in &plan.migrations {
        let key = (&*step.namespace, &*step.pod);
        if let Ok(at) = pods.binary_search_by(|pod| (&*pod.namespace, &*pod.name).cmp(&key)) {
            pods[at].node = Some(step.to_node.clone());
            pods[at].held = pods[at].requests.clone();
        }
    }
    let is_gone = |node: &Name| plan.nodes.remove.binary_search(node).is_ok();
    pods.retain(|pod| !pod.node.as_ref().is_some_and(is_gone));
    let mut is_kept = nodes::retain(&mut after.snapshot, |node| !is_gone(&node.name)).into_iter();
    after.prices.nodes.retain(|_| is_kept.next().unwrap_or(true));
    add(&mut after, &plan.nodes.add);
    after
}

/// Nodes bought, with their daemons and their prices.
pub(super) fn add(world: &mut World, bought: &[AddedNode]) {
    if bought.is_empty() {
        return;
    }
    let snapshot = &mut world.snapshot;
    let models: Vec<model::Pod> = daemons::models(snapshot).into_iter().cloned().collect();
    let models: Vec<&model::Pod> = models.iter().collect();
    let priced = snapshot.nodes.drain(..).zip(world.prices.nodes.drain(..));
    let mut nodes: BTreeMap<Name, (Node, Result<Price, Unpriced>)> =
        priced.map(|(node, price)| (node.name.clone(), (node, price))).collect();
    for added in bought {
        snapshot.pods.extend(daemons::expected(&models, &added.node));
        let price = Price {
            usd_per_hour: added.usd_per_hour,
            basis: PriceBasis::Estimate,
            source: Name::default(),
            as_of: Name::default(),
        };
        nodes.insert(added.node.name.clone(), (added.node.clone(), Ok(price)));
    }
    (snapshot.nodes, world.prices.nodes) = nodes.into_values().unzip();
    snapshot.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
}
