//! Rightsizing by policy on a real Kubernetes control plane, from what a real Prometheus has seen: recommended, approved,
//! applied in place, rolled back, and left alone where it may not be.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code, reason = "the tests of `apply` use another part of it")]
#[path = "acting/fixture.rs"]
mod cluster;
#[path = "policies/contention.rs"]
mod contention;
#[allow(dead_code, reason = "the tests of the operator use another part of it")]
#[path = "operating/fixture.rs"]
mod fixture;
#[path = "policies/canary.rs"]
mod in_parts;
#[path = "policies/refusals.rs"]
mod left_alone;
#[path = "policies/shop.rs"]
mod shop;
#[path = "policies/threshold.rs"]
mod threshold;
#[path = "policies/story.rs"]
mod told;

use std::sync::{LazyLock, Once};

use in_parts::CANARY;
use left_alone::REFUSALS;
use shop::Seen;
use told::STORY;

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
