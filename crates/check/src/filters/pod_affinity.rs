//! InterPodAffinity: the pod's required terms, and the anti-affinity of those that are there.

use model::{Name, Node};

use crate::rule::{Rejection, Rule};
use crate::tally::{Neighbours, Tallies};

pub(super) fn rejects(tallies: &Tallies, neighbours: &Neighbours, node: &Node) -> Option<Rejection> {
    let reject = |detail: String| Some(Rejection::new(Rule::InterPodAffinity, detail));
    let mut all_there = true;
    for (key, tally) in &neighbours.affinity {
        let Some(value) = node.labels.get(key) else {
            return reject(format!("the node has no label {key} of a pod affinity term"));
        };
        all_there &= tallies.certain(*tally, tallies.domain(*tally, value)) > 0;
    }
    if !all_there {
        // The first of pods that want each other's company may go anywhere, as long as there is none of them.
        let is_first = neighbours.affinity.iter().all(|(_, tally)| tallies.possible_anywhere(*tally) == 0);
        if !(is_first && neighbours.matches_own_affinity) {
            return reject("no pod that its affinity asks for is certain to be there".to_owned());
        }
    }
    let possible = |(key, tally): &(Name, usize)| {
        let domain = node.labels.get(key).and_then(|value| tallies.domain(*tally, value));
        tallies.possible(*tally, domain) > 0
    };
    if let Some((key, _)) = neighbours.anti_affinity.iter().find(|term| possible(term)) {
        return reject(format!("a pod that its anti-affinity forbids is there, by {key}"));
    }
    if let Some((key, _)) = neighbours.unwelcome.iter().find(|term| possible(term)) {
        return reject(format!("a pod that is there has anti-affinity against it, by {key}"));
    }
    None
}
