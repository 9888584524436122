//! PodTopologySpread: hard constraints only. The scheduler's default constraints are preferences.

use model::Node;

use crate::rule::{Rejection, Rule};
use crate::tally::{Neighbours, Tallies};

/// In every order of the wave's steps: all that may be in the target's domain, against those that are certain to be in
/// the emptiest of the others.
pub(super) fn rejects(tallies: &Tallies, neighbours: &Neighbours, node: &Node) -> Option<Rejection> {
    for need in &neighbours.spread {
        let key = &need.topology_key;
        let Some(value) = node.labels.get(key) else {
            return Some(Rejection::new(Rule::PodTopologySpread, format!("the node has no label {key}")));
        };
        let target = tallies.domain(need.tally, value);
        let there = tallies.possible(need.tally, target);
        let mut domains = 0;
        let mut fewest = i64::MAX;
        for (domain, certain) in tallies.live_domains(need.tally) {
            domains += 1;
            fewest = fewest.min(if Some(domain) == target { there } else { certain });
        }
        if domains < need.min_domains {
            fewest = 0;
        }
        let skew = there.saturating_add(need.own).saturating_sub(fewest);
        if skew > need.max_skew {
            let detail = format!("{key} {value} would have {} more than the emptiest, {} allowed", skew, need.max_skew);
            return Some(Rejection::new(Rule::PodTopologySpread, detail));
        }
    }
    None
}
