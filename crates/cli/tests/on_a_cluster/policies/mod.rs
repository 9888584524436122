//! Rightsizing by policy on a real Kubernetes control plane, from what a real Prometheus has seen: recommended, approved,
//! applied in place, rolled back, and left alone where it may not be.

mod canary;
mod contention;
mod refusals;
mod story;
mod threshold;

use std::sync::{LazyLock, Once};

use crate::shop::Seen;
use canary::CANARY;
use refusals::REFUSALS;
use story::STORY;

/// They wait most of their time, so all begin as soon as one is asked for.
fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        std::thread::spawn(|| LazyLock::force(&STORY).is_some());
        std::thread::spawn(|| LazyLock::force(&CANARY).is_some());
        std::thread::spawn(|| LazyLock::force(&REFUSALS).is_some());
    });
}

fn story() -> Option<&'static Seen> {
    begin();
    STORY.as_ref()
}

fn canary() -> Option<&'static Vec<String>> {
    begin();
    CANARY.as_ref()
}

fn refusals() -> Option<&'static Seen> {
    begin();
    REFUSALS.as_ref()
}
