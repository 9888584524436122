//! Label selectors over the few labels that pods here have.

use serde_json::{Value, json};

use crate::random::Random;

pub(super) const APPS: [&str; 3] = ["web", "api", "db"];
pub(super) const TIERS: [&str; 2] = ["front", "back"];
pub(super) const VERSIONS: [&str; 2] = ["v1", "v2"];

/// Labels of a pod; some lack some.
pub(super) fn pod_labels(random: &mut Random) -> Value {
    let mut labels = json!({"app": random.pick(&APPS)});
    if random.chance(75) {
        labels["tier"] = json!(random.pick(&TIERS));
    }
    if random.chance(85) {
        labels["version"] = json!(random.pick(&VERSIONS));
    }
    labels
}

/// A selector with at least one requirement, in either form or both.
pub(super) fn selector(random: &mut Random) -> Value {
    let mut selector = json!({});
    if random.chance(55) {
        selector["matchLabels"] = json!({"app": random.pick(&APPS)});
        if random.chance(60) {
            return selector;
        }
    }
    selector["matchExpressions"] = json!([expression(random)]);
    selector
}

fn expression(random: &mut Random) -> Value {
    match random.below(4) {
        0 => {
            let count = 1 + random.below(2);
            json!({"key": "app", "operator": "In", "values": random.some(&APPS, count)})
        }
        1 => json!({"key": "app", "operator": "NotIn", "values": [random.pick(&APPS)]}),
        2 => json!({"key": random.pick(&["tier", "version"]), "operator": "Exists"}),
        _ => json!({"key": random.pick(&["tier", "version"]), "operator": "DoesNotExist"}),
    }
}
