//! Cuts YAML streams by lines: at `---`, and within kubectl's lists at the dashes below a top-level `items:`.

use std::sync::Arc;

use super::json::Sink;
use super::{Limits, ReadError};
use crate::object::TypeMeta;

/// Takes chunks, gives objects. Memory is bounded by the largest document that is no list.
pub(crate) struct Splitter<'a> {
    input: &'a str,
    limits: &'a Limits,
    /// The line that has begun.
    line: Vec<u8>,
    line_number: u64,
    /// The document's lines, without those of its items.
    document: Vec<u8>,
    document_starts: u64,
    document_has_text: bool,
    /// Of the document, at the outermost level.
    type_meta: TypeMeta,
    items: Items,
    objects: u64,
    untyped: Arc<TypeMeta>,
}

/// How far into a list's items the document is.
enum Items {
    /// No `items:` was seen.
    None,
    /// `items:` was seen, and no dash yet.
    Expected,
    /// Within the items, whose dashes stand in this column.
    At { column: usize, item: Item },
    /// They are over.
    Done,
}

#[derive(Default)]
struct Item {
    text: Vec<u8>,
    starts: u64,
}

impl<'a> Splitter<'a> {
    pub(crate) fn new(input: &'a str, limits: &'a Limits) -> Splitter<'a> {
        Splitter {
            input,
            limits,
            line: Vec::new(),
            line_number: 0,
            document: Vec::new(),
            document_starts: 1,
            document_has_text: false,
            type_meta: TypeMeta::default(),
            items: Items::None,
            objects: 0,
            untyped: Arc::default(),
        }
    }

    /// Splits one more chunk.
    pub(crate) fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) -> Result<(), ReadError> {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.line.extend_from_slice(&rest[..=end]);
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            self.take_line(&line, sink)?;
            self.line = line;
            self.line.clear();
        }
        self.line.extend_from_slice(rest);
        self.check_size(self.line.len(), self.limits.document_bytes)
    }

    /// The input is at its end.
    pub(crate) fn finish(mut self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.take_line(&line, sink)?;
        }
        self.end_document(sink)?;
        if self.objects == 0 {
            return Err(ReadError::Empty { input: self.input.to_owned() });
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], sink: &mut dyn Sink) -> Result<(), ReadError> {
        self.line_number += 1;
        if is_marker(line) {
            self.end_document(sink)?;
            // `--- {a: 1}` is a document that begins on the marker's line.
            if line.starts_with(b"---") && has_text(&line[3..]) {
                self.document.extend_from_slice(&line[3..]);
                self.document_has_text = true;
                self.document_starts = self.line_number;
            }
            return Ok(());
        }
        let column = line.iter().take_while(|byte| **byte == b' ').count();
        let text = &line[column..];
        let has_text = has_text(text);
        let is_dash = text.first() == Some(&b'-') && text.get(1).is_none_or(|next| next.is_ascii_whitespace());
        if has_text {
            match &self.items {
                Items::Expected if is_dash => return self.begin_item(line, column, sink),
                Items::At { column: dashes, .. } if column == *dashes && is_dash => {
                    return self.begin_item(line, column, sink);
                }
                Items::At { column: dashes, .. } if column <= *dashes => self.end_items(sink)?,
                _ => {}
            }
        }
        let limit = self.limits.object_bytes;
        if let Items::At { item, .. } = &mut self.items {
            item.text.extend_from_slice(line);
            let size = item.text.len();
            return self.check_size(size, limit);
        }
        if has_text && column == 0 {
            if let Some(kind) = value_of(text, b"kind:") {
                self.type_meta.kind = kind;
            } else if let Some(api_version) = value_of(text, b"apiVersion:") {
                self.type_meta.api_version = api_version;
            } else if matches!(self.items, Items::None) && value_of(text, b"items:").is_some_and(|rest| rest.is_empty())
            {
                self.items = Items::Expected;
            }
        }
        self.document_has_text |= has_text;
        self.document.extend_from_slice(line);
        self.check_size(self.document.len(), self.limits.document_bytes)
    }

    /// A dash begins an item, and ends the one before it.
    fn begin_item(&mut self, line: &[u8], column: usize, sink: &mut dyn Sink) -> Result<(), ReadError> {
        self.end_item(sink)?;
        let mut item = Item { text: line.to_vec(), starts: self.line_number };
        item.text[column] = b' ';
        self.items = Items::At { column, item };
        Ok(())
    }

    fn end_item(&mut self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        let Items::At { item, .. } = &mut self.items else { return Ok(()) };
        let item = std::mem::take(item);
        if item.text.is_empty() {
            return Ok(());
        }
        self.objects += 1;
        let from_list = Arc::new(self.type_meta.of_items());
        sink.yaml(item.text, item.starts, &from_list)
    }

    fn end_items(&mut self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        self.end_item(sink)?;
        self.items = Items::Done;
        Ok(())
    }

    fn end_document(&mut self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        self.end_item(sink)?;
        let was_list = matches!(self.items, Items::At { .. } | Items::Done);
        let document = std::mem::take(&mut self.document);
        if was_list {
            if self.type_meta.is_empty() {
                // kubectl writes the kind after the items: without it, the end is missing.
                let (input, item) = (self.input.to_owned(), self.objects);
                return Err(ReadError::TruncatedYaml { input, line: self.line_number, item });
            }
            sink.list_end(&self.type_meta.of_items());
        } else if self.document_has_text {
            self.objects += 1;
            sink.yaml(document, self.document_starts, &self.untyped)?;
        }
        self.items = Items::None;
        self.type_meta = TypeMeta::default();
        self.document_has_text = false;
        // The document that follows begins on the line after the marker.
        self.document_starts = self.line_number + 1;
        Ok(())
    }

    fn check_size(&self, size: usize, limit: usize) -> Result<(), ReadError> {
        if size <= limit {
            return Ok(());
        }
        let problem =
            format!("item {}, up to line {}, is larger than {} MiB", self.objects + 1, self.line_number, limit >> 20);
        Err(ReadError::TooLarge { input: self.input.to_owned(), problem })
    }
}

/// `---` begins a document, `...` ends one.
fn is_marker(line: &[u8]) -> bool {
    (line.starts_with(b"---") || line.starts_with(b"...")) && line.get(3).is_none_or(u8::is_ascii_whitespace)
}

/// More than space and a comment?
fn has_text(line: &[u8]) -> bool {
    line.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte != b'#')
}

/// The plain value after a key, without its comment.
fn value_of(line: &[u8], key: &[u8]) -> Option<String> {
    let rest = String::from_utf8_lossy(line.strip_prefix(key)?);
    let value = rest.split(" #").next().unwrap_or_default().trim();
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// One document as JSON values: several where it is a list.
pub(crate) fn parse(text: &[u8], limits: &Limits) -> Result<serde_json::Value, String> {
    /// Far above any real document of the largest size, far below what an alias bomb makes.
    const MOST_NODES: usize = 8_000_000;
    const MOST_REPLAYED: usize = 200_000;
    let text = std::str::from_utf8(text).map_err(|error| format!("invalid UTF-8 at byte {}", error.valid_up_to()))?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: limits.depth as usize,
            max_nodes: MOST_NODES,
            max_events: 2 * MOST_NODES,
            max_total_scalar_bytes: limits.document_bytes,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPLAYED },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Sink for Seen {
        fn object(&mut self, _: Vec<u8>, _: &Arc<TypeMeta>) -> Result<(), ReadError> {
            unreachable!("YAML comes as YAML")
        }
        fn yaml(&mut self, bytes: Vec<u8>, line: u64, from_list: &Arc<TypeMeta>) -> Result<(), ReadError> {
            let value = parse(&bytes, &Limits::default()).unwrap_or_else(|error| error.into());
            self.0.push(format!("{line}:{} {value}", from_list.kind));
            Ok(())
        }
        fn list_end(&mut self, items: &TypeMeta) {
            self.0.push(format!("end {}", items.kind));
        }
    }

    fn split(text: &str) -> Result<Vec<String>, ReadError> {
        let limits = Limits::default();
        let by = |size: usize| {
            let mut seen = Seen::default();
            let mut splitter = Splitter::new("t", &limits);
            for chunk in text.as_bytes().chunks(size) {
                splitter.push(chunk, &mut seen)?;
            }
            splitter.finish(&mut seen)?;
            Ok::<_, ReadError>(seen.0)
        };
        let whole = by(usize::MAX);
        assert_eq!(by(1).ok(), whole.as_ref().ok().cloned(), "{text}");
        whole
    }

    #[test]
    fn lists_are_cut_at_their_dashes() {
        let text =
            "apiVersion: v1\nitems:\n- a: 1\n  b:\n  - c\n- a: |\n    x\n   \n    - y\nkind: List\nmetadata: {}\n";
        let seen = split(text).unwrap();
        assert_eq!(seen, ["3: {\"a\":1,\"b\":[\"c\"]}", "6: {\"a\":\"x\\n\\n- y\\n\"}", "end "]);
    }

    #[test]
    fn indented_items_and_a_kind_before_them_are_read() {
        let seen = split("kind: PodList\nitems:\n  - a: 1\n  -\n    b: 2\n").unwrap();
        assert_eq!(seen, ["3:Pod {\"a\":1}", "4:Pod {\"b\":2}", "end Pod"]);
    }

    #[test]
    fn documents_are_cut_at_their_markers() {
        let seen = split("# first\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n--- {c: 3}\n").unwrap();
        assert_eq!(seen, ["1: {\"a\":1}", "7: {\"b\":2}", "9: {\"c\":3}"]);
    }

    #[test]
    fn a_list_that_is_cut_off_says_so() {
        assert!(matches!(split("apiVersion: v1\nitems:\n- a: 1\n- b:"), Err(ReadError::TruncatedYaml { item: 2, .. })));
        assert!(matches!(split("# only a comment\n"), Err(ReadError::Empty { .. })));
    }

    #[test]
    fn bombs_end_in_an_error() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(parse(bomb.as_bytes(), &Limits::default()).is_err());
        assert!(parse("[".repeat(10_000).as_bytes(), &Limits::default()).is_err());
        let deep: String = (0..1_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert!(parse(deep.as_bytes(), &Limits::default()).is_err());
    }
}
