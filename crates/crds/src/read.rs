//! Reading a resource from JSON or YAML, within limits, with errors that name the field.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::API_VERSION;

/// A file larger than this is refused: a plan of 100,000 steps is a third of it.
pub const LARGEST_FILE_BYTES: usize = 256 << 20;

/// More YAML nodes than this are refused; a step has some thirty.
const MOST_YAML_NODES: usize = 8_000_000;

/// Deeper nesting than this is refused: ours has nine levels, and a node's own parts are no deeper.
const DEEPEST_NESTING: usize = 48;

/// A file of more documents than this is refused.
const MOST_DOCUMENTS: usize = 10_000;

/// Why a text is not the resource expected.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ReadError {
    /// It is too large.
    #[error("larger than {} MiB, the most that is read", LARGEST_FILE_BYTES >> 20)]
    TooLarge,
    /// There is nothing in it.
    #[error("empty")]
    Empty,
    /// It is no text.
    #[error("neither JSON nor YAML: not UTF-8")]
    NotText,
    /// It is another kind of object, or none.
    #[error("kind is {found}, expected {expected}")]
    WrongKind {
        /// What it says of itself.
        found: String,
        /// What was wanted.
        expected: &'static str,
    },
    /// Its version is not ours.
    #[error("apiVersion is {found}, expected {API_VERSION}")]
    UnknownVersion {
        /// What it says of itself.
        found: String,
    },
    /// A field is missing or is not what it must be.
    #[error("{field}: {wrong}")]
    Field {
        /// Its path, such as `spec.migrations[3].pod.name`.
        field: String,
        /// What is wrong with it.
        wrong: String,
    },
    /// It is no JSON or YAML.
    #[error("not valid {format}: {wrong}")]
    Syntax {
        /// Which was tried.
        format: &'static str,
        /// What is wrong, and where.
        wrong: String,
    },
}

/// What every Kubernetes object says of itself.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TypeMeta {
    api_version: Option<String>,
    kind: Option<String>,
}

/// An object of ours, whatever its kind.
pub(crate) struct Object<S, T> {
    /// metadata.
    pub metadata: ObjectMeta,
    /// spec.
    pub spec: S,
    /// status, where it has one.
    pub status: Option<T>,
}

/// An object as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<S, T> {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    spec: S,
    status: Option<T>,
}

/// Reads one object of this kind. Text that begins with a brace is JSON, any other YAML.
pub(crate) fn read<S: DeserializeOwned, T: DeserializeOwned>(
    bytes: &[u8],
    kind: &'static str,
) -> Result<Object<S, T>, ReadError> {
    let text = text_of(bytes)?;
    // Only where it went wrong is it worth asking what else this is.
    let Written { api_version, kind: found, metadata, spec, status } = parse::<Written<S, T>>(text)
        .map_err(|error| parse::<TypeMeta>(text).ok().and_then(|meta| other_than(&meta, kind)).unwrap_or(error))?;
    let meta = TypeMeta { api_version: Some(api_version), kind: Some(found) };
    other_than(&meta, kind).map_or(Ok(Object { metadata, spec, status }), Err)
}

/// All objects in a text, those of Lists one by one, each as it is written: JSON one after the other, or YAML documents.
/// A document without anything in it is left out.
pub fn documents(bytes: &[u8]) -> Result<Vec<Value>, ReadError> {
    let text = text_of(bytes)?;
    let written: Vec<Value> = if text.trim_start().starts_with('{') {
        let json = serde_json::Deserializer::from_str(text).into_iter();
        json.collect::<Result<_, _>>()
            .map_err(|error| ReadError::Syntax { format: "JSON", wrong: shown_error(&error.to_string()) })?
    } else {
        serde_saphyr::from_str_multiple_with_options(text, yaml_options(MOST_DOCUMENTS))
            .map_err(|error| ReadError::Syntax { format: "YAML", wrong: shown_error(&error.to_string()) })?
    };
    let mut objects = Vec::new();
    for mut document in written.into_iter().filter(|document| !document.is_null()) {
        if document["kind"] == "List"
            && let Some(Value::Array(items)) = document.get_mut("items").map(Value::take)
        {
            objects.extend(items);
        } else {
            objects.push(document);
        }
    }
    if objects.is_empty() { Err(ReadError::Empty) } else { Ok(objects) }
}

fn text_of(bytes: &[u8]) -> Result<&str, ReadError> {
    if bytes.len() > LARGEST_FILE_BYTES {
        return Err(ReadError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() { Err(ReadError::Empty) } else { Ok(text) }
}

fn other_than(meta: &TypeMeta, kind: &'static str) -> Option<ReadError> {
    let shown = |text: &Option<String>| text.as_ref().map_or("missing".to_owned(), |text| shown(text));
    if meta.kind.as_deref() != Some(kind) {
        return Some(ReadError::WrongKind { found: shown(&meta.kind), expected: kind });
    }
    (meta.api_version.as_deref() != Some(API_VERSION))
        .then(|| ReadError::UnknownVersion { found: shown(&meta.api_version) })
}

/// A text from outside as a message may show it: on one line, cut at 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let kept: String = text.chars().filter(|letter| !letter.is_control()).take(80).collect();
    if text.chars().nth(80).is_some() { format!("{kept}…") } else { kept }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    if text.trim_start().starts_with('{') { parse_json(text) } else { parse_yaml(text) }
}

fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        let wrong = shown_error(&inner.to_string());
        match inner.classify() {
            serde_json::error::Category::Data if field != "." => ReadError::Field { field, wrong },
            _ => ReadError::Syntax { format: "JSON", wrong },
        }
    })?;
    json.end().map_err(|error| ReadError::Syntax { format: "JSON", wrong: error.to_string() })?;
    Ok(parsed)
}

fn parse_yaml<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    let options = yaml_options(1);
    let mut field = String::new();
    let parsed = serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
        serde_path_to_error::deserialize(yaml).map_err(|error| {
            field = error.path().to_string();
            error.into_inner()
        })
    });
    parsed.map_err(|error| {
        let wrong = shown_error(&error.to_string());
        match field.as_str() {
            "" | "." => ReadError::Syntax { format: "YAML", wrong },
            field => ReadError::Field { field: field.to_owned(), wrong },
        }
    })
}

fn yaml_options(max_documents: usize) -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MOST_YAML_NODES,
            max_events: 2 * MOST_YAML_NODES,
            max_total_scalar_bytes: LARGEST_FILE_BYTES,
            max_depth: DEEPEST_NESTING,
            max_documents: max_documents,
        },
        with_snippet: false,
    }
}

/// The first line of a parser's message: what follows quotes the input.
fn shown_error(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars().filter(|letter| !letter.is_control()).take(300).collect()
}
