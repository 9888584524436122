//! What all Kubernetes objects have, as the API server stores it.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

/// When everything here was created, but for what says otherwise.
pub(crate) const CREATED: &str = "2026-08-03T08:00:00Z";

/// An object of this kind with its metadata. A namespace of `""` is none.
pub(crate) fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut metadata = json!({
        "name": name,
        "uid": uid(kind, namespace, name),
        "resourceVersion": (10_000 + hash(kind, namespace, name) % 900_000).to_string(),
        "creationTimestamp": CREATED,
    });
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata})
}

/// Writes a v1 List of these objects, one after the other.
pub(crate) fn write_list(mut out: impl Write, objects: impl Iterator<Item = Value>) -> io::Result<()> {
    out.write_all(br#"{"apiVersion":"v1","kind":"List","items":["#)?;
    for (at, object) in objects.enumerate() {
        if at > 0 {
            out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut out, &object)?;
    }
    out.write_all(b"]}\n")?;
    out.flush()
}

/// The owner reference of a controller.
pub(crate) fn controlled_by(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    json!([{
        "apiVersion": api_version, "kind": kind, "name": name, "uid": uid(kind, namespace, name),
        "controller": true, "blockOwnerDeletion": true,
    }])
}

/// A uid that only depends on what the object is.
pub(crate) fn uid(kind: &str, namespace: &str, name: &str) -> String {
    let (high, low) = (hash(kind, namespace, name), hash(name, kind, namespace));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}

/// `length` characters as Kubernetes appends them to generated names.
pub(crate) fn suffix(of: &str, number: u64, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut left = hash(of, "suffix", &number.to_string());
    (0..length)
        .map(|_| {
            let letter = LETTERS[(left % LETTERS.len() as u64) as usize];
            left /= LETTERS.len() as u64;
            char::from(letter)
        })
        .collect()
}

/// Puts a value deep into an object, making the maps on the way.
pub(crate) fn set(object: &mut Value, path: &[&str], value: Value) {
    let mut at = object;
    for key in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[*key];
    }
    *at = value;
}

/// Appends to a list deep inside an object, making what is missing on the way.
pub(crate) fn push(object: &mut Value, path: &[&str], value: Value) {
    let mut at = object;
    for key in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[*key];
    }
    match at {
        Value::Array(list) => list.push(value),
        other => *other = Value::Array(vec![value]),
    }
}

/// FNV-1a with a final mixing, so that names which differ in one digit share nothing.
pub(crate) fn hash(a: &str, b: &str, c: &str) -> u64 {
    let mut value: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in [a, "/", b, "/", c].iter().flat_map(|part| part.bytes()) {
        value = (value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^ (value >> 33)
}
