//! `plimsoll explain node`: what it costs, what runs on it, what pins it, and what would free it.

use std::io::Write;

use engine::evictable::{Evictable, node_blocker};
use model::{Finding, Policy, Prices, Resources, Snapshot, Subject};
use serde::Serialize;

use super::find_node;
use crate::args::{ExplainNodeArgs, Format};
use crate::commands::analyze::PriceDocument;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::document::{json, yaml};
use crate::render::grid::{Cell, Column, Grid};
use crate::render::text::{clean, count};
use crate::render::{amount, money};
use crate::talk;

/// Runs it.
pub fn run(mut args: ExplainNodeArgs, out: &mut Output) -> Result<Exit, Failure> {
    let given = args.node.take().map(std::path::PathBuf::from);
    let given: std::path::PathBuf = input::positional(given, &mut args.input, "NODE")?;
    let snapshot = input::snapshot(&args.input)?;
    let prices = input::prices(&snapshot, &args.prices)?;
    let node = find_node(&snapshot, &given.to_string_lossy())?;
    let policy = crate::profile::policy(&args.policy)?;
    let explained = talk::while_doing("planning", || explain(&snapshot, &prices, &policy, node));
    match args.output {
        Format::Json => json(out, &explained)?,
        Format::Yaml => yaml(out, &explained)?,
        format => explained.write(out, format)?,
    }
    Ok(Exit::Done)
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    node: String,
    instance_type: Option<String>,
    capacity_type: String,
    zone: Option<String>,
    usd_per_hour: Option<f64>,
    price: PriceDocument,
    /// What the node itself has against being removed.
    node_blocker: Option<String>,
    pods: Vec<PodOnNode>,
    /// Does the plan remove it?
    is_removed: bool,
    /// Why the plan keeps it.
    kept_because: Option<String>,
    /// What would free it.
    remedies: Vec<String>,
    #[serde(skip)]
    price_words: String,
    #[serde(skip)]
    room: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PodOnNode {
    pod: String,
    workload: Option<String>,
    cpu_millicores: i64,
    memory_bytes: i64,
    /// `stays`, `may move` or `goes with the node`.
    what: &'static str,
    reason: Option<String>,
}

fn explain(snapshot: &Snapshot, prices: &Prices, policy: &Policy, at: usize) -> Explained {
    let node = &snapshot.nodes[at];
    let evictable = Evictable::new(snapshot, policy);
    let mut pods = Vec::new();
    let mut remedies: Vec<String> = Vec::new();
    let mut held = Resources::default();
    for (number, pod) in snapshot.pods.iter().enumerate() {
        if pod.node.as_ref() != Some(&node.name) || pod.is_finished() {
            continue;
        }
        held.add(&pod.held);
        let (what, reason) = if pod.is_daemon() || pod.is_static() {
            ("goes with the node", None)
        } else {
            match evictable.blocker(number) {
                None => ("may move", None),
                Some(blocker) => {
                    remedies.extend(blocker.remedy.map(|remedy| format!("{}: {remedy}", pod.key())));
                    ("stays", Some(blocker.reason))
                }
            }
        };
        pods.push(PodOnNode {
            pod: pod.key(),
            workload: snapshot.workload_of(pod).map(|workload| workload.reference.to_string()),
            cpu_millicores: pod.held.cpu,
            memory_bytes: pod.held.memory,
            what,
            reason,
        });
    }
    let blocker = node_blocker(snapshot, prices, policy, at);
    if let Some(remedy) = blocker.as_ref().and_then(|blocker| blocker.remedy.clone()) {
        remedies.insert(0, remedy);
    }
    let plan = engine::plan(snapshot, prices, policy, engine::default_strategy());
    let about_it = |finding: &&Finding| matches!(&finding.subject, Subject::Node(name) if *name == node.name);
    let kept = plan.findings.iter().find(about_it);
    let price = prices.nodes.get(at).cloned();
    let price = price
        .unwrap_or_else(|| Err(model::Unpriced { reason: "no price was looked up".into(), remedy: String::new() }));
    let price_words = match &price {
        Ok(price) => {
            let as_of = if price.as_of.is_empty() { String::new() } else { format!(" of {}", price.as_of) };
            let amounts =
                format!("{} an hour, {} a month", money::hour(price.usd_per_hour), money::month(price.usd_per_hour));
            format!("{amounts} ({}: {}{as_of})", price.basis, price.source)
        }
        Err(unpriced) => format!("unknown: {} → {}", unpriced.reason, unpriced.remedy),
    };
    let room = format!(
        "cpu {} of {} ({}), memory {} of {} ({}), {} of {} pods",
        amount::cpu(held.cpu),
        amount::cpu(node.allocatable.cpu),
        amount::percent(held.cpu, node.allocatable.cpu),
        amount::memory(held.memory),
        amount::memory(node.allocatable.memory),
        amount::percent(held.memory, node.allocatable.memory),
        pods.len(),
        node.allocatable.pods,
    );
    Explained {
        node: node.name.to_string(),
        instance_type: node.instance_type().map(ToString::to_string),
        capacity_type: node.capacity_type().to_string(),
        zone: node.zone().map(ToString::to_string),
        usd_per_hour: prices.of(at).map(model::UsdPerHour::dollars),
        price: (&price).into(),
        node_blocker: blocker.map(|blocker| blocker.reason),
        pods,
        is_removed: plan.nodes.remove.contains(&node.name),
        kept_because: kept.map(|finding| finding.message.clone()),
        remedies,
        price_words,
        room,
    }
}

impl Explained {
    fn write(&self, out: &mut Output, format: Format) -> Result<(), Failure> {
        let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        let what = format!("{} ({}) in {}", of(&self.instance_type), self.capacity_type, of(&self.zone));
        writeln!(out, "{}", clean(&format!("node {}: {what}", self.node)))?;
        writeln!(out, "price: {}", clean(&self.price_words))?;
        writeln!(out, "asked for: {}", clean(&self.room))?;
        let verdict = match (&self.kept_because, self.is_removed) {
            (_, true) => "the plan removes it".to_owned(),
            (Some(reason), false) => format!("the plan keeps it: {reason}"),
            (None, false) => "the plan keeps it".to_owned(),
        };
        writeln!(out, "{}", clean(&verdict))?;
        if let Some(blocker) = &self.node_blocker {
            writeln!(out, "the node itself: {}", clean(blocker))?;
        }
        let pins = self.pods.iter().filter(|pod| pod.what == "stays").count();
        writeln!(out, "pinned by {} of {}", pins, count(self.pods.len(), "pod"))?;
        if !self.remedies.is_empty() {
            writeln!(out, "\nWhat would free it:")?;
            for remedy in &self.remedies {
                writeln!(out, "- {}", clean(remedy))?;
            }
        }
        if !self.pods.is_empty() {
            writeln!(out)?;
            self.grid().write(out, format)?;
        }
        Ok(())
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&[
            Column::words("POD"),
            Column::words("WORKLOAD"),
            Column::numbers("CPU"),
            Column::numbers("MEMORY"),
            Column::words("WHAT"),
            Column::words("BECAUSE"),
        ]);
        // Those that pin it first.
        let order = |what: &str| ["stays", "may move", "goes with the node"].iter().position(|have| *have == what);
        let mut pods: Vec<&PodOnNode> = self.pods.iter().collect();
        pods.sort_by_key(|pod| order(pod.what));
        for pod in pods {
            grid.row(vec![
                pod.pod.clone().into(),
                Cell::or_none(pod.workload.clone()),
                Cell::cpu(pod.cpu_millicores),
                Cell::memory(pod.memory_bytes),
                pod.what.to_owned().into(),
                Cell::or_none(pod.reason.clone()),
            ]);
        }
        grid
    }
}
