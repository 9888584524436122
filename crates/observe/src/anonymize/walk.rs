//! Where in an object names stand: every string is replaced but those that these rules know.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::rules::{
    has_chosen_name, has_known_values, is_known_driver, is_known_key, is_known_name, is_known_resource, is_setting,
};
/// Label keys whose values some selector compares as numbers.
#[derive(Default)]
pub(crate) struct Compared(BTreeSet<String>);

impl Compared {
    /// Looks for Gt and Lt.
    pub(crate) fn notice(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.notice(item)),
            Value::Object(map) => {
                let text = |key: &str| map.get(key).and_then(Value::as_str);
                if let (Some(key), Some("Gt" | "Lt")) = (text("key"), text("operator")) {
                    self.0.insert(key.to_owned());
                }
                map.values().for_each(|value| self.notice(value));
            }
            _ => {}
        }
    }

    fn keeps(&self, key: &str, value: &str) -> bool {
        has_known_values(key) || (self.0.contains(key) && value.parse::<i64>().is_ok())
    }
}

type Visit<'a> = &'a mut dyn FnMut(&mut String);

/// Visits every name of an object that must be replaced. New fields are replaced until a rule says otherwise.
pub(crate) fn walk(value: &mut Value, compared: &Compared, visit: Visit<'_>) {
    walk_field("", value, compared, visit);
}

fn walk_field(field: &str, value: &mut Value, compared: &Compared, visit: Visit<'_>) {
    match field {
        "labels" | "matchLabels" | "nodeSelector" if value.is_object() => return walk_labels(value, compared, visit),
        "annotations" => return walk_annotations(value, visit),
        "requests" | "limits" | "allocatedResources" | "allocatable" | "capacity" | "usage" | "hard" | "used"
        | "overhead" | "podFixed" | "max" | "min" | "default" | "defaultRequest"
            if value.is_object() && !is_limit_of_volumes(value) =>
        {
            return walk_keys(value, |key| is_known_resource(key).then_some(()), visit);
        }
        "disruptedPods" => return walk_keys(value, |_| None, visit),
        _ => {}
    }
    match value {
        Value::String(text) => walk_text(field, text, visit),
        Value::Array(items) => items.iter_mut().for_each(|item| walk_field(field, item, compared, visit)),
        Value::Object(map) if is_about_label(map) => walk_about_label(map, compared, visit),
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                // A CSINode's drivers are named by `name`.
                let field = if field == "drivers" && name == "name" { "driver" } else { name };
                walk_field(field, value, compared, visit);
            }
        }
        _ => {}
    }
}

fn walk_text(field: &str, text: &mut String, visit: Visit<'_>) {
    let is_kept = match field {
        "kind"
        | "creationTimestamp"
        | "deletionTimestamp"
        | "lastTransitionTime"
        | "lastHeartbeatTime"
        | "startTime"
        | "timestamp"
        | "phase"
        | "type"
        | "status"
        | "reason"
        | "reasons"
        | "operator"
        | "effect"
        | "protocol"
        | "restartPolicy"
        | "action"
        | "whenUnsatisfiable"
        | "nodeAffinityPolicy"
        | "nodeTaintsPolicy"
        | "medium"
        | "accessModes"
        | "volumeMode"
        | "volumeBindingMode"
        | "unhealthyPodEvictionPolicy"
        | "preemptionPolicy"
        | "minAvailable"
        | "maxUnavailable"
        | "consolidationPolicy"
        | "consolidateAfter"
        | "schedule"
        | "duration"
        | "nodes"
        | "declaredFeatures"
        | "capacity"
        | "maximumVolumeSize" => true,
        "driver" | "attacher" | "provisioner" => is_known_driver(text),
        "topologyKey" | "matchLabelKeys" => return walk_key(text, visit),
        "apiVersion" => is_known_api(text),
        "volumeID" => return walk_after(text, &["vol-"], visit),
        "providerID" => return walk_after(text, &["://"], visit),
        _ => is_known_name(text),
    };
    if !is_kept {
        visit(text);
    }
}

fn is_known_api(api_version: &str) -> bool {
    match api_version.split_once('/') {
        None => true,
        Some((group, _)) => !group.contains('.') || is_known_key(&format!("{group}/")),
    }
}

/// Replaces what follows the last of these marks, and everything where there is none.
fn walk_after(text: &mut String, marks: &[&str], visit: Visit<'_>) {
    let start = marks.iter().find_map(|mark| text.rfind(mark).map(|at| at + mark.len())).unwrap_or(0);
    let mut rest = text.split_off(start);
    visit(&mut rest);
    // What stands before `vol-` may be a zone; the volume is the same volume without it.
    if text.ends_with("vol-") {
        "vol-".clone_into(text);
    }
    text.push_str(&rest);
}

/// A selector's requirement, a taint, a toleration or a topology: a label's key, and values of that label.
fn is_about_label(map: &Map<String, Value>) -> bool {
    map.get("key").is_some_and(Value::is_string)
}

fn walk_about_label(map: &mut Map<String, Value>, compared: &Compared, visit: Visit<'_>) {
    let key = map.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
    let walk_value = |value: &mut Value, visit: Visit<'_>| {
        if let Value::String(text) = value
            && !compared.keeps(&key, text)
            && !is_known_name(text)
        {
            visit(text);
        }
    };
    for (name, value) in map.iter_mut() {
        match (name.as_str(), value) {
            // `metadata.name` is a field rather than a label.
            ("key", Value::String(text)) if text != "metadata.name" => walk_key(text, visit),
            ("value", value) => walk_value(value, visit),
            ("values", Value::Array(values)) => values.iter_mut().for_each(|value| walk_value(value, visit)),
            _ => {}
        }
    }
}

fn walk_key(key: &mut String, visit: Visit<'_>) {
    if has_chosen_name(key) {
        walk_after(key, &["/"], visit);
    } else if !is_known_key(key) {
        visit(key);
    }
}

fn walk_labels(labels: &mut Value, compared: &Compared, visit: Visit<'_>) {
    let Value::Object(map) = labels else { return };
    let mut replaced = Map::new();
    for (mut key, mut value) in std::mem::take(map) {
        if let Value::String(text) = &mut value
            && !compared.keeps(&key, text)
        {
            visit(text);
        }
        walk_key(&mut key, visit);
        replaced.insert(key, value);
    }
    *map = replaced;
}

fn walk_annotations(annotations: &mut Value, visit: Visit<'_>) {
    let Value::Object(map) = annotations else { return };
    for (key, value) in map.iter_mut() {
        let Value::String(text) = value else { continue };
        match key.as_str() {
            "storage.alpha.kubernetes.io/migrated-plugins" => {}
            "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes" => {
                let mut volumes: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
                volumes.iter_mut().for_each(&mut *visit);
                *text = volumes.join(",");
            }
            _ if is_setting(text) => {}
            _ => visit(text),
        }
    }
}

/// Resource lists and other maps whose keys are names.
fn walk_keys(map: &mut Value, keeps: impl Fn(&str) -> Option<()>, visit: Visit<'_>) {
    let Value::Object(map) = map else { return };
    let mut replaced = Map::new();
    for (mut key, value) in std::mem::take(map) {
        if keeps(&key).is_none() {
            let is_resource = key.contains('/');
            visit(&mut key);
            if is_resource {
                // Only a name with a domain is an extended resource.
                key = format!("example.com/{key}");
            }
        }
        replaced.insert(key, value);
    }
    *map = replaced;
}

/// A CSINode's `allocatable` is a count, not a resource list.
fn is_limit_of_volumes(value: &Value) -> bool {
    value.get("count").is_some_and(Value::is_number)
}
