//! What the preferences weigh that a pod does not have on a node.

use super::State;
use crate::cluster::{Class, FULL_WEIGHT, NO_DOMAIN, SpreadUse, Wants};

/// Whether the counts hold the pod that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// It has been taken out, and could come.
    Newcomer,
    /// It is there.
    IsThere,
}

impl State<'_, '_> {
    /// The weights of the preferences of the class that do not hold there.
    pub fn broken(&self, class: &Class, node: usize, asks: Asks) -> i64 {
        let Some(preferred) = &class.preferred else { return 0 };
        let of_node = preferred.nodes.map_or(0, |number| self.cluster.node_preferences[number as usize][node]);
        let is_there = asks == Asks::IsThere;
        let spread = preferred.spread.iter().filter(|constraint| {
            let selects_itself = constraint.selects_itself && !is_there;
            !self.spread_allows(&SpreadUse { selects_itself, ..(*constraint).clone() }, node)
        });
        let mut weight = of_node + FULL_WEIGHT * spread.count() as i64;
        for (term, of_term, wants) in &preferred.pods {
            let domain = self.domain_of_term(*term, node);
            let itself = u32::from(is_there && class.counted_in_anti_affinity.contains(term));
            let others = domain != NO_DOMAIN && self.tally.selected[*term as usize].get(domain) > itself;
            let holds = match wants {
                Wants::Near => others,
                Wants::Away => !others,
            };
            weight += if holds { 0 } else { *of_term };
        }
        weight
    }
}
