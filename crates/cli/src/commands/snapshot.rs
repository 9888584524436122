//! `plimsoll snapshot`: saves what is seen of the cluster, to be read again with `--from`.

use observe::{anonymize, save_snapshot};

use crate::args::SnapshotArgs;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::text::count;
use crate::talk;

/// Runs it. There is no data for stdout: it is in the file.
pub fn run(args: &SnapshotArgs, _out: &mut Output) -> Result<Exit, Failure> {
    let recording = input::recording(&args.input)?;
    let recording =
        if args.anonymize { talk::while_doing("replacing names", || anonymize(&recording))? } else { recording };
    let file = args.save.display().to_string();
    save_snapshot(&recording, &args.save)?;
    let snapshot = &recording.snapshot;
    let size = format!("{} and {}", count(snapshot.nodes.len(), "node"), count(snapshot.pods.len(), "pod"));
    talk::note(format!("saved {size} to {file}; read it with: plimsoll analyze --from {file}"));
    Ok(Exit::Done)
}
