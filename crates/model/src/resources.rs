//! What a node has and what a pod asks for, in the scheduler's own units.

use crate::Name;

/// Amounts by resource: CPU in millicores, memory and ephemeral storage in bytes, everything else in whole units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Millicores.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes of local ephemeral storage.
    pub ephemeral_storage: i64,
    /// How many pods (of a node; a pod itself counts as one and has 0 here).
    pub pods: i64,
    /// Extended resources, huge pages and attachable volumes, sorted by name, each once.
    pub scalar: Vec<(Name, i64)>,
}

/// CPU and memory as the scheduler scores them: a container that asks for none of one counts as 100 millicores, or as
/// 200 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NonZeroRequests {
    /// Millicores.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
}

impl Resources {
    /// The amount of an extended resource, 0 where absent.
    pub fn scalar(&self, name: &str) -> i64 {
        self.scalar.iter().find(|(key, _)| &**key == name).map_or(0, |(_, amount)| *amount)
    }

    /// Adds the other amounts to these, saturating.
    pub fn add(&mut self, other: &Resources) {
        self.combine(other, i64::saturating_add);
    }

    /// Takes the other amounts from these, saturating.
    pub fn subtract(&mut self, other: &Resources) {
        self.combine(other, i64::saturating_sub);
    }

    fn combine(&mut self, other: &Resources, operation: impl Fn(i64, i64) -> i64) {
        self.cpu = operation(self.cpu, other.cpu);
        self.memory = operation(self.memory, other.memory);
        self.ephemeral_storage = operation(self.ephemeral_storage, other.ephemeral_storage);
        self.pods = operation(self.pods, other.pods);
        for (name, amount) in &other.scalar {
            match self.scalar.binary_search_by(|(key, _)| key.cmp(name)) {
                Ok(at) => self.scalar[at].1 = operation(self.scalar[at].1, *amount),
                Err(at) => self.scalar.insert(at, (name.clone(), operation(0, *amount))),
            }
        }
    }
}
