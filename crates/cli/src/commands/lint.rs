//! `plimsoll lint`: what is wrong with resources before anything is asked of a cluster.

use std::io::Write;

use crds::Violation;
use serde::Serialize;
use serde_json::Value;

use crate::args::{Format, LintArgs};
use crate::failure::{Exit, Failure};
use crate::manifests;
use crate::output::Output;
use crate::render::document;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::text::{clean, count};
use crate::talk;

/// One thing that is wrong, and where.
#[derive(Serialize)]
struct Fault {
    file: String,
    /// Counted from 1; null where the file as a whole is at fault.
    document: Option<usize>,
    /// KIND/NAME, as far as it says.
    object: Option<String>,
    field: Option<String>,
    value: Option<String>,
    message: String,
}

/// Runs it.
pub fn run(args: &LintArgs, out: &mut Output) -> Result<Exit, Failure> {
    let files = manifests::all(&args.files)?;
    let (mut objects, mut faults) = (0, Vec::new());
    for (file, documents) in &files {
        match documents {
            Ok(documents) => {
                objects += documents.len();
                for (at, object) in documents.iter().enumerate() {
                    let of_object = |violation| Fault::of_object(file, at + 1, object, violation);
                    faults.extend(crds::lint(object).into_iter().map(of_object));
                }
            }
            Err(error) => faults.push(Fault::of_file(file, error.to_string())),
        }
    }
    match args.output {
        Format::Json => document::json(out, &faults)?,
        Format::Yaml => document::yaml(out, &faults)?,
        Format::Csv | Format::Markdown => grid(&faults).write(out, args.output)?,
        _ => {
            for fault in &faults {
                writeln!(out, "{}", clean(&fault.words()))?;
            }
            let looked_at = format!("{} in {}", count(objects, "resource"), count(files.len(), "file"));
            match faults.len() {
                0 => writeln!(out, "no faults: {looked_at}")?,
                number => writeln!(out, "{}: {looked_at}", count(number, "fault"))?,
            }
        }
    }
    if faults.is_empty() {
        return Ok(Exit::Done);
    }
    talk::note(
        "hint: docs/resources.md has every field with what is valid; so has kubectl explain, once plimsoll crds is applied",
    );
    Ok(Exit::Failed)
}

impl Fault {
    fn of_object(file: &str, document: usize, object: &Value, violation: Violation) -> Fault {
        let Violation { field, value, message } = violation;
        let field = Some(field).filter(|field| !field.is_empty());
        Fault { file: file.to_owned(), document: Some(document), object: named(object), field, value, message }
    }

    fn of_file(file: &str, message: String) -> Fault {
        Fault { file: file.to_owned(), document: None, object: None, field: None, value: None, message }
    }

    /// `FILE:2 OptimizationConfig/default: spec.mode: "x": must be …`
    fn words(&self) -> String {
        let document = self.document.map(|document| format!(":{document}")).unwrap_or_default();
        let object = self.object.as_ref().map(|object| format!(" {object}")).unwrap_or_default();
        let wrong = [self.field.as_deref(), self.value.as_deref(), Some(self.message.as_str())];
        format!("{}{document}{object}: {}", self.file, wrong.into_iter().flatten().collect::<Vec<_>>().join(": "))
    }
}

/// KIND/NAME, as far as the object says.
pub fn named(object: &Value) -> Option<String> {
    let kind = object["kind"].as_str()?;
    Some(object["metadata"]["name"].as_str().map_or(kind.to_owned(), |name| format!("{kind}/{name}")))
}

fn grid(faults: &[Fault]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("FILE"),
        Column::numbers("DOCUMENT"),
        Column::words("OBJECT"),
        Column::words("FIELD"),
        Column::words("VALUE"),
        Column::words("MESSAGE"),
    ]);
    for fault in faults {
        grid.row(vec![
            fault.file.clone().into(),
            Cell::or_none(fault.document.map(|document| document.to_string())),
            Cell::or_none(fault.object.clone()),
            Cell::or_none(fault.field.clone()),
            Cell::or_none(fault.value.clone()),
            fault.message.clone().into(),
        ]);
    }
    grid
}
