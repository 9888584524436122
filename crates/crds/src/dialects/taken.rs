//! An object of which each field is taken once: what is left at the end is not known.

use serde_json::{Map, Value};

use super::Note;
use crate::violation::Violation;

/// An object, field by field.
pub(super) struct Taken {
    left: Value,
    notes: Vec<Note>,
}

/// What the API server adds to every object, and makes anew.
const OF_THE_SERVER: [&str; 8] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

impl Taken {
    pub fn new(object: &Value) -> Taken {
        let mut taken = Taken { left: object.clone(), notes: Vec::new() };
        taken.whole("apiVersion");
        taken.whole("kind");
        if !taken.whole("status").is_null() {
            taken.note("status", "left out: the operator writes it");
        }
        taken
    }

    /// Takes a field of the object itself, null where it has none.
    pub fn whole(&mut self, field: &str) -> Value {
        self.left.as_object_mut().and_then(|fields| fields.remove(field)).unwrap_or(Value::Null)
    }

    /// Takes what is left of an entry of the list at this path.
    pub fn entry(&mut self, pointer: &str, at: usize) -> Option<Value> {
        self.left.pointer_mut(pointer)?.as_array_mut()?.get_mut(at).map(Value::take)
    }

    /// Takes the field at this path.
    pub fn field(&mut self, pointer: &str) -> Option<Value> {
        let (parent, name) = pointer.rsplit_once('/')?;
        self.left.pointer_mut(parent)?.as_object_mut()?.remove(name)
    }

    /// How many entries the list at this path has.
    pub fn length(&self, pointer: &str) -> usize {
        self.left.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// Says what became of a field.
    pub fn note(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.notes.push(Note { field: field.into(), message: message.into() });
    }

    /// Takes name, labels and annotations, and the namespace of what lives in one.
    pub fn metadata(&mut self, is_namespaced: bool) -> Value {
        let mut kept = Map::new();
        for field in ["name", "generateName", "labels", "annotations", "namespace"] {
            let Some(value) = self.field(&format!("/metadata/{field}")) else { continue };
            if field == "namespace" && !is_namespaced {
                self.note("metadata.namespace", format!("left out: the kind is of the cluster, not of {value}"));
                continue;
            }
            kept.insert(field.to_owned(), value);
        }
        for field in OF_THE_SERVER {
            self.field(&format!("/metadata/{field}"));
        }
        Value::Object(kept)
    }

    /// What became of fields without a counterpart, and all that was not taken.
    pub fn finish(self) -> (Vec<Note>, Vec<Violation>) {
        let mut unknown = Vec::new();
        leaves(&self.left, "", &mut unknown);
        (self.notes, unknown)
    }
}

/// Every value that is left, those in objects and lists one by one.
fn leaves(left: &Value, path: &str, unknown: &mut Vec<Violation>) {
    match left {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(value, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, unknown);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                leaves(value, &format!("{path}[{at}]"), unknown);
            }
        }
        value => unknown.push(Violation::new(path, value.clone(), "is not known in this dialect")),
    }
}
