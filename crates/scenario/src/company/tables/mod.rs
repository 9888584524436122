//! What the company runs, and on what.

mod machines;
mod products;
mod systems;

pub(super) use machines::{GROUPS, MACHINES, Machine, NAMESPACES, POOLS, Pool, RunBy, ZONES};

use super::words::App;

/// Everything that makes pods, in the order in which it came to the cluster.
pub(super) fn apps() -> impl Iterator<Item = &'static App> {
    systems::DAEMONS.iter().chain(systems::SYSTEMS).chain(products::PRODUCTS).chain(systems::ODDITIES)
}
