//! Counts of pods by topology domain.

use rustc_hash::FxHashMap;

use crate::cluster::Topology;

/// Above this many domains a count is kept only for those that have any.
const DENSE_DOMAINS: u32 = 64;

/// A number by domain, zero where nothing was counted.
#[derive(Clone, Debug)]
pub(super) enum Counts {
    Dense(Vec<u32>),
    Sparse(FxHashMap<u32, u32>),
}

impl Counts {
    pub(super) fn new(domains: u32) -> Counts {
        if domains <= DENSE_DOMAINS {
            Counts::Dense(vec![0; domains as usize])
        } else {
            Counts::Sparse(FxHashMap::default())
        }
    }

    #[inline]
    pub(super) fn get(&self, domain: u32) -> u32 {
        match self {
            Counts::Dense(counts) => counts[domain as usize],
            Counts::Sparse(counts) => counts.get(&domain).copied().unwrap_or(0),
        }
    }

    /// Adds one and gives the new count.
    pub(super) fn add(&mut self, domain: u32) -> u32 {
        match self {
            Counts::Dense(counts) => {
                counts[domain as usize] += 1;
                counts[domain as usize]
            }
            Counts::Sparse(counts) => {
                let count = counts.entry(domain).or_insert(0);
                *count += 1;
                *count
            }
        }
    }

    /// Takes one away and gives the new count. What was never added is not taken.
    pub(super) fn subtract(&mut self, domain: u32) -> u32 {
        match self {
            Counts::Dense(counts) => {
                counts[domain as usize] = counts[domain as usize].saturating_sub(1);
                counts[domain as usize]
            }
            Counts::Sparse(counts) => {
                let Some(count) = counts.get_mut(&domain) else { return 0 };
                *count -= 1;
                let left = *count;
                if left == 0 {
                    counts.remove(&domain);
                }
                left
            }
        }
    }
}

/// How many nodes take part, by domain.
#[derive(Clone, Debug)]
enum Nodes {
    /// No domain has more than one, as with hostnames: a bit for each.
    One(Vec<u64>),
    Many(Vec<u32>),
}

impl Nodes {
    fn new(domains: u32, one_each: bool) -> Nodes {
        if one_each {
            Nodes::One(vec![0; domains.div_ceil(64) as usize])
        } else {
            Nodes::Many(vec![0; domains as usize])
        }
    }

    #[inline]
    fn get(&self, domain: u32) -> u32 {
        match self {
            Nodes::One(bits) => (bits[domain as usize / 64] >> (domain % 64)) as u32 & 1,
            Nodes::Many(counts) => counts[domain as usize],
        }
    }

    /// One more. Is it the first?
    fn add(&mut self, domain: u32) -> bool {
        let is_first = self.get(domain) == 0;
        match self {
            Nodes::One(bits) => bits[domain as usize / 64] |= 1 << (domain % 64),
            Nodes::Many(counts) => counts[domain as usize] += 1,
        }
        is_first
    }

    /// One less. Was it the last?
    fn remove(&mut self, domain: u32) -> bool {
        let was_last = self.get(domain) == 1;
        match self {
            Nodes::One(bits) => bits[domain as usize / 64] &= !(1 << (domain % 64)),
            Nodes::Many(counts) => counts[domain as usize] = counts[domain as usize].saturating_sub(1),
        }
        was_last
    }
}

/// Counts of one spread group, with the smallest count of a domain that takes part always at hand.
#[derive(Clone, Debug)]
pub(super) struct SpreadCounts {
    counts: Counts,
    /// A domain takes part while it has one.
    nodes: Nodes,
    /// How many domains take part.
    domains: u32,
    /// How many domains that take part have this count.
    with_count: Vec<u32>,
    minimum: u32,
}

impl SpreadCounts {
    pub(super) fn new(topology: &Topology) -> SpreadCounts {
        SpreadCounts::over(topology.domains, topology.has_one_node_each())
    }

    fn over(domains: u32, one_node_each: bool) -> SpreadCounts {
        SpreadCounts {
            counts: Counts::new(domains),
            nodes: Nodes::new(domains, one_node_each),
            domains: 0,
            with_count: vec![0],
            minimum: 0,
        }
    }

    #[inline]
    pub(super) fn get(&self, domain: u32) -> u32 {
        self.counts.get(domain)
    }

    /// How many domains take part.
    #[inline]
    pub(super) fn domains(&self) -> u32 {
        self.domains
    }

    /// How many nodes of a domain take part.
    pub(super) fn nodes_in(&self, domain: u32) -> u32 {
        self.nodes.get(domain)
    }

    /// How many are counted in all.
    pub(super) fn total(&self) -> u64 {
        match &self.counts {
            Counts::Dense(counts) => counts.iter().copied().map(u64::from).sum(),
            Counts::Sparse(counts) => counts.values().copied().map(u64::from).sum(),
        }
    }

    /// The smallest count of a domain that takes part, 0 where none does.
    #[inline]
    pub(super) fn minimum(&self) -> u32 {
        self.minimum
    }

    /// The smallest count of the other domains; `None` where there are none.
    pub(super) fn minimum_of_others(&self, domain: u32) -> Option<u32> {
        let takes_part = self.nodes.get(domain) > 0;
        if self.domains <= u32::from(takes_part) {
            return None;
        }
        if !takes_part || self.counts.get(domain) != self.minimum || self.with_count[self.minimum as usize] > 1 {
            return Some(self.minimum);
        }
        (self.minimum + 1..self.with_count.len() as u32).find(|count| self.with_count[*count as usize] > 0)
    }

    pub(super) fn add_node(&mut self, domain: u32) {
        if self.nodes.add(domain) {
            let count = self.counts.get(domain);
            self.domains += 1;
            *self.slot(count) += 1;
            if self.domains == 1 || count < self.minimum {
                self.minimum = count;
            }
        }
    }

    pub(super) fn remove_node(&mut self, domain: u32) {
        if self.nodes.remove(domain) {
            let count = self.counts.get(domain);
            self.domains -= 1;
            *self.slot(count) -= 1;
            self.raise_minimum();
        }
    }

    pub(super) fn add(&mut self, domain: u32) {
        let count = self.counts.add(domain);
        if self.nodes.get(domain) > 0 {
            *self.slot(count) += 1;
            *self.slot(count - 1) -= 1;
            self.raise_minimum();
        }
    }

    pub(super) fn subtract(&mut self, domain: u32) {
        let before = self.counts.get(domain);
        let count = self.counts.subtract(domain);
        if self.nodes.get(domain) > 0 && count < before {
            *self.slot(count) += 1;
            *self.slot(before) -= 1;
            self.minimum = self.minimum.min(count);
        }
    }

    fn slot(&mut self, count: u32) -> &mut u32 {
        let at = count as usize;
        if at >= self.with_count.len() {
            self.with_count.resize(at + 1, 0);
        }
        &mut self.with_count[at]
    }

    fn raise_minimum(&mut self) {
        if self.domains == 0 {
            self.minimum = 0;
            return;
        }
        while self.with_count[self.minimum as usize] == 0 {
            self.minimum += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The minimum kept at hand equals the minimum looked for, after any sequence of changes.
        #[test]
        fn the_minimum_is_always_right(
            one_each in any::<bool>(),
            steps in proptest::collection::vec((0u8..4, 0u32..100), 1..200),
        ) {
            let mut counts = SpreadCounts::over(100, one_each);
            let (mut nodes, mut pods) = (vec![0u32; 100], vec![0u32; 100]);
            for (step, domain) in steps {
                let at = domain as usize;
                match step {
                    0 if nodes[at] == 0 || !one_each => { counts.add_node(domain); nodes[at] += 1; }
                    1 if nodes[at] > 0 => { counts.remove_node(domain); nodes[at] -= 1; }
                    2 => { counts.add(domain); pods[at] += 1; }
                    3 if pods[at] > 0 => { counts.subtract(domain); pods[at] -= 1; }
                    _ => {}
                }
                let part: Vec<usize> = (0..100).filter(|at| nodes[*at] > 0).collect();
                prop_assert_eq!(counts.domains() as usize, part.len());
                prop_assert_eq!(counts.nodes_in(domain), nodes[at]);
                prop_assert_eq!(counts.minimum(), part.iter().map(|at| pods[*at]).min().unwrap_or(0));
                let others = part.iter().filter(|other| **other != at).map(|at| pods[*at]).min();
                prop_assert_eq!(counts.minimum_of_others(domain), others);
                prop_assert_eq!(counts.get(domain), pods[at]);
            }
        }
    }
}
