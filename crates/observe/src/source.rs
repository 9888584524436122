//! Where an object was read, for people.

use std::fmt;
use std::sync::Arc;

/// A file, or another name for an input, and the place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// As the user named it: a path, `stdin`, or `GET /api/v1/pods`.
    pub input: Arc<str>,
    /// Counting from 1, over the whole input; absent for an input that is one object.
    pub item: Option<u64>,
}

/// `pods.json item 12`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            Some(item) => write!(f, "{} item {item}", self.input),
            None => f.write_str(&self.input),
        }
    }
}
