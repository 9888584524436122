//! PodDisruptionBudgets, with the status that the disruption controller would compute.

use serde_json::{Value, json};

use super::controllers::tally;
use super::placement::Pod;
use super::tables::apps;
use super::time::{DAY, ago};
use super::words::{App, Trait};
use crate::object::{object, set};

pub(super) fn objects(pods: &[Pod]) -> Vec<Value> {
    let mut objects = Vec::new();
    for app in apps() {
        for one in app.traits {
            let own_name = app.name.to_owned();
            let own_selector = || json!({"matchLabels": {"app": app.name}});
            let (name, limit, selector) = match one {
                Trait::MinAvailable(amount) => (own_name, Limit::MinAvailable(amount), own_selector()),
                Trait::MaxUnavailable(amount) => (own_name, Limit::MaxUnavailable(amount), own_selector()),
                Trait::SecondBudget => {
                    // It was meant for all the team's important pods, of which only this one came to be.
                    let expression = json!({"key": "app", "operator": "In", "values": [app.name]});
                    let selector = json!({"matchExpressions": [expression]});
                    (format!("{}-critical", app.namespace), Limit::MaxUnavailable("1"), selector)
                }
                _ => continue,
            };
            objects.push(budget(app, &name, limit, selector, pods));
        }
    }
    objects
}

#[derive(Clone, Copy)]
enum Limit<'a> {
    MinAvailable(&'a str),
    MaxUnavailable(&'a str),
}

fn budget(app: &App, name: &str, limit: Limit<'_>, selector: Value, pods: &[Pod]) -> Value {
    let tally = tally(app, pods);
    let (field, amount, desired) = match limit {
        Limit::MinAvailable(amount) => ("minAvailable", amount, part_of(amount, app.replicas)),
        Limit::MaxUnavailable(amount) => {
            ("maxUnavailable", amount, app.replicas.saturating_sub(part_of(amount, app.replicas)))
        }
    };
    // Only an absolute minAvailable counts the pods themselves; all else asks the controller what it wants.
    let is_absolute = matches!(limit, Limit::MinAvailable(_)) && !amount.ends_with('%');
    let expected = if is_absolute { tally.pods } else { app.replicas };
    let allowed = tally.ready.saturating_sub(desired);
    let as_written = amount.parse::<i64>().map_or_else(|_| json!(amount), |number| json!(number));
    let (status, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let mut object = object("policy/v1", "PodDisruptionBudget", app.namespace, name);
    set(&mut object, &["metadata", "creationTimestamp"], json!(ago(60 * DAY)));
    set(&mut object, &["metadata", "generation"], json!(1));
    object["spec"] = json!({field: as_written, "selector": selector});
    object["status"] = json!({
        "observedGeneration": 1, "currentHealthy": tally.ready, "desiredHealthy": desired, "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "conditions": [{
            "type": "DisruptionAllowed", "status": status, "reason": reason, "message": "",
            "observedGeneration": 1, "lastTransitionTime": ago(DAY),
        }],
    });
    object
}

/// `2` is two of any number; a percentage is rounded up.
fn part_of(amount: &str, whole: usize) -> usize {
    match amount.strip_suffix('%').and_then(|percent| percent.parse::<usize>().ok()) {
        Some(percent) => (percent * whole).div_ceil(100),
        None => amount.parse().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_up() {
        assert_eq!((part_of("75%", 24), part_of("75%", 5), part_of("100%", 3)), (18, 4, 3));
        assert_eq!(part_of("2", 24), 2);
    }
}
