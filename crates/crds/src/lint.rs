//! Any object that says it is one of ours: everything that is wrong with it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::violation::{Validate, Violation};
use crate::{
    API_VERSION, MigrationPlanSpec, OptimizationConfigSpec, OptimizationPolicySpec, OptimizationProfileSpec,
    OptimizationRecommendationSpec, OptimizationReportSpec, WorkloadProfileSpec, definitions, names, schema,
};

/// Kinds that are linted, in the order of their names.
pub const KINDS: [&str; 7] = [
    "MigrationPlan",
    "OptimizationConfig",
    "OptimizationPolicy",
    "OptimizationProfile",
    "OptimizationRecommendation",
    "OptimizationReport",
    "WorkloadProfile",
];

/// Everything that is wrong with the object; nothing where the API server and the operator would take it.
pub fn lint(object: &Value) -> Vec<Violation> {
    let wrong = type_violations(object);
    if !wrong.is_empty() {
        return wrong;
    }
    let kind = object["kind"].as_str().unwrap_or_default();
    let Some(schema) = definitions::schema_of(kind) else { return wrong };
    let mut wrong = metadata_violations(&object["metadata"]);
    // What every object has is no part of the schema of a kind.
    let mut own = object.clone();
    if let Some(fields) = own.as_object_mut() {
        for field in ["apiVersion", "kind", "metadata"] {
            fields.remove(field);
        }
    }
    wrong.extend(schema::violations(schema, &own, ""));
    let mut spec = object["spec"].clone();
    let by_schema = wrong.iter().filter_map(|violation| violation.field.strip_prefix("spec"));
    let faulty: Vec<String> = by_schema.map(str::to_owned).collect();
    faulty.iter().for_each(|field| without(&mut spec, field));
    match spec_violations(kind, &spec) {
        Ok(violations) => wrong.extend(violations),
        // Without a faulty field the rest may be too little to be read.
        Err(violation) => wrong.extend(Some(violation).filter(|_| faulty.is_empty())),
    }
    wrong
}

fn type_violations(object: &Value) -> Vec<Violation> {
    if !object.is_object() {
        return vec![Violation::new("", object.clone(), "is no object")];
    }
    let kind = match &object["kind"] {
        Value::Null => return vec![Violation::missing("kind", format!("is missing: one of {}", KINDS.join(", ")))],
        kind if KINDS.iter().all(|ours| kind != ours) => {
            let meant = kind.as_str().and_then(|kind| crate::nearest::nearest(kind, KINDS.into_iter()));
            let hint = meant.map(|kind| format!("; did you mean {kind}?")).unwrap_or_default();
            vec![Violation::new("kind", kind.clone(), format!("must be one of {}{hint}", KINDS.join(", ")))]
        }
        _ => Vec::new(),
    };
    match &object["apiVersion"] {
        Value::Null => vec![Violation::missing("apiVersion", format!("is missing: {API_VERSION}"))],
        version if version != API_VERSION => {
            let message = format!("must be {API_VERSION}; plimsoll convert -f FILE translates other dialects");
            vec![Violation::new("apiVersion", version.clone(), message)]
        }
        _ => kind,
    }
}

fn metadata_violations(metadata: &Value) -> Vec<Violation> {
    let mut wrong = name_violations(metadata);
    match &metadata["namespace"] {
        Value::Null => {}
        namespace if namespace.as_str().is_some_and(names::is_label) => {}
        namespace => wrong.push(Violation::new("metadata.namespace", namespace.clone(), names::VALID_NAMESPACE)),
    }
    for map in ["labels", "annotations"] {
        let field = format!("metadata.{map}");
        let Some(entries) = metadata[map].as_object() else {
            if !metadata[map].is_null() {
                wrong.push(Violation::new(field, metadata[map].clone(), "must be an object with fields"));
            }
            continue;
        };
        for (key, value) in entries.iter().filter(|(_, value)| !value.is_string()) {
            wrong.push(Violation::new(format!("{field}.{key}"), value.clone(), "must be a text"));
        }
    }
    wrong
}

fn name_violations(metadata: &Value) -> Vec<Violation> {
    match (&metadata["name"], &metadata["generateName"]) {
        (Value::Null, Value::Null) => vec![Violation::missing("metadata.name", "is missing")],
        (Value::Null, prefix) if prefix.is_string() => Vec::new(),
        (Value::Null, prefix) => vec![Violation::new("metadata.generateName", prefix.clone(), "must be a text")],
        (name, _) if name.as_str().is_some_and(names::is_name) => Vec::new(),
        (name, _) => vec![Violation::new("metadata.name", name.clone(), names::VALID_NAME)],
    }
}

/// Takes out the field at this path, such as `.safeWindows[0].days[1]`; of a list as a whole, so that its other entries
/// keep their numbers.
fn without(spec: &mut Value, path: &str) {
    let (mut parent, mut parts) = (spec, path.split('.').skip(1).peekable());
    while let Some(part) = parts.next() {
        let mut numbers = part.split('[');
        let name = numbers.next().unwrap_or_default();
        if parts.peek().is_none() {
            parent.as_object_mut().and_then(|fields| fields.remove(name));
            return;
        }
        let mut next = parent.get_mut(name);
        for number in numbers {
            let at: Option<usize> = number.trim_end_matches(']').parse().ok();
            next = at.and_then(|at| next?.get_mut(at));
        }
        let Some(found) = next else { return };
        parent = found;
    }
}

fn spec_violations(kind: &str, spec: &Value) -> Result<Vec<Violation>, Violation> {
    match kind {
        "MigrationPlan" => of::<MigrationPlanSpec>(spec),
        "OptimizationConfig" => of::<OptimizationConfigSpec>(spec),
        "OptimizationProfile" => of::<OptimizationProfileSpec>(spec),
        "OptimizationPolicy" => of::<OptimizationPolicySpec>(spec),
        "OptimizationRecommendation" => of::<OptimizationRecommendationSpec>(spec),
        "OptimizationReport" => of::<OptimizationReportSpec>(spec),
        "WorkloadProfile" => of::<WorkloadProfileSpec>(spec),
        _ => Ok(Vec::new()),
    }
}

/// Where the schema has nothing against it, what cannot be read is a null in a field that must have a value.
fn of<S: Validate + DeserializeOwned>(spec: &Value) -> Result<Vec<Violation>, Violation> {
    match serde_path_to_error::deserialize::<_, S>(spec) {
        Ok(spec) => Ok(spec.violations()),
        Err(error) => Err(Violation::missing(format!("spec.{}", error.path()), error.inner().to_string())),
    }
}
