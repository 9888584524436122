//! Makes a failing cluster small: takes away objects and fields as long as we still differ on the same pod and node.

use anyhow::Result;
use serde_json::{Value, json};

use crate::compare::Disagreement;
use crate::ours::read;
use crate::scheduler::Scheduler;

/// The smallest List found on which the same judge differs on the same pod and node.
pub fn shrink(list: &Value, one: &Disagreement) -> Result<Value> {
    let mut scheduler = Scheduler::start(&["fit"])?;
    let mut items = list["items"].as_array().cloned().unwrap_or_default();
    let mut still_differs = |items: &[Value]| {
        let text = as_list(items).to_string();
        // What one of the two cannot read is no smaller example; a dead oracle is started anew.
        let Ok(theirs) = scheduler.fit(&text) else {
            if let Ok(fresh) = Scheduler::start(&["fit"]) {
                scheduler = fresh;
            }
            return false;
        };
        let Ok(snapshot) = read(&text) else { return false };
        let ours = one.judge.fit(&snapshot);
        let (Some(theirs), Some(ours)) = (theirs.get(&one.pod), ours.get(&one.pod)) else { return false };
        theirs.contains(&one.node) == one.scheduler_passes
            && ours.contains(&one.node) != one.scheduler_passes
            && snapshot.node(&one.node).is_some()
    };
    let mut at = items.len();
    while at > 0 {
        at -= 1;
        let mut fewer = items.clone();
        fewer.remove(at);
        if still_differs(&fewer) {
            items = fewer;
        }
    }
    for pointer in pointers(&as_list(&items)["items"]) {
        let mut fewer = Value::Array(items.clone());
        if take(&mut fewer, &pointer)
            && let Value::Array(fewer) = fewer
            && still_differs(&fewer)
        {
            items = fewer;
        }
    }
    Ok(as_list(&items))
}

fn as_list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// Every field and entry, the last first, so that taking one away leaves the places of the others.
fn pointers(value: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    walk(value, &mut Vec::new(), &mut found);
    found.reverse();
    // Whole branches before their leaves.
    found.sort_by_key(Vec::len);
    found.retain(|pointer| {
        !matches!(pointer.last().map(String::as_str), Some("kind" | "apiVersion" | "name" | "namespace" | "metadata"))
    });
    found.retain(|pointer| pointer.len() > 1);
    found
}

fn walk(value: &Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    for (key, child) in children {
        at.push(key);
        found.push(at.clone());
        walk(child, at, found);
        at.pop();
    }
}

fn take(value: &mut Value, pointer: &[String]) -> bool {
    let Some((key, parents)) = pointer.split_last() else { return false };
    let mut at = value;
    for parent in parents {
        let next = match at {
            Value::Object(fields) => fields.get_mut(parent),
            Value::Array(list) => parent.parse::<usize>().ok().and_then(|index| list.get_mut(index)),
            _ => None,
        };
        let Some(next) = next else { return false };
        at = next;
    }
    match at {
        Value::Object(fields) => fields.remove(key).is_some(),
        Value::Array(list) => match key.parse::<usize>() {
            Ok(index) if index < list.len() => {
                list.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}
