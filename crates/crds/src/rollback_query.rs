//! A PromQL expression that says when to roll back. Only Prometheus knows whether it is one: what it says is shown as it is.

use crate::violation::Violation;

/// What is wrong with it beyond its length, which the schema bounds.
pub(crate) fn violation(field: &str, query: Option<&str>) -> Option<Violation> {
    let blank = query.filter(|query| !query.is_empty() && query.trim().is_empty())?;
    Some(Violation::new(field, blank, "write it as a PromQL expression, or leave it out"))
}
