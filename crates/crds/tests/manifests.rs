//! The committed definitions are those of the types: `UPDATE_MANIFESTS=1 cargo test -p crds --test manifests` writes them.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/plimsoll-crds/templates");

fn generated() -> BTreeMap<String, String> {
    let definitions = crds::definitions();
    let file = |definition: &Value| format!("{}.yaml", definition["spec"]["names"]["plural"].as_str().unwrap());
    definitions.iter().map(|definition| (file(definition), crds::to_yaml(definition))).collect()
}

fn committed() -> BTreeMap<String, String> {
    let files = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn the_committed_definitions_are_those_of_the_types() {
    if std::env::var_os("UPDATE_MANIFESTS").is_some() {
        for (file, text) in generated() {
            fs::write(Path::new(FOLDER).join(file), text).unwrap();
        }
    }
    let (committed, generated) = (committed(), generated());
    assert_eq!(committed.keys().collect::<Vec<_>>(), generated.keys().collect::<Vec<_>>());
    for (file, text) in generated {
        assert!(committed[&file] == text, "{file} is stale: UPDATE_MANIFESTS=1 cargo test -p crds --test manifests");
    }
}

#[test]
fn every_field_has_a_description_and_every_kind_columns_a_short_name_and_a_status() {
    for definition in crds::definitions() {
        let kind = definition["spec"]["names"]["kind"].as_str().unwrap().to_owned();
        let version = &definition["spec"]["versions"][0];
        assert!(version["additionalPrinterColumns"].as_array().is_some_and(|columns| columns.len() > 1), "{kind}");
        assert!(definition["spec"]["names"]["shortNames"][0].is_string(), "{kind}");
        assert!(version["subresources"]["status"].is_object(), "{kind}");
        undescribed(&version["schema"]["openAPIV3Schema"], &kind, &["spec", "status"]);
    }
}

/// `plain` are fields that every object has, and whose meaning is that of the type below.
fn undescribed(schema: &Value, path: &str, plain: &[&str]) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        assert!(plain.contains(&name.as_str()) || field["description"].is_string(), "{path} has no description");
        undescribed(field, &path, &[]);
        undescribed(&field["items"], &path, &[]);
    }
}
