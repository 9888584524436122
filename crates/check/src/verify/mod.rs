//! The check of a whole plan: what it says of itself, what it may do, and whether every step is legal in every order
//! that its wave allows.

mod added;
mod bound;
mod budgets;
mod claims;
mod daemons;
mod headroom;
mod identity;
mod limits;
mod nodes;
mod one_per_node;
mod pending;
mod summary;
mod survival;
mod walk;

pub(crate) use walk::with_added;

use model::{Plan, Policy, Prices, Snapshot};

use crate::evictable::Evictions;
use crate::rule::Fault;

/// Every rule that the plan breaks on this snapshot, in the order of its steps; none where it may run.
///
/// The plan need not have been made on this snapshot: each step names the pod's uid and node, and is judged as things
/// are here. `prices` are those of the snapshot's nodes; without them nothing is said of money.
pub fn verify(snapshot: &Snapshot, prices: Option<&Prices>, policy: &Policy, plan: &Plan) -> Vec<Fault> {
    let mut faults = Vec::new();
    let evictions = Evictions::new(snapshot, policy);
    faults.extend(identity::waves(plan));
    let offered = prices.filter(|prices| !prices.offers.is_empty());
    faults.extend(added::check(snapshot, offered, plan));
    faults.extend(nodes::removed(snapshot, prices, policy, plan));
    // Steps that name nothing real cannot be followed; each is a fault already.
    let steps = identity::steps(snapshot, plan, &mut faults);
    faults.extend(nodes::received(snapshot, prices, &steps));
    faults.extend(budgets::evictable(snapshot, &evictions, &steps));
    faults.extend(budgets::check(snapshot, &evictions, &steps));
    faults.extend(survival::check(snapshot, plan, &steps));
    faults.extend(limits::waves(policy, plan));
    faults.extend(limits::nodes(snapshot, policy, &steps));
    faults.extend(limits::worth(snapshot, prices, policy, plan));
    faults.extend(limits::zones(snapshot, policy, &evictions, plan, &steps));
    faults.extend(walk::walk(snapshot, policy, plan, &steps));
    faults.extend(summary::check(snapshot, prices, plan));
    faults.extend(bound::check(snapshot, prices, &evictions, plan));
    faults.sort_by_key(|fault| (fault.step.unwrap_or(usize::MAX), fault.wave.unwrap_or(u32::MAX)));
    faults
}
