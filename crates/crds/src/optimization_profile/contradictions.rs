//! Rules that cannot all hold: what contradicts what.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Rule;
use crate::violation::Violation;

/// Limits that a profile gives once. Lists of what is protected add up.
const GIVEN_ONCE: [&str; 7] = [
    "minReplicas",
    "maxNodesPerDeployment",
    "maxConcurrentMigrations",
    "migrationCooldown",
    "enableAutoRollback",
    "errorThreshold",
    "rollbackQuery",
];
/// What asks for a rollback.
const ASKS: [&str; 2] = ["errorThreshold", "rollbackQuery"];

/// Each limit that a later rule gives otherwise than an earlier one, names used twice, and what asks for a rollback
/// that another rule forbids.
pub(super) fn between(rules: &[Rule]) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    let mut given: BTreeMap<&str, (usize, Value)> = BTreeMap::new();
    for (at, rule) in rules.iter().enumerate() {
        if let Some(first) = named.insert(&rule.name, at) {
            let message = format!("is the name of rules[{first}] too: give each rule a name of its own");
            wrong.push(Violation::new(format!("spec.rules[{at}].name"), rule.name.as_str(), message));
        }
        let written = serde_json::to_value(rule).unwrap_or_default();
        for limit in GIVEN_ONCE {
            let Some(value) = written.get(limit) else { continue };
            match given.get(limit) {
                Some((first, other)) if other != value => {
                    let message = format!("contradicts {}: {limit} is {other} there", of(rules, *first));
                    wrong.push(Violation::new(format!("spec.rules[{at}].{limit}"), value.clone(), message));
                }
                Some(_) => {}
                None => {
                    given.insert(limit, (at, value.clone()));
                }
            }
        }
    }
    for limit in ASKS {
        if let (Some((forbids, Value::Bool(false))), Some((asks, asked))) =
            (given.get("enableAutoRollback"), given.get(limit))
            && forbids != asks
        {
            let message = format!("contradicts {}: enableAutoRollback is false there", of(rules, *forbids));
            wrong.push(Violation::new(format!("spec.rules[{asks}].{limit}"), asked.clone(), message));
        }
    }
    wrong
}

fn of(rules: &[Rule], at: usize) -> String {
    format!("rules[{at}] ({})", rules[at].name)
}
