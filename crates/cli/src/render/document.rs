//! Documents for programs: JSON and YAML.

use std::io::Write;

use serde::Serialize;

use crate::failure::Failure;

/// As indented JSON with a line end.
pub fn json(out: &mut impl Write, document: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)?;
    Ok(())
}

/// As YAML.
pub fn yaml(out: &mut impl Write, document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_saphyr::to_string(document)?;
    out.write_all(text.as_bytes())?;
    Ok(())
}
