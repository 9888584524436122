//! What comes of a world: its plan by its figures, with room bought for pods that have none where that may be.

use model::{AddedNode, Snapshot, Summary, UsdPerHour};

use super::{World, planned, settle};
use crate::planning::{Provisioning, Strategy, provision};

/// The figures of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The plan's figures; after it, nodes bought for pods without room are in them.
    pub summary: Summary,
    /// Nodes that come.
    pub bought: usize,
    /// Pods for which there is still no room, whatever is bought.
    pub without_room: usize,
}

/// Plans the world, once what waits in it and did not wait `before` has been placed where there is room. Pods that the
/// plan leaves without room get it where nodes may be bought, at whatever price.
pub fn outcome(world: &World, before: &Snapshot, strategy: &dyn Strategy) -> Outcome {
    let world = &settle::settled(world, before);
    let plan = world.plan(strategy);
    let after = world.after(&plan);
    let waiting = after.without_room().len();
    let own = Outcome { bought: plan.nodes.add.len(), without_room: waiting, summary: plan.summary };
    if waiting == 0 || world.prices.offers.is_empty() {
        return own;
    }
    // Beside what the plan leaves; and before it is made, when what was bought may also take the place of dearer nodes.
    let on_top = bought(&after);
    let first = bought(world).add;
    let cost = |bought: &[AddedNode]| bought.iter().map(|node| node.usd_per_hour).sum::<UsdPerHour>();
    let own = Outcome {
        bought: own.bought + on_top.add.len(),
        without_room: on_top.unplaced.len(),
        summary: Summary {
            usd_per_hour_after: own.summary.usd_per_hour_after + on_top.usd_per_hour,
            nodes_after: own.summary.nodes_after + on_top.add.len(),
            ..own.summary
        },
    };
    let other = with_bought(world, &first, cost(&first), strategy);
    let order = |outcome: &Outcome| (outcome.without_room, outcome.summary.usd_per_hour_after);
    if order(&other) < order(&own) { other } else { own }
}

/// Nodes that give room to all pods for which something can be bought.
fn bought(world: &World) -> Provisioning {
    provision(&world.snapshot, &world.prices, &world.policy)
}

/// The plan of a world in which these nodes were bought first.
fn with_bought(world: &World, bought: &[AddedNode], cost: UsdPerHour, strategy: &dyn Strategy) -> Outcome {
    let mut extended = world.clone();
    planned::add(&mut extended, bought);
    let mut plan = extended.plan(strategy);
    let is_bought = |name: &model::Name| bought.iter().any(|added| added.node.name == *name);
    let given_back = plan.nodes.remove.iter().filter(|name| is_bought(name)).count();
    let without_room = extended.after(&plan).without_room().len();
    plan.summary.usd_per_hour_before -= cost;
    plan.summary.nodes_before -= bought.len();
    Outcome { bought: plan.nodes.add.len() + bought.len() - given_back, without_room, summary: plan.summary }
}
