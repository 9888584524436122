//! Wire objects to model objects, with the defaults that the API server would have filled in.

pub(crate) mod budget;
pub(crate) mod controller;
pub(crate) mod in_tree;
pub(crate) mod labels;
pub(crate) mod limits;
pub(crate) mod node;
pub(crate) mod placement;
pub(crate) mod pod;
pub(crate) mod quantities;
pub(crate) mod requests;
pub(crate) mod storage;
pub(crate) mod time;

/// Why an object cannot be used: which field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Such as `spec.containers[0].resources.requests.cpu`.
    pub field: String,
    /// Such as `"10GB" is not a quantity …`.
    pub problem: String,
}

impl Unreadable {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Unreadable {
        Unreadable { field: field.into(), problem: problem.into() }
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() || self.field == "." {
            return f.write_str(&self.problem);
        }
        write!(f, "{}: {}", self.field, self.problem)
    }
}
