//! Names as the API server takes them.

/// What is valid for a namespace, in words.
pub(crate) const VALID_NAMESPACE: &str =
    "is no name of a namespace: at most 63 of a-z, 0-9 and -, with a letter or digit at both ends";

/// What is valid for most other objects, in words.
pub(crate) const VALID_NAME: &str =
    "is no name: at most 253 of a-z, 0-9, - and ., with a letter or digit at both ends of each part";

/// The name of a namespace: an RFC 1123 label.
pub(crate) fn is_label(name: &str) -> bool {
    let is_end = |letter: &u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(is_end)
        && bytes.last().is_some_and(is_end)
        && bytes.iter().all(|letter| is_end(letter) || *letter == b'-')
}

/// The name of most other objects: an RFC 1123 subdomain.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

/// The name of a label: `part` or `example.com/part`.
pub(crate) fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_name) && !name.is_empty() && is_label_value(name)
}

/// The value of a label, which may be empty.
pub(crate) fn is_label_value(value: &str) -> bool {
    let is_end = |letter: &u8| letter.is_ascii_alphanumeric();
    let bytes = value.as_bytes();
    let ends = bytes.first().is_none_or(is_end) && bytes.last().is_none_or(is_end);
    bytes.len() <= 63 && ends && bytes.iter().all(|letter| is_end(letter) || b"-_.".contains(letter))
}

/// KEY=VALUE of a label.
pub(crate) fn is_key_and_value(label: &str) -> bool {
    label.split_once('=').is_some_and(|(key, value)| is_label_key(key) && is_label_value(value))
}

/// NAMESPACE/NAME.
pub(crate) fn is_namespaced(text: &str) -> bool {
    text.split_once('/').is_some_and(|(namespace, name)| is_label(namespace) && is_name(name))
}
