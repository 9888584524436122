//! ReadWriteOnce claims: users that shared a node share one again when the wave is over.

use std::collections::BTreeMap;

use model::storage::AccessMode;
use model::{Name, Snapshot};

use crate::rule::{Fault, Rule};
use crate::state::State;

/// The claims that tie pods together, each with its users on nodes.
pub(super) struct SharedClaims {
    users: BTreeMap<(Name, Name), Vec<usize>>,
}

impl SharedClaims {
    /// ReadWriteOnce claims that more than one pod on a node uses.
    pub fn new(snapshot: &Snapshot) -> SharedClaims {
        let mut users: BTreeMap<(Name, Name), Vec<usize>> = BTreeMap::new();
        for (at, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished() && pod.node.is_some()) {
            for claim in pod.claims() {
                let key = (pod.namespace.clone(), claim);
                if snapshot.claims.get(&key).is_some_and(|claim| is_one_node_only(&claim.access_modes)) {
                    users.entry(key).or_default().push(at);
                }
            }
        }
        for users in users.values_mut() {
            users.dedup();
        }
        users.retain(|_, users| users.len() > 1);
        SharedClaims { users }
    }

    /// Where each user is.
    pub fn places(&self, state: &State) -> Vec<Vec<Option<usize>>> {
        let place = |pod: &usize| state.pods[*pod].seats.first().map(|seat| seat.node);
        self.users.values().map(|users| users.iter().map(place).collect()).collect()
    }

    /// Users that were on one node before the wave and are not after it.
    pub fn parted(
        &self,
        snapshot: &Snapshot,
        before: &[Vec<Option<usize>>],
        after: &[Vec<Option<usize>>],
        wave: u32,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (((_, claim), users), (before, after)) in self.users.iter().zip(before.iter().zip(after)) {
            for at in 1..users.len() {
                // It is enough to compare each user with the first that was on its node.
                let Some(first) = (0..at).find(|first| before[*first].is_some() && before[*first] == before[at]) else {
                    continue;
                };
                if after[first] != after[at] {
                    let other = snapshot.pods[users[first]].key();
                    let message = format!("claim {claim} is ReadWriteOnce, and {other} ends the wave on another node");
                    let fault = Fault::new(Rule::SharedClaim, message).in_wave(wave);
                    faults.push(fault.of_pod(snapshot.pods[users[at]].key()));
                }
            }
        }
        faults
    }
}

fn is_one_node_only(modes: &[AccessMode]) -> bool {
    modes.contains(&AccessMode::ReadWriteOnce)
        && !modes.contains(&AccessMode::ReadWriteMany)
        && !modes.contains(&AccessMode::ReadOnlyMany)
}
