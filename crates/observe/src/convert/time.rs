//! Timestamps, in RFC 3339 as Kubernetes writes them.

use model::Time;

use super::Unreadable;

/// A timestamp that may be absent.
pub(crate) fn time(text: Option<&str>, field: &str) -> Result<Option<Time>, Unreadable> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse::<jiff::Timestamp>() {
        Ok(timestamp) => Ok(Some(Time(timestamp.as_second()))),
        Err(_) => {
            let shown: String = text.chars().take(40).collect();
            Err(Unreadable::new(field, format!("\"{shown}\" is not a time such as 2026-11-21T10:00:00Z")))
        }
    }
}
