//! From arguments to ready objects: the snapshot and its prices.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{Finding, FindingCode, Prices, Severity, Snapshot, Time};
use observe::prices::{PriceTable, offers, price_nodes};
use observe::{LiveError, LiveOptions, ReadError, ReadOptions, Recording};

use crate::args::{Capacity, InputArgs, LiveArgs, PriceArgs};
use crate::failure::Failure;
use crate::talk;

/// The kinds that make a dump worth most, as kubectl names them.
const DUMP_KINDS: &str = "nodes,pods,namespaces,poddisruptionbudgets,replicasets,deployments,statefulsets,daemonsets,jobs,\
    persistentvolumes,persistentvolumeclaims,storageclasses,csinodes,csidrivers,volumeattachments";

/// The command whose output is a whole dump.
pub fn dump_command() -> String {
    format!("kubectl get {DUMP_KINDS} -A -o json > dump.json")
}

/// Reads the snapshot.
pub fn snapshot(input: &InputArgs) -> Result<Snapshot, Failure> {
    if input.from.is_empty() {
        let options = live_options(&input.live);
        let snapshot = talk::while_reading(options, observe::read_live_blocking).map_err(live_failure)?;
        tell_of_broken_objects(&snapshot);
        return Ok(snapshot);
    }
    let read = || observe::read_paths(&input.from, &ReadOptions::default());
    let snapshot = talk::while_doing("reading the dump", read).map_err(read_failure)?;
    tell_of_broken_objects(&snapshot);
    Ok(snapshot)
}

/// Reads the snapshot with all that is needed to save it.
pub fn recording(input: &InputArgs) -> Result<Recording, Failure> {
    if input.from.is_empty() {
        let options = live_options(&input.live);
        let recording = talk::while_reading(options, observe::record_live_blocking).map_err(live_failure)?;
        tell_of_broken_objects(&recording.snapshot);
        return Ok(recording);
    }
    let read = || observe::record_paths(&input.from, &ReadOptions::default());
    let recording = talk::while_doing("reading the dump", read).map_err(read_failure)?;
    tell_of_broken_objects(&recording.snapshot);
    Ok(recording)
}

/// Reads the prices known: the built-in lists and the user's file before them.
pub fn price_table(args: &PriceArgs) -> Result<PriceTable, Failure> {
    match &args.prices {
        Some(file) => with_prices(PriceTable::list(), file),
        None => Ok(PriceTable::list()),
    }
}

/// The table with the rows of this file in place of any other file's.
pub fn with_prices(table: PriceTable, file: &Path) -> Result<PriceTable, Failure> {
    let (table, findings) = table.with_file(file)?;
    tell("more price rows with problems", &findings);
    Ok(table)
}

/// Prices the snapshot's nodes.
pub fn prices(snapshot: &Snapshot, args: &PriceArgs) -> Result<Prices, Failure> {
    Ok(price_nodes(&snapshot.nodes, &price_table(args)?))
}

/// Prices the snapshot's nodes, and what its node pools could buy where that may be bought.
pub fn priced(snapshot: &Snapshot, table: &PriceTable, capacity: Capacity) -> Prices {
    let mut prices = price_nodes(&snapshot.nodes, table);
    if capacity == Capacity::Any {
        prices.offers = offers(snapshot, table);
    }
    prices
}

/// A positional argument that the list of `--from` has swallowed: `verify --from dump.json plan.yaml`.
pub fn positional<T: From<PathBuf>>(given: Option<T>, input: &mut InputArgs, name: &str) -> Result<T, Failure> {
    match given {
        Some(given) => Ok(given),
        None if input.from.len() > 1 => {
            let swallowed = input.from.pop().map(T::from);
            swallowed.ok_or_else(|| Failure::usage(format!("{name} is missing")))
        }
        None => Err(Failure::usage(format!("{name} is missing")).hint("see --help")),
    }
}

/// This moment.
pub fn now() -> Time {
    // A clock before 1970 is a broken one.
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Time(i64::try_from(seconds).unwrap_or(0))
}

/// `--request-timeout 0` waits for ever, which is this long.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How the live cluster is reached.
pub fn live_options(live: &LiveArgs) -> LiveOptions {
    let mut options = LiveOptions::new(now());
    options.context = live.context.clone();
    options.kubeconfig = live.kubeconfig.clone();
    if let Some(timeout) = live.request_timeout {
        options.request_timeout = if timeout.is_zero() { FOR_EVER } else { timeout };
    }
    options
}

/// What to do where it cannot be.
pub fn live_failure(error: LiveError) -> Failure {
    let hint = match (&error, error.hint()) {
        (LiveError::Config { .. }, Some(hint)) => Some(format!("{hint}; a dump is read with --from FILE")),
        (_, hint) => hint.map(str::to_owned),
    };
    match hint {
        Some(hint) => Failure::from(error).hint(hint),
        None => Failure::from(error),
    }
}

fn read_failure(error: ReadError) -> Failure {
    let hint = match &error {
        ReadError::Open { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Some("check the path; without --from the live cluster is read".to_owned())
        }
        ReadError::Empty { .. }
        | ReadError::NothingUsable { .. }
        | ReadError::Truncated { .. }
        | ReadError::TooLarge { .. } => Some(format!("a dump is made by: {}", dump_command())),
        _ => None,
    };
    match hint {
        Some(hint) => Failure::from(error).hint(hint),
        None => Failure::from(error),
    }
}

/// What could not be read is said at once: every figure that follows is without it.
fn tell_of_broken_objects(snapshot: &Snapshot) {
    let is_broken =
        |finding: &&Finding| matches!(finding.code, FindingCode::UnreadableObject | FindingCode::DuplicateObject);
    let broken: Vec<Finding> = snapshot.findings.iter().filter(is_broken).cloned().collect();
    tell("more objects with problems", &broken);
    let mut missing: Vec<Finding> =
        snapshot.findings.iter().filter(|finding| finding.code == FindingCode::MissingRight).cloned().collect();
    // Those whose message says what is weaker without them come first, budgets before all.
    missing.sort_by_key(|finding| {
        let is_budget = finding.message.contains("poddisruptionbudgets");
        (!is_budget, !finding.message.contains(": "))
    });
    tell("more rights missing", &missing);
    let absent: Vec<Finding> =
        snapshot.findings.iter().filter(|finding| finding.code == FindingCode::MissingKind).cloned().collect();
    tell("more kinds missing", &absent);
}

/// A plan moves pods between nodes: without a whole list of either it would be made of air.
pub fn nodes_and_pods_are_there(snapshot: &Snapshot) -> Result<(), Failure> {
    match ["Node", "Pod"].into_iter().find(|kind| !snapshot.has(kind)) {
        None => Ok(()),
        Some(kind) => {
            let failure = Failure::cannot_judge(format!("cannot plan: there is no complete list of {kind}s"));
            Err(failure.hint(format!("a dump is made by: {}", dump_command())))
        }
    }
}

/// Says the first few on stderr, and how many there are beyond: `3 more rights missing`.
fn tell(beyond: &str, findings: &[Finding]) {
    const TOLD: usize = 3;
    let serious: Vec<&Finding> = findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    for finding in serious.iter().take(TOLD) {
        let subject = crate::render::findings::subject(&finding.subject);
        let alike = if finding.count > 1 { format!(" ({} alike)", finding.count) } else { String::new() };
        talk::note(format!("warning: {subject}: {}{alike}", finding.message));
    }
    if serious.len() > TOLD {
        talk::note(format!("warning: {} {beyond}; plimsoll doctor lists them", serious.len() - TOLD));
    }
}
