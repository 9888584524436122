//! A set of nodes as bits.

/// Nodes by index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeSet {
    words: Vec<u64>,
    nodes: usize,
}

impl NodeSet {
    /// No node of `nodes`.
    pub fn none(nodes: usize) -> NodeSet {
        NodeSet { words: vec![0; nodes.div_ceil(64)], nodes }
    }

    /// Those for which the test holds.
    pub fn of(nodes: usize, mut test: impl FnMut(usize) -> bool) -> NodeSet {
        let mut set = NodeSet::none(nodes);
        for node in 0..nodes {
            if test(node) {
                set.insert(node);
            }
        }
        set
    }

    /// Is the node in it?
    #[inline]
    pub fn contains(&self, node: usize) -> bool {
        self.words[node / 64] >> (node % 64) & 1 == 1
    }

    /// Puts the node in.
    #[inline]
    pub fn insert(&mut self, node: usize) {
        self.words[node / 64] |= 1 << (node % 64);
    }

    /// Takes the node out.
    #[inline]
    pub fn remove(&mut self, node: usize) {
        self.words[node / 64] &= !(1 << (node % 64));
    }

    /// Keeps only those that are in the other too.
    pub fn intersect(&mut self, other: &NodeSet) {
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= theirs;
        }
    }

    /// Keeps only those for which the test holds.
    pub fn retain(&mut self, mut test: impl FnMut(usize) -> bool) {
        for (at, word) in self.words.iter_mut().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                if !test(at * 64 + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Of how many nodes this is a set.
    pub fn universe(&self) -> usize {
        self.nodes
    }

    /// The indexes in it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    at * 64 + bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterates_in_ascending_order_across_words() {
        let set = NodeSet::of(200, |node| node % 67 == 0);
        assert_eq!(set.iter().collect::<Vec<_>>(), vec![0, 67, 134]);
        assert_eq!(set.len(), 3);
    }
}
