//! Nodes bought for pods that find no room.

use model::AddedNode;

use super::World;
use crate::planning::provision;

/// Nodes that give room to all pods for which something can be bought.
pub(super) fn bought(world: &World) -> Vec<AddedNode> {
    provision(&world.snapshot, &world.prices, &world.policy).add
}
