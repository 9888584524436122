//! What is wrong with a resource, by field: the same list for the webhook, the operator, and `plimsoll lint`.

use std::fmt;

use serde_json::Value;

use crate::read::shown;

/// One thing that is wrong: where, what is there, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Its path, such as `spec.safeWindows[0].start`.
    pub field: String,
    /// What is there, as JSON writes it; absent where nothing is.
    pub value: Option<String>,
    /// What is wrong with it and what is valid.
    pub message: String,
}

/// A spec that can say what is wrong with it, beyond what its schema says.
pub trait Validate {
    /// Everything that is wrong; nothing where it holds.
    fn violations(&self) -> Vec<Violation>;
}

/// Everything that is wrong with a spec; nothing where it holds.
pub fn validate(spec: &impl Validate) -> Vec<Violation> {
    spec.violations()
}

impl Violation {
    /// Of a field that holds this.
    pub fn new(field: impl Into<String>, value: impl Into<Value>, message: impl Into<String>) -> Violation {
        let value = shown(&value.into().to_string());
        Violation { field: field.into(), value: Some(value), message: message.into() }
    }

    /// The same, of a field within this one.
    pub fn within(self, parent: &str) -> Violation {
        Violation { field: format!("{parent}.{}", self.field), ..self }
    }

    /// Of a field that is not there.
    pub fn missing(field: impl Into<String>, message: impl Into<String>) -> Violation {
        Violation { field: field.into(), value: None, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}: {value}: {}", self.field, self.message),
            None => write!(f, "{}: {}", self.field, self.message),
        }
    }
}
