//! Cuts JSON into single Kubernetes objects: a byte scanner that knows strings and brackets, and looks into lists.

use std::sync::Arc;

use super::{Limits, ReadError};
use crate::object::TypeMeta;

/// Takes what the cutter finds.
pub(crate) trait Sink {
    /// One object, and what its list says of its items.
    fn object(&mut self, bytes: Vec<u8>, from_list: &Arc<TypeMeta>) -> Result<(), ReadError>;
    /// One YAML document or list item that begins on this line.
    fn yaml(&mut self, bytes: Vec<u8>, line: u64, from_list: &Arc<TypeMeta>) -> Result<(), ReadError>;
    /// A list came to its end; what it says its items are, empty where it does not say.
    fn list_end(&mut self, items: &TypeMeta);
}

/// Scans chunk by chunk. Memory is bounded by the largest object.
pub(crate) struct Cutter<'a> {
    input: &'a str,
    limits: &'a Limits,
    frames: Vec<Frame>,
    /// Within a string, and whether the byte before was a backslash.
    in_string: bool,
    escaped: bool,
    /// Where in the innermost frame's bytes the key begins that is being read.
    key_at: Option<usize>,
    offset: u64,
    objects: u64,
    values: u64,
    untyped: Arc<TypeMeta>,
}

/// An object that has begun, or an array of objects.
struct Frame {
    /// Its own bytes; where it is a list, without the items.
    bytes: Vec<u8>,
    /// Brackets open within it.
    depth: u32,
    /// At depth 1: the next string is a key.
    expects_key: bool,
    key_is_items: bool,
    has_kind: bool,
    /// Between the items of a list.
    in_items: bool,
    is_list: bool,
    /// An array without a list around it.
    is_bare_array: bool,
    items: Arc<TypeMeta>,
    /// Items without a kind of their own, in a list that has not said its kind yet.
    waiting: Vec<Vec<u8>>,
    waiting_bytes: usize,
}

impl Frame {
    fn new(items: Arc<TypeMeta>) -> Frame {
        Frame {
            bytes: Vec::new(),
            depth: 0,
            expects_key: true,
            key_is_items: false,
            has_kind: false,
            in_items: false,
            is_list: false,
            is_bare_array: false,
            items,
            waiting: Vec::new(),
            waiting_bytes: 0,
        }
    }
}

/// Lists whose kind comes last and whose items have none: as many bytes of items are held.
const MOST_WAITING_BYTES: usize = 64 << 20;

impl<'a> Cutter<'a> {
    pub(crate) fn new(input: &'a str, limits: &'a Limits) -> Cutter<'a> {
        Cutter {
            input,
            limits,
            frames: Vec::new(),
            in_string: false,
            escaped: false,
            key_at: None,
            offset: 0,
            objects: 0,
            values: 0,
            untyped: Arc::default(),
        }
    }

    /// Scans one more chunk.
    pub(crate) fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) -> Result<(), ReadError> {
        // Where the bytes begin that the innermost frame has not got yet.
        let mut from = 0;
        let mut at = 0;
        while at < chunk.len() {
            if self.in_string {
                at = self.scan_string(chunk, at, &mut from)?;
                continue;
            }
            let byte = chunk[at];
            match self.frames.last_mut() {
                Some(frame) if !frame.in_items => match byte {
                    b'"' => {
                        if frame.depth == 1 && frame.expects_key {
                            self.key_at = Some(frame.bytes.len() + at - from);
                        }
                        self.in_string = true;
                    }
                    b'[' if frame.depth == 1 && frame.key_is_items && !frame.expects_key => {
                        self.take(&chunk[from..=at])?;
                        self.begin_items();
                    }
                    b'{' | b'[' => {
                        frame.depth += 1;
                        if frame.depth > self.limits.depth {
                            return Err(self.too_deep(at));
                        }
                    }
                    b'}' | b']' => {
                        frame.depth -= 1;
                        if frame.depth == 0 {
                            self.take(&chunk[from..=at])?;
                            self.end_object(sink)?;
                        }
                    }
                    b',' if frame.depth == 1 => {
                        frame.expects_key = true;
                        frame.key_is_items = false;
                    }
                    b':' if frame.depth == 1 => frame.expects_key = false,
                    _ => {}
                },
                Some(frame) => match byte {
                    b' ' | b'\n' | b'\r' | b'\t' | b',' => {}
                    b'{' => {
                        self.begin_object(at)?;
                        from = at;
                    }
                    b']' => {
                        frame.in_items = false;
                        from = at;
                        if frame.is_bare_array {
                            self.frames.pop();
                        }
                    }
                    _ => return Err(self.syntax(at, "an item of a list is not an object")),
                },
                None => match byte {
                    b' ' | b'\n' | b'\r' | b'\t' => {}
                    b'{' => {
                        self.values += 1;
                        self.begin_object(at)?;
                        from = at;
                    }
                    b'[' => {
                        self.values += 1;
                        let mut frame = Frame::new(self.untyped.clone());
                        (frame.in_items, frame.is_bare_array, frame.has_kind) = (true, true, true);
                        self.frames.push(frame);
                    }
                    _ => return Err(self.syntax(at, "expected an object or a list")),
                },
            }
            at += 1;
        }
        if self.frames.last().is_some_and(|frame| !frame.in_items) {
            self.take(&chunk[from..])?;
        }
        self.offset += chunk.len() as u64;
        Ok(())
    }

    /// The input is at its end.
    pub(crate) fn finish(self) -> Result<(), ReadError> {
        if !self.frames.is_empty() {
            let input = self.input.to_owned();
            return Err(ReadError::Truncated { input, offset: self.offset, item: self.objects + 1 });
        }
        if self.values == 0 {
            return Err(ReadError::Empty { input: self.input.to_owned() });
        }
        Ok(())
    }

    /// To the end of the string or of the chunk.
    fn scan_string(&mut self, chunk: &[u8], start: usize, from: &mut usize) -> Result<usize, ReadError> {
        let mut at = start;
        if self.escaped {
            self.escaped = false;
            return Ok(at + 1);
        }
        let Some(found) = memchr::memchr2(b'"', b'\\', &chunk[at..]) else { return Ok(chunk.len()) };
        at += found;
        if chunk[at] == b'\\' {
            self.escaped = true;
            return Ok(at + 1);
        }
        self.in_string = false;
        if let Some(key_at) = self.key_at.take() {
            self.take(&chunk[*from..=at])?;
            *from = at + 1;
            if let Some(frame) = self.frames.last_mut() {
                let key = frame.bytes.get(key_at..).unwrap_or_default();
                frame.key_is_items = key == b"\"items\"";
                frame.has_kind |= key == b"\"kind\"";
            }
        }
        Ok(at + 1)
    }

    /// Appends bytes to the innermost object.
    fn take(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        frame.bytes.extend_from_slice(bytes);
        if frame.bytes.len() > self.limits.object_bytes {
            let problem = format!(
                "item {} is larger than {} MiB, at byte {}",
                self.objects + 1,
                self.limits.object_bytes >> 20,
                self.offset
            );
            return Err(ReadError::TooLarge { input: self.input.to_owned(), problem });
        }
        Ok(())
    }

    fn begin_object(&mut self, at: usize) -> Result<(), ReadError> {
        let items = self.frames.last().map_or_else(|| self.untyped.clone(), |list| list.items.clone());
        let mut frame = Frame::new(items);
        frame.depth = 1;
        self.frames.push(frame);
        if self.frames.len() as u32 > self.limits.depth {
            return Err(self.too_deep(at));
        }
        Ok(())
    }

    /// The innermost object turns out to be a list.
    fn begin_items(&mut self) {
        let Some(frame) = self.frames.last_mut() else { return };
        frame.in_items = true;
        frame.is_list = true;
        let mut so_far = frame.bytes.clone();
        so_far.extend_from_slice(b"]}");
        frame.items = Arc::new(items_of(&so_far));
    }

    /// The innermost object is whole: a list whose items are gone by already, or an item itself.
    fn end_object(&mut self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if frame.is_list {
            let items = Arc::new(items_of(&frame.bytes));
            for bytes in frame.waiting {
                sink.object(bytes, &items)?;
            }
            sink.list_end(&items);
            return Ok(());
        }
        self.objects += 1;
        match self.frames.last_mut() {
            Some(list) if !frame.has_kind && !list.has_kind => {
                list.waiting_bytes += frame.bytes.len();
                list.waiting.push(frame.bytes);
                if list.waiting_bytes > MOST_WAITING_BYTES {
                    let problem = format!(
                        "more than {} MiB of items without a kind come before the kind of their list",
                        MOST_WAITING_BYTES >> 20
                    );
                    return Err(ReadError::TooLarge { input: self.input.to_owned(), problem });
                }
                Ok(())
            }
            Some(list) => {
                let items = list.items.clone();
                sink.object(frame.bytes, &items)
            }
            None => sink.object(frame.bytes, &self.untyped),
        }
    }

    fn too_deep(&self, at: usize) -> ReadError {
        let problem = format!("it nests deeper than {} levels at byte {}", self.limits.depth, self.offset + at as u64);
        ReadError::TooLarge { input: self.input.to_owned(), problem }
    }

    fn syntax(&self, at: usize, problem: &str) -> ReadError {
        let offset = self.offset + at as u64;
        ReadError::Syntax { input: self.input.to_owned(), problem: format!("{problem}, at byte {offset}") }
    }
}

/// What a list says its items are.
fn items_of(list: &[u8]) -> TypeMeta {
    serde_json::from_slice::<TypeMeta>(list).unwrap_or_default().of_items()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Sink for Seen {
        fn object(&mut self, bytes: Vec<u8>, from_list: &Arc<TypeMeta>) -> Result<(), ReadError> {
            self.0.push(format!("{} {}", from_list.kind, String::from_utf8(bytes).unwrap()));
            Ok(())
        }
        fn yaml(&mut self, _: Vec<u8>, _: u64, _: &Arc<TypeMeta>) -> Result<(), ReadError> {
            unreachable!("JSON comes as JSON")
        }
        fn list_end(&mut self, items: &TypeMeta) {
            self.0.push(format!("end {}", items.kind));
        }
    }

    /// Cut in one piece and byte by byte, which must agree.
    fn cut(text: &str) -> Result<Vec<String>, ReadError> {
        let limits = Limits::default();
        let by = |size: usize| {
            let mut seen = Seen::default();
            let mut cutter = Cutter::new("t", &limits);
            for chunk in text.as_bytes().chunks(size) {
                cutter.push(chunk, &mut seen)?;
            }
            cutter.finish()?;
            Ok::<_, ReadError>(seen.0)
        };
        let whole = by(usize::MAX);
        assert_eq!(by(1).ok(), whole.as_ref().ok().cloned(), "{text}");
        whole
    }

    #[test]
    fn lists_are_cut_into_items() {
        let seen = cut(r#"{"kind":"PodList","items":[{"a":"}"}, {"b":"\"]"}],"metadata":{}}"#).unwrap();
        assert_eq!(seen, ["Pod {\"a\":\"}\"}", "Pod {\"b\":\"\\\"]\"}", "end Pod"]);
    }

    #[test]
    fn items_wait_for_a_kind_that_comes_last() {
        let seen = cut(r#"{"items":[{"a":1},{"kind":"X"}],"kind":"PodList"}"#).unwrap();
        assert_eq!(seen, [" {\"kind\":\"X\"}", "Pod {\"a\":1}", "end Pod"]);
    }

    #[test]
    fn lists_of_lists_arrays_and_several_values_are_read() {
        let seen =
            cut(r#"{"kind":"List","items":[{"kind":"PodList","items":[{}]},{"kind":"Node"}]} [{"c":1}] {"d":[]}"#);
        assert_eq!(seen.unwrap(), ["Pod {}", "end Pod", " {\"kind\":\"Node\"}", "end ", " {\"c\":1}", " {\"d\":[]}"]);
    }

    #[test]
    fn only_an_object_own_items_are_items() {
        let nested = r#"{"spec":{"items":[1]},"x\"items":[2],"items":null}"#;
        assert_eq!(cut(nested).unwrap(), [format!(" {nested}")]);
    }

    #[test]
    fn what_is_cut_off_empty_or_no_json_says_so() {
        assert!(matches!(cut(r#"{"kind":"List","items":[{"a":1},{"b""#), Err(ReadError::Truncated { item: 2, .. })));
        assert!(matches!(cut("  "), Err(ReadError::Empty { .. })));
        assert!(matches!(cut("hello"), Err(ReadError::Syntax { .. })));
        assert!(matches!(cut(r#"{"items":[1]}"#), Err(ReadError::Syntax { .. })));
        assert!(matches!(cut(&"{\"a\":".repeat(1_000)), Err(ReadError::TooLarge { .. })));
        assert!(matches!(cut(&"{\"items\":[".repeat(1_000)), Err(ReadError::TooLarge { .. })));
    }

    #[test]
    fn an_endless_object_ends_in_an_error() {
        let limits = Limits { object_bytes: 1_000, ..Limits::default() };
        let mut cutter = Cutter::new("t", &limits);
        let mut seen = Seen::default();
        cutter.push(b"{\"a\":\"", &mut seen).unwrap();
        let result = (0..100).try_for_each(|_| cutter.push(&[b'x'; 100], &mut seen));
        assert!(matches!(result, Err(ReadError::TooLarge { .. })));
    }
}
