//! `plimsoll apply`: carries a plan out on the live cluster.

use std::collections::HashMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use act::{ActError, Cluster, Done, Ending, Options, Progress, Rehearsal, StepDone, Threshold};
use crds::{AutoRollback, OptimizationProfileSpec};
use model::{AddedNode, Migration, Plan};
use observe::prices::PriceTable;
use serde::Serialize;

use crate::args::{ActingArgs, ApplyArgs, Format, LiveArgs, NodeAddition, NodeRemoval, PrometheusArgs};
use crate::commands::simulate::headline;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::plan_file::{self, PlanFile};
use crate::render::document;
use crate::render::grid::{Column, Grid};
use crate::render::text::{clean, count};
use crate::{input, profile, talk, usage};

/// More replacements in trouble are too many, in percent, where neither flag nor profile says it.
const MOST_TROUBLED: u32 = 10;

/// Runs it.
pub fn run(args: &ApplyArgs, out: &mut Output) -> Result<Exit, Failure> {
    let file = plan_file::read(&args.plan, &[])?;
    let prices = input::price_table(&args.prices)?;
    let (policy, profile) = profile::policy_and_profile(&args.policy)?;
    let options = options_of(profile.as_ref(), args);
    if !args.dry_run {
        agree(args, &file)?;
    }
    runtime()?.block_on(async {
        let cluster = connect(&args.live, prices).await?;
        if args.dry_run {
            let rehearsal = act::rehearse(&cluster, &file.plan, &policy, &options).await.map_err(failure)?;
            return told(&rehearsal, out);
        }
        let ending =
            act::carry_out(&cluster, &file.plan, &policy, &options, &act::Open, &tell).await.map_err(failure)?;
        write(&file.plan, &ending, &options, out, args.output)?;
        Ok(if ending.is_whole() { Exit::Done } else { Exit::Failed })
    })
}

/// Nothing begins that nobody has asked for: a plan that is approved, `--yes`, or an answer.
fn agree(args: &ApplyArgs, file: &PlanFile) -> Result<(), Failure> {
    if args.yes || file.approved {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if args.plan == Path::new("-") || !stdin.is_terminal() {
        let failure = Failure::usage("nobody has agreed to this plan");
        return Err(failure.hint("give --yes, or set spec.approved in the plan"));
    }
    talk::note(headline(&file.plan.summary));
    // Where stderr is gone nobody can be asked.
    let _ = write!(std::io::stderr().lock(), "Carry it out on the live cluster? [y/N] ");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::new("nothing was done")),
    }
}

/// How this plan is carried out: as the flags say, where they are silent as the profile does.
fn options_of(profile: Option<&OptimizationProfileSpec>, args: &ApplyArgs) -> Options {
    let mut options = options(&args.acting, &args.prometheus);
    let Some(profile) = profile else { return options };
    if args.acting.most_troubled.is_none() {
        options.most_troubled_percent = match profile.rollback() {
            AutoRollback::Never => None,
            AutoRollback::Above { percent } => Some(percent),
        };
    }
    let query = profile.rollback_query().filter(|_| options.threshold.is_none());
    options.threshold = query.map(|query| threshold(query.to_owned(), &args.prometheus)).or(options.threshold);
    options
}

/// How plans are carried out.
pub fn options(args: &ActingArgs, prometheus: &PrometheusArgs) -> Options {
    Options {
        threshold: args.rollback_query.clone().map(|query| threshold(query, prometheus)),
        most_troubled_percent: Some(args.most_troubled.unwrap_or(MOST_TROUBLED)).filter(|percent| *percent < 100),
        removal: match args.remove_nodes {
            NodeRemoval::None => act::NodeRemoval::None,
            NodeRemoval::Node => act::NodeRemoval::Node,
            NodeRemoval::Karpenter => act::NodeRemoval::Karpenter,
        },
        addition: match args.add_nodes {
            NodeAddition::None => act::NodeAddition::None,
            NodeAddition::Wait => act::NodeAddition::Wait,
            NodeAddition::Karpenter => act::NodeAddition::Karpenter,
        },
        added_within: args.added_within,
        ready_within: args.ready_within,
        refused_for: args.refused_for,
    }
}

fn threshold(query: String, prometheus: &PrometheusArgs) -> Threshold {
    Threshold { query, prometheus: prometheus.prometheus.as_deref().map(|url| usage::prometheus(url, prometheus)) }
}

/// A runtime for a command that acts.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// The live cluster, to act on.
pub async fn connect(live: &LiveArgs, prices: PriceTable) -> Result<Cluster, Failure> {
    Cluster::connect(input::live_options(live), prices).await.map_err(failure)
}

/// What to do about it.
pub fn failure(error: ActError) -> Failure {
    match error {
        ActError::Read(error) => input::live_failure(error),
        error @ ActError::CannotJudge { .. } => {
            Failure::cannot_judge(error).hint("plimsoll doctor says what is missing")
        }
        error @ ActError::NotLegal { .. } => {
            Failure::from(error).hint("the cluster has moved on: make a plan anew with plimsoll simulate --save")
        }
        ActError::Busy { ref plan, .. } => {
            let hint = format!("wait until it is done, or take it back with: plimsoll rollback {plan}");
            Failure::from(error).hint(hint)
        }
        error @ ActError::BuysNodes { .. } => {
            Failure::from(error).hint("give --add-nodes, or plan with the nodes that are there: without --capacity any")
        }
        error @ (ActError::Crossed { .. } | ActError::CrossedUnknown { .. }) => {
            Failure::from(error).hint("nothing was done; docs/apply.md says when a rollback query is crossed")
        }
        error => Failure::from(error),
    }
}

/// A line an act, before it is done.
fn tell(progress: Progress<'_>) {
    match progress {
        Progress::AddingNodes(nodes) => {
            for AddedNode { instance_type, zone, capacity_type, node, .. } in nodes {
                let pool = node.node_pool().map_or_else(String::new, |pool| format!(", of pool {pool}"));
                talk::note(format!("awaits node {}: {instance_type} in {zone}, {capacity_type}{pool}", node.name));
            }
        }
        Progress::NodeAdded { planned, node } => talk::note(format!("node {node} stands for {planned}")),
        Progress::MarksLeft(problem) => talk::note(format!("warning: marks on nodes added are left: {problem}")),
        Progress::Cordoning(nodes) => talk::note(format!("cordon {}", nodes.join(", "))),
        Progress::WithoutHints(problem) => {
            talk::note(format!("note: replacements get no hint where to go: {problem}"));
        }
        Progress::Wave { left, pods } => {
            let left = if left == 1 { "the last wave".to_owned() } else { format!("{left} waves left") };
            talk::note(format!("{left}: {} to move", count(pods, "pod")));
        }
        Progress::Evicting(step) => talk::note(format!(
            "  evict {}/{} (uid {}) from {}, meant for {}",
            step.namespace, step.pod, step.uid, step.from_node, step.to_node
        )),
        Progress::Surging(step) => talk::note(format!(
            "  roll out {} anew, so that the replacement of {} (uid {}) comes before it leaves {}",
            step.workload, step.pod, step.uid, step.from_node
        )),
        Progress::Step(StepDone { pod, done, .. }) => talk::note(format!("  {pod} {}", in_words(done))),
        Progress::Waiting { what, since } => talk::note(format!("  waiting for {what} ({} s)", since.as_secs())),
        Progress::NodeStays { node, reason } => talk::note(format!("node {node} stays, uncordoned: {reason}")),
        Progress::NodeEmptied(node) => talk::note(format!("node {node} is empty")),
        Progress::RemovingNode(node) => talk::note(format!("remove node {node}")),
        Progress::Pausing(reason) => talk::note(format!("stopping for now: {reason}")),
        Progress::RollingBack(reason) => talk::note(format!("rolling back: {reason}")),
    }
}

fn in_words(done: &Done) -> String {
    match done {
        Done::Moved { landed_on: Some(node) } => format!("runs on {node}"),
        Done::Moved { landed_on: None } => "was replaced".to_owned(),
        Done::Gone => "had gone before".to_owned(),
        Done::Skipped(reason) => format!("stays: {reason}"),
        Done::Failed(reason) => format!("went, and {reason}"),
    }
}

fn told(rehearsal: &Rehearsal, out: &mut Output) -> Result<Exit, Failure> {
    for fault in &rehearsal.faults {
        writeln!(out, "not legal: {}", clean(&fault.to_string()))?;
    }
    for (node, why) in &rehearsal.nodes_refused {
        writeln!(out, "{node} cannot be added: {}", clean(why))?;
    }
    for step in &rehearsal.refused {
        writeln!(out, "{} {}", step.pod, clean(&in_words(&step.done)))?;
    }
    let refused = rehearsal.refused.iter().filter(|step| matches!(step.done, Done::Skipped(_))).count();
    let granted = rehearsal.asked - rehearsal.refused.len();
    writeln!(
        out,
        "nothing was done: {}; of {} of the first wave the API server would evict {granted}",
        match rehearsal.faults.len() {
            0 => "the plan is legal".to_owned(),
            faults => format!("the plan has {}", count(faults, "fault")),
        },
        count(rehearsal.asked, "pod"),
    )?;
    Ok(if rehearsal.faults.is_empty() && rehearsal.nodes_refused.is_empty() && refused == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// What came of it, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'d> {
    plan: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rolled_back: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<&'d str>,
    moved: usize,
    on_target: usize,
    emptied: &'d [model::Name],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    added: Vec<Added<'d>>,
    kept: Vec<Kept<'d>>,
    steps: Vec<Step<'d>>,
}

/// A node that was added, and the plan's name for it.
#[derive(Serialize)]
struct Added<'d> {
    planned: &'d str,
    node: &'d str,
}

#[derive(Serialize)]
struct Kept<'d> {
    node: &'d str,
    reason: &'d str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Step<'d> {
    pod: &'d str,
    uid: &'d str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    landed_on: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'d str>,
}

fn step(step: &StepDone) -> Step<'_> {
    let (outcome, landed_on, reason) = match &step.done {
        Done::Moved { landed_on } => ("Moved", landed_on.as_deref(), None),
        Done::Gone => ("Gone", None, None),
        Done::Skipped(reason) => ("Skipped", None, Some(reason.as_str())),
        Done::Failed(reason) => ("Failed", None, Some(reason.as_str())),
    };
    Step { pod: &step.pod, uid: &step.uid, outcome, landed_on, reason }
}

fn write(plan: &Plan, ending: &Ending, options: &Options, out: &mut Output, format: Format) -> Result<(), Failure> {
    let moved = ending.steps.iter().filter(|step| matches!(step.done, Done::Moved { .. })).count();
    let real: HashMap<&str, &str> = ending.added.iter().map(|(planned, node)| (&**planned, &**node)).collect();
    let target = |step: &'_ Migration| {
        real.get(&*step.to_node).map_or_else(|| step.to_node.to_string(), |node| (*node).to_owned())
    };
    let targets: HashMap<&str, String> = plan.migrations.iter().map(|step| (&*step.uid, target(step))).collect();
    let is_on_target = |step: &&StepDone| matches!(&step.done, Done::Moved { landed_on: Some(node) } if targets.get(&*step.uid).is_some_and(|target| **target == **node));
    let on_target = ending.steps.iter().filter(is_on_target).count();
    let document = Document {
        plan: &plan.name,
        rolled_back: ending.rolled_back.as_deref(),
        paused: ending.paused.as_deref(),
        moved,
        on_target,
        emptied: &ending.emptied,
        added: ending.added.iter().map(|(planned, node)| Added { planned, node }).collect(),
        kept: ending.kept.iter().map(|(node, reason)| Kept { node, reason }).collect(),
        steps: ending.steps.iter().map(step).collect(),
    };
    match format {
        Format::Json => document::json(out, &document),
        Format::Yaml => document::yaml(out, &document),
        Format::Csv | Format::Markdown => grid(&document).write(out, format),
        _ => {
            let wanted = plan.nodes.remove.len();
            writeln!(out, "{moved} of {} pods moved, {on_target} of them to their targets", plan.migrations.len())?;
            for Added { planned, node } in &document.added {
                writeln!(out, "{node} was added for {planned}")?;
            }
            let what = match options.removal {
                act::NodeRemoval::None => "empty, cordoned and marked",
                act::NodeRemoval::Node => "gone",
                act::NodeRemoval::Karpenter => "handed to Karpenter",
            };
            writeln!(out, "{} of {} {what}", ending.emptied.len(), count(wanted, "node"))?;
            for Kept { node, reason } in &document.kept {
                writeln!(out, "  {node} stays: {}", clean(reason))?;
            }
            if let Some(reason) = document.rolled_back {
                writeln!(out, "rolled back: {}", clean(reason))?;
            }
            if let Some(reason) = document.paused {
                writeln!(out, "stopped: {}; run it again to go on", clean(reason))?;
            }
            Ok(())
        }
    }
}

fn grid(document: &Document<'_>) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("POD"),
        Column::words("OUTCOME"),
        Column::words("LANDED ON"),
        Column::words("REASON"),
    ]);
    for step in &document.steps {
        grid.row(vec![
            step.pod.to_owned().into(),
            step.outcome.to_owned().into(),
            step.landed_on.unwrap_or_default().to_owned().into(),
            step.reason.unwrap_or_default().to_owned().into(),
        ]);
    }
    grid
}
