//! When a wanted amount becomes a changed request: increases at once, decreases only where they are worth it, and never
//! more changes in a day than allowed.

use std::collections::VecDeque;

use model::Time;

use super::Resource;
use super::seasonal::Constants;

const DAY_SECONDS: i64 = 86_400;

/// A request held over time.
#[derive(Clone, Debug)]
pub struct Held {
    /// Millicores or bytes.
    pub request: Option<i64>,
    changes: VecDeque<Time>,
}

impl Held {
    /// Nothing asked for yet.
    pub fn new() -> Held {
        Held { request: None, changes: VecDeque::new() }
    }

    /// Changes the request towards what is wanted where it should; says whether it did. The first request is no change.
    pub fn follow(&mut self, now: Time, resource: Resource, wanted: f64, constants: &Constants) -> bool {
        let new = resource.to_request(wanted * (1.0 + constants.room));
        let Some(request) = self.request else {
            self.request = Some(new);
            return false;
        };
        while self.changes.front().is_some_and(|change| now.seconds_since(*change) >= DAY_SECONDS) {
            self.changes.pop_front();
        }
        let left = usize::from(constants.most_changes_a_day).saturating_sub(self.changes.len());
        let is_too_little = resource.to_request(wanted) > request;
        let is_too_much = (new as f64) < request as f64 * constants.lower_below;
        let changes = (is_too_little && left > 0) || (is_too_much && left > 1);
        if changes {
            self.request = Some(new);
            self.changes.push_back(now);
        }
        changes
    }
}

impl Default for Held {
    fn default() -> Held {
        Held::new()
    }
}
