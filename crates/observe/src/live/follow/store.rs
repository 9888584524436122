//! What is known of every object that is followed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Name, ReadState};

use super::super::right_to_list;
use crate::collect::Collected;
use crate::intern::Interner;
use crate::kinds::Kind;
use crate::object::{Keep, Outcome, TypeMeta, read_object};
use crate::source::Source;

/// Names and specs of objects that are gone are kept until so many have been read.
const INTERNED_READS: usize = 100_000;

/// Every kind's objects.
#[derive(Default)]
pub(crate) struct Store {
    kinds: BTreeMap<Kind, OfKind>,
    interner: Interner,
    reads: usize,
}

/// One kind's objects.
struct OfKind {
    state: ReadState,
    objects: Objects,
    heard: Instant,
}

/// By namespace and name.
pub(crate) type Objects = BTreeMap<(Name, Name), Outcome>;

impl Store {
    /// Reads one object of this kind; nothing where it says too little of itself to be kept.
    pub(crate) fn read(&mut self, kind: Kind, bytes: &[u8]) -> Option<((Name, Name), Outcome)> {
        self.reads += 1;
        if self.reads > INTERNED_READS {
            (self.interner, self.reads) = (Interner::default(), 0);
        }
        let info = kind.info();
        let of_list = TypeMeta { api_version: info.api_version(), kind: info.name.to_owned() };
        let outcome = read_object(bytes, &of_list, &mut Some(kind), Keep::Model, &self.interner);
        let key = match &outcome {
            Outcome::Kept(kept) => (kept.namespace.clone(), kept.name.clone()),
            Outcome::Unreadable(broken) => match broken.name.split_once('/') {
                Some((namespace, name)) => (namespace.into(), name.into()),
                None => (Name::default(), broken.name.as_str().into()),
            },
            _ => return None,
        };
        Some((key, outcome))
    }

    /// All objects of a kind, as a list has them.
    pub(crate) fn replace(&mut self, kind: Kind, state: ReadState, objects: Objects) {
        self.kinds.insert(kind, OfKind { state, objects, heard: Instant::now() });
    }

    /// An object as it is now. Is it another than before?
    pub(crate) fn put(&mut self, kind: Kind, key: (Name, Name), outcome: Outcome) -> bool {
        let Some(of_kind) = self.kinds.get_mut(&kind) else { return false };
        let digest = |outcome: &Outcome| match outcome {
            Outcome::Kept(kept) => Some(kept.sha256),
            _ => None,
        };
        let now = digest(&outcome);
        let before = of_kind.objects.insert(key, outcome);
        now.is_none() || before.as_ref().and_then(digest) != now
    }

    /// An object is gone.
    pub(crate) fn remove(&mut self, kind: Kind, key: &(Name, Name)) -> bool {
        self.kinds.get_mut(&kind).is_some_and(|of_kind| of_kind.objects.remove(key).is_some())
    }

    /// The API server has said something of this kind.
    pub(crate) fn heard(&mut self, kind: Kind) {
        if let Some(of_kind) = self.kinds.get_mut(&kind) {
            of_kind.heard = Instant::now();
        }
    }

    /// How long ago the kind that has been silent for longest was heard of.
    pub(crate) fn silent_for(&self) -> Duration {
        let served = self.kinds.values().filter(|of_kind| of_kind.state == ReadState::Complete);
        served.map(|of_kind| of_kind.heard.elapsed()).max().unwrap_or_default()
    }

    /// As if all of it had been listed now.
    pub(crate) fn collected(&self) -> Collected {
        let mut collected = Collected::default();
        let count = |kind: Kind| self.kinds.get(&kind).map_or(0, |of_kind| of_kind.objects.len());
        collected.nodes.reserve_exact(count(Kind::Node));
        collected.pods.reserve_exact(count(Kind::Pod));
        for (kind, of_kind) in &self.kinds {
            let source = Source { input: Arc::from(right_to_list(kind.info())), item: None };
            for outcome in of_kind.objects.values() {
                collected.absorb(&source, outcome.clone());
            }
            collected.states.insert(*kind, of_kind.state.clone());
        }
        collected.notes.sort_by(|a, b| (&a.kind, &a.name, &a.source).cmp(&(&b.kind, &b.name, &b.source)));
        collected
    }

    /// The right without which there is nothing to say.
    pub(crate) fn missing_right(&self) -> Option<String> {
        let right = |kind: Kind| match self.kinds.get(&kind).map(|of_kind| &of_kind.state) {
            Some(ReadState::Forbidden(right)) => Some(right.clone()),
            _ => None,
        };
        Some(format!("{}, {}", right(Kind::Node)?, right(Kind::Pod)?))
    }
}
