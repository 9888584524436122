//! Small edits of Kubernetes objects, by JSON pointer.

use serde_json::Value;

/// Every object of a kind.
pub fn each(items: &mut [Value], kind: &str, mut edit: impl FnMut(&mut Value)) {
    for item in items.iter_mut().filter(|item| item["kind"] == kind) {
        edit(item);
    }
}

/// Takes a field away, where it is.
pub fn remove(object: &mut Value, pointer: &str) {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(fields) = object.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        fields.remove(&key.replace("~1", "/"));
    }
}

/// Changes a field, where it is.
pub fn change(object: &mut Value, pointer: &str, edit: impl FnOnce(&mut Value)) {
    if let Some(value) = object.pointer_mut(pointer) {
        edit(value);
    }
}

/// Sets a field of an object that is there.
pub fn put(object: &mut Value, pointer: &str, value: Value) {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(fields) = object.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        fields.insert(key.replace("~1", "/"), value);
    }
}

/// Every entry of a list.
pub fn entries(object: &mut Value, pointer: &str, mut edit: impl FnMut(&mut Value)) {
    if let Some(list) = object.pointer_mut(pointer).and_then(Value::as_array_mut) {
        list.iter_mut().for_each(&mut edit);
    }
}

/// Keeps only some entries of a list.
pub fn retain(object: &mut Value, pointer: &str, keep: impl FnMut(&Value) -> bool) {
    if let Some(list) = object.pointer_mut(pointer).and_then(Value::as_array_mut) {
        list.retain(keep);
    }
}

/// All containers of a pod, sidecars and init containers too.
pub fn containers(pod: &mut Value, mut edit: impl FnMut(&mut Value)) {
    entries(pod, "/spec/initContainers", &mut edit);
    entries(pod, "/spec/containers", &mut edit);
}

/// Is it a container that starts before the others and stays?
pub fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}
