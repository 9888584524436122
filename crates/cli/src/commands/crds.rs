//! `plimsoll crds`: the definitions of our kinds, for `kubectl apply -f -`.

use std::io::Write;

use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Writes them, and nothing else.
pub fn run(out: &mut Output) -> Result<Exit, Failure> {
    for definition in crds::definitions() {
        write!(out, "---\n{}", crds::to_yaml(definition))?;
    }
    Ok(Exit::Done)
}
