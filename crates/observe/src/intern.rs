//! Equal strings, label sets and pod specs are kept once: 100,000 pods have a few thousand of them.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, PoisonError};

use model::{Labels, Name, PodSpec};
use rustc_hash::{FxBuildHasher, FxHashSet};

/// Enough that two or four threads rarely wait for one another.
const SHARDS: usize = 32;

/// What was kept so far.
#[derive(Default)]
pub(crate) struct Interner {
    names: Shards<Name>,
    labels: Shards<Labels>,
    specs: Shards<Arc<PodSpec>>,
}

impl Interner {
    pub(crate) fn name(&self, text: &str) -> Name {
        self.names.get_or_insert(text, || Name::from(text))
    }

    pub(crate) fn labels(&self, labels: Labels) -> Labels {
        self.labels.get_or_insert(&labels, || labels.clone())
    }

    pub(crate) fn spec(&self, spec: PodSpec) -> Arc<PodSpec> {
        let spec = Arc::new(spec);
        self.specs.get_or_insert(&spec, || spec.clone())
    }
}

struct Shards<T>(Vec<Mutex<FxHashSet<T>>>);

impl<T> Default for Shards<T> {
    fn default() -> Self {
        Shards((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl<T: Hash + Eq + Clone> Shards<T> {
    fn get_or_insert<Q: Hash + Eq + ?Sized>(&self, key: &Q, make: impl FnOnce() -> T) -> T
    where
        T: Borrow<Q>,
    {
        // The set uses the hash's high and low bits; those in the middle pick the shard.
        let shard = (FxBuildHasher.hash_one(key) >> 24) as usize % SHARDS;
        let mut set = self.0[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(have) = set.get(key) {
            return have.clone();
        }
        let made = make();
        set.insert(made.clone());
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_are_one_thing() {
        let interner = Interner::default();
        assert!(Arc::ptr_eq(&interner.name("a"), &interner.name("a")));
        let spec = |priority| PodSpec { priority, ..PodSpec::default() };
        assert!(Arc::ptr_eq(&interner.spec(spec(1)), &interner.spec(spec(1))));
        assert!(!Arc::ptr_eq(&interner.spec(spec(1)), &interner.spec(spec(2))));
    }
}
