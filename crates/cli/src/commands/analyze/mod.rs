//! `plimsoll analyze`: what the cluster costs and wastes, and what blocks savings, by dollars.

mod breakdown;
mod document;
mod summary;

use std::io::Write;

use engine::analyze::{Analysis, analyze, rank_by_dollars};
use engine::evictable::Evictable;
use model::{Finding, Policy, Prices, Snapshot, Subject};

use crate::args::{AnalyzeArgs, Breakdown, Format};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::document::{json, yaml};
use crate::render::text::clean;
use crate::talk;

pub use document::Price as PriceDocument;
pub use document::findings as finding_documents;
pub use summary::write as write_summary;

/// Runs it.
pub fn run(args: &AnalyzeArgs, out: &mut Output) -> Result<Exit, Failure> {
    let snapshot = input::snapshot(&args.input)?;
    let prices = input::prices(&snapshot, &args.prices)?;
    let scope = args.scope.scope();
    // What blocks savings takes a plan to know; one table of costs does not.
    let wants_plan = args.by.is_none();
    let policy = crate::profile::policy(&args.policy)?;
    let analysis = talk::while_doing("analyzing", || analysis(&snapshot, &prices, &policy, wants_plan));
    let shown = breakdown::Shown::of(&snapshot, &analysis, &scope);
    match (args.output, args.by) {
        (Format::Json, by) => json(out, &document::Document::of(&snapshot, &prices, &analysis, &shown, by))?,
        (Format::Yaml, by) => yaml(out, &document::Document::of(&snapshot, &prices, &analysis, &shown, by))?,
        (Format::Name, by) => names(out, &shown, by.unwrap_or(Breakdown::Node))?,
        (Format::Csv, by) => breakdown::grid(&shown, by.unwrap_or(Breakdown::Node)).write(out, args.output)?,
        (format, Some(by)) => breakdown::grid(&shown, by).write(out, format)?,
        (format, None) => summary::write(out, &snapshot, &prices, &analysis, &shown, format)?,
    }
    Ok(Exit::Done)
}

/// The whole analysis; with `wants_plan` also what keeps a plan from saving more.
pub fn analysis(snapshot: &Snapshot, prices: &Prices, policy: &Policy, wants_plan: bool) -> Analysis {
    let evictable = Evictable::new(snapshot, policy);
    let pods_on = pods_by_node(snapshot);
    let pins = |node: usize| pins(snapshot, &evictable, &pods_on[node]);
    let mut analysis = analyze(snapshot, prices, &pins);
    if wants_plan {
        let plan = engine::plan(snapshot, prices, policy, engine::default_strategy());
        analysis.savings_blocked_by =
            plan.findings.into_iter().filter(|finding| finding.usd_per_hour.is_some()).collect();
        rank_by_dollars(&mut analysis.savings_blocked_by);
    }
    analysis
}

/// Everything that is meant, for the summary of a whole cluster.
pub fn shown_whole<'a>(snapshot: &'a Snapshot, analysis: &'a Analysis) -> breakdown::Shown<'a> {
    breakdown::Shown::of(snapshot, analysis, &crate::scope::Scope::default())
}

fn pods_by_node(snapshot: &Snapshot) -> Vec<Vec<usize>> {
    let mut pods_on = vec![Vec::new(); snapshot.nodes.len()];
    for (at, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished()) {
        let node = pod.node.as_ref().and_then(|name| snapshot.nodes.binary_search_by(|node| node.name.cmp(name)).ok());
        if let Some(node) = node {
            pods_on[node].push(at);
        }
    }
    pods_on
}

/// The pods that may not be evicted; those that go with their node do not pin it.
fn pins(snapshot: &Snapshot, evictable: &Evictable<'_>, pods: &[usize]) -> Vec<Finding> {
    let mut pins = Vec::new();
    for at in pods {
        let pod = &snapshot.pods[*at];
        if pod.is_daemon() || pod.is_static() {
            continue;
        }
        if let Some(blocker) = evictable.blocker(*at) {
            let subject = Subject::Pod { namespace: pod.namespace.clone(), name: pod.name.clone() };
            pins.push(Finding { hint: blocker.remedy, ..Finding::new(blocker.code, subject, blocker.reason) });
        }
    }
    pins
}

fn names(out: &mut Output, shown: &breakdown::Shown<'_>, by: Breakdown) -> Result<(), Failure> {
    let names: Vec<String> = match by {
        Breakdown::Node => shown.nodes.iter().map(|node| format!("node/{}", node.name)).collect(),
        Breakdown::Namespace => {
            shown.namespaces.iter().map(|namespace| format!("namespace/{}", namespace.name)).collect()
        }
        Breakdown::Workload => {
            let name = |workload: &&engine::analyze::WorkloadAnalysis| {
                let reference = &workload.reference;
                format!("{}/{}/{}", reference.kind.to_lowercase(), reference.namespace, reference.name)
            };
            shown.workloads.iter().map(name).collect()
        }
    };
    for name in names {
        writeln!(out, "{}", clean(&name))?;
    }
    Ok(())
}
