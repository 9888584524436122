//! `plimsoll convert`: manifests of other dialects in our words, whole or not at all.

use std::io::Write;

use crds::dialects::convert;

use super::lint::named;
use crate::args::ConvertArgs;
use crate::failure::{Exit, Failure};
use crate::manifests;
use crate::output::Output;
use crate::render::text::count;
use crate::talk;

/// Runs it.
pub fn run(args: &ConvertArgs, out: &mut Output) -> Result<Exit, Failure> {
    let (mut converted, mut refused) = (Vec::new(), 0);
    for (file, documents) in manifests::all(&args.files)? {
        let documents = documents.map_err(|error| Failure::new(format!("cannot read {file}: {error}")))?;
        for (at, object) in documents.iter().enumerate() {
            let place = format!("{file}:{} {}", at + 1, named(object).unwrap_or_else(|| "an object".to_owned()));
            match convert(object, &args.namespace) {
                Ok((ours, notes)) => {
                    for note in notes {
                        talk::note(format!("note: {place}: {}: {}", note.field, note.message));
                    }
                    converted.push(ours);
                }
                Err(violations) => {
                    refused += 1;
                    for violation in violations {
                        talk::note(format!("refused: {place}: {violation}"));
                    }
                }
            }
        }
    }
    if refused > 0 {
        let refused = format!("{} not converted, so nothing is written", count(refused, "resource"));
        return Err(Failure::new(refused).hint("correct or take out what is refused, and convert again"));
    }
    for (at, object) in converted.iter().enumerate() {
        let separator = if at == 0 { "" } else { "---\n" };
        write!(out, "{separator}{}", object.to_yaml())?;
    }
    Ok(Exit::Done)
}
