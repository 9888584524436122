//! An object against its schema: everything that is wrong with it, not only the first thing.

use serde_json::{Map, Value};

use crate::nearest::nearest;
use crate::read::shown;
use crate::violation::Violation;

/// What the schema has against the value at this path.
pub(crate) fn violations(schema: &Value, value: &Value, path: &str) -> Vec<Violation> {
    let mut wrong = Vec::new();
    visit(schema, value, path, &mut wrong);
    wrong
}

fn visit(schema: &Value, value: &Value, path: &str, wrong: &mut Vec<Violation>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if let Some(expected) = other_type(schema, value) {
        wrong.push(Violation::new(path, value.clone(), format!("must be {expected}")));
        return;
    }
    if let Some(valid) = schema["enum"].as_array().filter(|valid| !valid.contains(value)) {
        let names: Vec<&str> = valid.iter().filter_map(Value::as_str).collect();
        let meant = value.as_str().and_then(|value| nearest(value, names.iter().copied()));
        let hint = meant.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        wrong.push(Violation::new(path, value.clone(), format!("must be one of {}{hint}", names.join(", "))));
    }
    match value {
        Value::Object(fields) => object(schema, fields, path, wrong),
        Value::Array(items) => array(schema, items, path, wrong),
        Value::String(text) => string(schema, text, path, wrong),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
            if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
                wrong.push(Violation::new(path, value.clone(), format!("must be {}", between(least, most))));
            }
        }
        _ => {}
    }
}

fn object(schema: &Value, fields: &Map<String, Value>, path: &str, wrong: &mut Vec<Violation>) {
    let known = schema["properties"].as_object();
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            let valid = known.map(|known| described(&known[name])).unwrap_or_default();
            wrong.push(Violation::missing(within(path, name), format!("is missing{valid}")));
        }
    }
    for (name, value) in fields {
        let path = within(path, name);
        if let Some(schema) = known.and_then(|known| known.get(name)) {
            visit(schema, value, &path, wrong);
        } else if schema["additionalProperties"].is_object() {
            visit(&schema["additionalProperties"], value, &path, wrong);
        } else if let Some(known) = known.filter(|_| schema["x-kubernetes-preserve-unknown-fields"] != true) {
            wrong.push(Violation::new(path, value.clone(), unknown(name, known)));
        }
    }
}

fn array(schema: &Value, items: &[Value], path: &str, wrong: &mut Vec<Violation>) {
    let (least, most) = (schema["minItems"].as_u64(), schema["maxItems"].as_u64());
    let length = items.len() as u64;
    if least.is_some_and(|least| length < least) || most.is_some_and(|most| length > most) {
        let range = between(least.map(|least| least as f64), most.map(|most| most as f64));
        wrong.push(Violation::missing(path, format!("has {length} entries, and must have {range}")));
    }
    for (at, item) in items.iter().enumerate() {
        visit(&schema["items"], item, &format!("{path}[{at}]"), wrong);
        if schema["x-kubernetes-list-type"] == "set" && items[..at].contains(item) {
            wrong.push(Violation::new(format!("{path}[{at}]"), item.clone(), "is there twice"));
        }
    }
}

fn string(schema: &Value, text: &str, path: &str, wrong: &mut Vec<Violation>) {
    let length = text.chars().count() as u64;
    let (least, most) = (schema["minLength"].as_u64(), schema["maxLength"].as_u64());
    if least.is_some_and(|least| length < least) || most.is_some_and(|most| length > most) {
        let range = between(least.map(|least| least as f64), most.map(|most| most as f64));
        wrong.push(Violation::new(path, text, format!("has {length} letters, and must have {range}")));
    }
    if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        wrong.push(Violation::new(path, text, "is no moment in RFC 3339, such as 2026-11-21T10:00:00Z"));
    }
}

/// The type wanted, where the value is of another.
fn other_type(schema: &Value, value: &Value) -> Option<&'static str> {
    let (is_it, expected) = match schema["type"].as_str()? {
        "object" => (value.is_object(), "an object with fields"),
        "array" => (value.is_array(), "a list"),
        "string" => (value.is_string(), "a text"),
        "boolean" => (value.is_boolean(), "true or false"),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number"),
        "number" => (value.is_number(), "a number"),
        _ => return None,
    };
    (!is_it).then_some(expected)
}

fn described(schema: &Value) -> String {
    if let Some(valid) = schema["enum"].as_array() {
        let names: Vec<&str> = valid.iter().filter_map(Value::as_str).collect();
        return format!(": one of {}", names.join(", "));
    }
    let description = schema["description"].as_str().and_then(|text| text.split('.').next());
    let mut letters = description.unwrap_or_default().chars();
    letters.next().map(|first| format!(": {}{}", first.to_lowercase(), letters.as_str())).unwrap_or_default()
}

fn unknown(name: &str, known: &Map<String, Value>) -> String {
    match nearest(name, known.keys().map(String::as_str)) {
        Some(meant) => format!("there is no such field; did you mean {meant}?"),
        None => format!("there is no such field; there are {}", known.keys().cloned().collect::<Vec<_>>().join(", ")),
    }
}

fn within(path: &str, name: &str) -> String {
    let name = shown(name);
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn between(least: Option<f64>, most: Option<f64>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "another".to_owned(),
    }
}
