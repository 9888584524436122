//! Replaces every name in a snapshot, consistently and in the same order, so that the plan on it is the same plan.
//!
//! Names are taken apart at their dashes, and each part gets a code of its own: `api-6f6b-x2x` may become
//! `004-002-01k`. So equal names stay equal wherever they stand, a pod still begins with the name of its ReplicaSet,
//! and a claim is still `POD-VOLUME`. Codes are given in the order of the parts, and a dash comes before everything
//! that names are made of, so whole names keep their order too.

mod codes;
mod rules;
mod walk;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::input::ReadError;
use crate::recording::{Recording, record_objects};
use crate::wire::info::{Note, SnapshotInfo};
use codes::Codes;
use walk::{Compared, walk};

/// The recording with all names replaced but those that say what a thing is: zones, machine types, well-known keys.
pub fn anonymize(recording: &Recording) -> Result<Recording, ReadError> {
    let parse = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap_or_default();
    let mut compared = Compared::default();
    for object in &recording.objects {
        compared.notice(&parse(&object.json));
    }
    let mut parts = BTreeSet::new();
    for object in &recording.objects {
        walk(&mut parse(&object.json), &compared, &mut |name| note_parts(name, &mut parts));
    }
    let mut info = recording.info();
    walk_info(&mut info, &mut |name| note_parts(name, &mut parts));
    let codes = Codes::new(parts);
    let mut info = recording.info();
    walk_info(&mut info, &mut |name| *name = codes.replace(name));

    let replaced = recording.objects.iter().map(|object| {
        let mut value = parse(&object.json);
        walk(&mut value, &compared, &mut |name| *name = codes.replace(name));
        value.to_string().into_bytes()
    });
    record_objects(&info, replaced)
}

fn note_parts(name: &str, parts: &mut BTreeSet<Box<str>>) {
    for part in name.split('-').filter(|part| !part.is_empty()) {
        if !parts.contains(part) {
            parts.insert(part.into());
        }
    }
}

/// What the snapshot says of itself: the cluster's name, and the objects that were left out.
fn walk_info(info: &mut SnapshotInfo, visit: &mut dyn FnMut(&mut String)) {
    info.cluster = "anonymous".to_owned();
    for Note { name, source, message, node, .. } in &mut info.notes {
        let mut each: Vec<String> = name.split('/').map(str::to_owned).collect();
        each.iter_mut().for_each(&mut *visit);
        *name = each.join("/");
        if let Some(node) = node {
            visit(node);
        }
        // Files have names too, and a problem quotes the text that it is about.
        *source = match source.rsplit_once(" item ") {
            Some((_, item)) => format!("input item {item}"),
            None => "input".to_owned(),
        };
        *message = message.split_once(": ").map_or("it could not be read", |(field, _)| field).to_owned();
    }
}
