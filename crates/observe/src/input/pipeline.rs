//! One thread reads and cuts, the others turn objects into the model, and the order of the input is kept.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rayon::prelude::*;
use serde_json::Value;

use super::json::Sink;
use super::{Limits, ReadError, yaml};
use crate::collect::Collected;
use crate::intern::Interner;
use crate::kinds::Kind;
use crate::object::{Keep, Outcome, TypeMeta, read_object};
use crate::source::Source;

/// A batch is sent on when it has so many bytes or objects: enough work for all threads, little memory.
const BATCH_BYTES: usize = 2 << 20;
const BATCH_OBJECTS: usize = 1_024;
/// Batches under way; the reader waits when the others cannot keep up.
const BATCHES_AHEAD: usize = 3;
/// JSON objects that are no Kubernetes objects: so many are no accident, and reading on would take hours.
const MOST_STRANGERS: u64 = 1_000_000;
/// Objects that one thread takes at a time.
const CHUNK: usize = 32;

/// An object as it was cut out.
struct Cut {
    bytes: Vec<u8>,
    /// The line that it begins on, where it is YAML.
    yaml_line: Option<u64>,
    from_list: Arc<TypeMeta>,
    source: Source,
}

#[derive(Default)]
struct Batch {
    objects: Vec<Cut>,
    bytes: usize,
    /// Kinds of which a list was seen to its end.
    lists: Vec<Kind>,
    /// A kind whose list began anew: what came of it before this batch does not count.
    forget: Option<Kind>,
}

/// Where the reading thread puts what it cuts.
pub(crate) struct Feeder {
    sender: SyncSender<Batch>,
    batch: Batch,
    input: Arc<str>,
    item: u64,
}

impl Feeder {
    /// What follows comes from this input.
    pub(crate) fn begin_input(&mut self, name: &str) {
        self.begin_input_at(name, 0);
    }

    /// What follows continues this input after so many items.
    pub(crate) fn begin_input_at(&mut self, name: &str, before: u64) {
        self.input = Arc::from(name);
        self.item = before;
    }

    /// Drops all objects of a kind that were fed so far.
    pub(crate) fn forget(&mut self, kind: Kind) -> Result<(), ReadError> {
        self.send()?;
        self.batch.forget = Some(kind);
        self.send()
    }

    fn add(&mut self, bytes: Vec<u8>, yaml_line: Option<u64>, from_list: &Arc<TypeMeta>) -> Result<(), ReadError> {
        self.item += 1;
        self.batch.bytes += bytes.len();
        let source = Source { input: self.input.clone(), item: Some(self.item) };
        self.batch.objects.push(Cut { bytes, yaml_line, from_list: from_list.clone(), source });
        if self.batch.bytes >= BATCH_BYTES || self.batch.objects.len() >= BATCH_OBJECTS {
            self.send()?;
        }
        Ok(())
    }

    /// Fails when nobody receives any more, which has failed with a better reason then.
    fn send(&mut self) -> Result<(), ReadError> {
        self.sender.send(std::mem::take(&mut self.batch)).map_err(|_| ReadError::Io {
            input: self.input.to_string(),
            offset: 0,
            source: std::io::ErrorKind::BrokenPipe.into(),
        })
    }
}

impl Sink for Feeder {
    fn object(&mut self, bytes: Vec<u8>, from_list: &Arc<TypeMeta>) -> Result<(), ReadError> {
        self.add(bytes, None, from_list)
    }

    fn yaml(&mut self, bytes: Vec<u8>, line: u64, from_list: &Arc<TypeMeta>) -> Result<(), ReadError> {
        self.add(bytes, Some(line), from_list)
    }

    fn list_end(&mut self, items: &TypeMeta) {
        self.batch.lists.extend(Kind::of(&items.api_version, &items.kind));
    }
}

/// Runs `produce` on a thread of its own and collects what it feeds.
pub(crate) fn collect(
    keep: Keep,
    limits: &Limits,
    produce: impl FnOnce(&mut Feeder) -> Result<(), ReadError> + Send,
) -> Result<Collected, ReadError> {
    let interner = Interner::default();
    let (sender, receiver) = sync_channel(BATCHES_AHEAD);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut feeder = Feeder { sender, batch: Batch::default(), input: Arc::from(""), item: 0 };
            produce(&mut feeder)?;
            feeder.send()
        });
        let collected = receive(receiver, &Parsing { keep, limits, interner: &interner });
        let produced = match reader.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let collected = collected?;
        produced.map(|()| collected)
    })
}

/// What all threads share.
struct Parsing<'a> {
    keep: Keep,
    limits: &'a Limits,
    interner: &'a Interner,
}

fn receive(receiver: Receiver<Batch>, parsing: &Parsing<'_>) -> Result<Collected, ReadError> {
    let mut collected = Collected::default();
    for batch in receiver {
        if let Some(kind) = batch.forget {
            collected.forget(kind);
        }
        let read_chunk = |chunk: &[Cut]| -> Vec<Result<Vec<Outcome>, ReadError>> {
            let mut guess = None;
            chunk.iter().map(|cut| read_cut(cut, &mut guess, parsing)).collect()
        };
        let outcomes: Vec<_> = batch.objects.par_chunks(CHUNK).map(read_chunk).collect();
        for (cut, outcomes) in batch.objects.iter().zip(outcomes.into_iter().flatten()) {
            for outcome in outcomes? {
                collected.absorb(&cut.source, outcome);
            }
        }
        for kind in batch.lists {
            collected.absorb_list(kind);
        }
        if collected.not_kubernetes > MOST_STRANGERS
            && let Some(cut) = batch.objects.last()
        {
            let problem = format!("more than {MOST_STRANGERS} of its objects say neither apiVersion nor kind");
            return Err(ReadError::TooLarge { input: cut.source.input.to_string(), problem });
        }
    }
    Ok(collected)
}

/// One outcome for JSON; as many as there are objects in it for YAML.
fn read_cut(cut: &Cut, guess: &mut Option<Kind>, parsing: &Parsing<'_>) -> Result<Vec<Outcome>, ReadError> {
    let Parsing { keep, limits, interner } = *parsing;
    let Some(line) = cut.yaml_line else {
        return Ok(vec![read_object(&cut.bytes, &cut.from_list, guess, keep, interner)]);
    };
    let syntax = |problem: String| {
        let item = cut.source.item.unwrap_or_default();
        let problem = format!("item {item}, which begins on line {line}: {problem}");
        ReadError::Syntax { input: cut.source.input.to_string(), problem }
    };
    let value = yaml::parse(&cut.bytes, limits).map_err(syntax)?;
    if !matches!(value, Value::Null | Value::Object(_) | Value::Array(_)) {
        return Err(syntax("it is text, not an object".to_owned()));
    }
    let mut objects = Vec::new();
    flatten(value, &cut.from_list, &mut objects);
    let read = |(value, from_list): (Value, Arc<TypeMeta>)| {
        read_object(value.to_string().as_bytes(), &from_list, guess, keep, interner)
    };
    Ok(objects.into_iter().map(read).collect())
}

/// Takes lists and arrays apart.
fn flatten(value: Value, from_list: &Arc<TypeMeta>, objects: &mut Vec<(Value, Arc<TypeMeta>)>) {
    match value {
        Value::Array(items) => items.into_iter().for_each(|item| flatten(item, from_list, objects)),
        Value::Object(mut map) => match map.get_mut("items") {
            Some(Value::Array(items)) => {
                let items = std::mem::take(items);
                let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let list = TypeMeta { api_version: text("apiVersion"), kind: text("kind") };
                let from_list = Arc::new(list.of_items());
                items.into_iter().for_each(|item| flatten(item, &from_list, objects));
            }
            _ => objects.push((Value::Object(map), from_list.clone())),
        },
        _ => {}
    }
}
