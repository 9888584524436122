//! `plimsoll explain pod`: where it runs, whether it may be evicted, and what refuses it on every other node.

use std::collections::BTreeMap;
use std::io::Write;

use check::{Rejection, State};
use engine::evictable::Evictable;
use model::{Policy, Snapshot};
use serde::Serialize;

use super::every_rule::every_rejection;
use super::{find_node, near, not_found};
use crate::args::{ExplainPodArgs, Format};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::document::{json, yaml};
use crate::render::grid::{Column, Grid};
use crate::render::text::{clean, count};

/// So many names of nodes of one reason are shown.
const NODES_SHOWN: usize = 3;

/// Runs it.
pub fn run(mut args: ExplainPodArgs, out: &mut Output) -> Result<Exit, Failure> {
    let given = args.pod.take().map(std::path::PathBuf::from);
    let given: std::path::PathBuf = input::positional(given, &mut args.input, "POD")?;
    let given = given.to_string_lossy();
    let (namespace, name) = names(&given, args.namespace.as_deref())?;
    let snapshot = input::snapshot(&args.input)?;
    let pod = find_pod(&snapshot, namespace, name)?;
    let only = args.node.as_deref().map(|node| find_node(&snapshot, node)).transpose()?;
    let explained = explain(&snapshot, &crate::profile::policy(&args.policy)?, pod, only);
    match args.output {
        Format::Json => json(out, &explained)?,
        Format::Yaml => yaml(out, &explained)?,
        format => explained.write(out, format, only.is_some())?,
    }
    Ok(Exit::Done)
}

fn names<'a>(given: &'a str, namespace: Option<&'a str>) -> Result<(&'a str, &'a str), Failure> {
    match (given.split_once('/'), namespace) {
        (Some((of_name, name)), None) => Ok((of_name, name)),
        (Some((of_name, name)), Some(flag)) if of_name == flag => Ok((flag, name)),
        (Some((of_name, _)), Some(flag)) => Err(Failure::usage(format!("{given} is in {of_name}, but -n says {flag}"))),
        (None, Some(flag)) => Ok((flag, given)),
        (None, None) => Ok(("default", given)),
    }
}

fn find_pod(snapshot: &Snapshot, namespace: &str, name: &str) -> Result<usize, Failure> {
    let key = (namespace, name);
    snapshot.pods.binary_search_by(|pod| (&*pod.namespace, &*pod.name).cmp(&key)).map_err(|_| {
        let elsewhere = snapshot.pods.iter().find(|pod| &*pod.name == name).map(model::Pod::key);
        let in_namespace = snapshot.pods.iter().filter(|pod| &*pod.namespace == namespace);
        let like = near(name, in_namespace.map(|pod| &*pod.name)).map(|like| format!("{namespace}/{like}"));
        not_found(format!("there is no pod {namespace}/{name}"), elsewhere.or(like).as_deref())
    })
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    pod: String,
    workload: Option<String>,
    /// Where it runs; null while pending.
    node: Option<String>,
    phase: String,
    evictable: bool,
    /// Why it may not be evicted.
    blocker: Option<Blocker>,
    budgets: Vec<String>,
    /// Nodes that would take it, were it pending.
    fits: Vec<String>,
    /// What refuses it elsewhere.
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Blocker {
    code: String,
    reason: String,
    remedy: Option<String>,
}

/// Nodes that refuse it for one reason.
#[derive(Serialize)]
struct Refused {
    rule: String,
    detail: String,
    nodes: Vec<String>,
}

fn explain(snapshot: &Snapshot, policy: &Policy, at: usize, only: Option<usize>) -> Explained {
    let pod = &snapshot.pods[at];
    let evictable = Evictable::new(snapshot, policy);
    let blocker = if pod.is_finished() {
        Some(Blocker { code: "Finished".to_owned(), reason: "it has finished".to_owned(), remedy: None })
    } else if pod.node.is_none() {
        Some(Blocker {
            code: "Pending".to_owned(),
            reason: "it is pending: there is nothing to evict".to_owned(),
            remedy: None,
        })
    } else {
        let blocker = evictable.blocker(at);
        blocker.map(|blocker| Blocker { code: blocker.code.as_str(), reason: blocker.reason, remedy: blocker.remedy })
    };
    let (fits, refused) = match only {
        Some(node) => one_node(snapshot, at, node),
        None => all_nodes(snapshot, at),
    };
    Explained {
        pod: pod.key(),
        workload: snapshot.workload_of(pod).map(|workload| workload.reference.to_string()),
        node: pod.node.as_ref().map(ToString::to_string),
        phase: format!("{:?}", pod.phase),
        evictable: blocker.is_none(),
        blocker,
        budgets: snapshot.budgets.iter().filter(|budget| budget.covers(pod)).map(budget_in_words).collect(),
        fits,
        refused,
    }
}

/// Nodes that fit, and those that refuse by their first reason.
fn all_nodes(snapshot: &Snapshot, pod: usize) -> (Vec<String>, Vec<Refused>) {
    let mut state = State::new(snapshot);
    let mut fits = Vec::new();
    let mut refused: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (at, node) in snapshot.nodes.iter().enumerate() {
        match state.rejects(pod, at) {
            None => fits.push(node.name.to_string()),
            Some(Rejection { rule, detail }) => {
                refused.entry((rule.to_string(), detail)).or_default().push(node.name.to_string());
            }
        }
    }
    let mut refused: Vec<Refused> =
        refused.into_iter().map(|((rule, detail), nodes)| Refused { rule, detail, nodes }).collect();
    refused.sort_by_key(|refused| std::cmp::Reverse(refused.nodes.len()));
    (fits, refused)
}

/// One node with every reason it has.
fn one_node(snapshot: &Snapshot, pod: usize, node: usize) -> (Vec<String>, Vec<Refused>) {
    let name = || vec![snapshot.nodes[node].name.to_string()];
    let all = every_rejection(snapshot, pod, node);
    if all.is_empty() {
        return (name(), Vec::new());
    }
    let refused = |Rejection { rule, detail }| Refused { rule: rule.to_string(), detail, nodes: name() };
    (Vec::new(), all.into_iter().map(refused).collect())
}

fn budget_in_words(budget: &model::PodDisruptionBudget) -> String {
    let limit = if budget.limit.is_empty() { String::new() } else { format!("{}, ", budget.limit) };
    format!("{} ({limit}{} disruptions allowed now)", budget.key(), budget.disruptions_allowed)
}

impl Explained {
    fn write(&self, out: &mut Output, format: Format, is_pair: bool) -> Result<(), Failure> {
        let of = self.workload.as_ref().map(|workload| format!(", of {workload}")).unwrap_or_default();
        let place = match &self.node {
            Some(node) => format!("on node {node}"),
            None => "on no node".to_owned(),
        };
        writeln!(out, "{}", clean(&format!("pod {}{of}: {}, {place}", self.pod, self.phase)))?;
        match &self.blocker {
            None => writeln!(out, "may be evicted: yes")?,
            Some(blocker) => {
                let reason = format!("may be evicted: no, {} ({})", blocker.reason, blocker.code);
                writeln!(out, "{}", clean(&reason))?;
                if let Some(remedy) = &blocker.remedy {
                    writeln!(out, "  remedy: {}", clean(remedy))?;
                }
            }
        }
        for budget in &self.budgets {
            writeln!(out, "budget: {}", clean(budget))?;
        }
        if is_pair {
            return self.write_pair(out);
        }
        let all = self.fits.len() + self.refused.iter().map(|refused| refused.nodes.len()).sum::<usize>();
        let home = self.node.as_ref().filter(|node| self.fits.contains(node)).map_or("", |_| ", its own among them");
        writeln!(out, "\nwere it pending, {} of {all} nodes would take it{home}:", self.fits.len())?;
        if !self.fits.is_empty() {
            writeln!(out, "{}: fit ({})", count(self.fits.len(), "node"), clean(&some(&self.fits, format)))?;
        }
        let mut grid = Grid::new(&[
            Column::numbers("NODES"),
            Column::words("REFUSED BY"),
            Column::words("BECAUSE"),
            Column::words("SUCH AS"),
        ]);
        for Refused { rule, detail, nodes } in &self.refused {
            grid.row(vec![
                nodes.len().to_string().into(),
                rule.clone().into(),
                detail.clone().into(),
                some(nodes, format).into(),
            ]);
        }
        if grid.len() > 0 {
            writeln!(out)?;
            grid.write(out, format)?;
        }
        Ok(())
    }

    fn write_pair(&self, out: &mut Output) -> Result<(), Failure> {
        for node in &self.fits {
            writeln!(out, "{}", clean(&format!("node {node}: it fits")))?;
        }
        for Refused { rule, detail, nodes } in &self.refused {
            writeln!(out, "{}", clean(&format!("node {}: {rule} refuses: {detail}", nodes.join(", "))))?;
        }
        Ok(())
    }
}

fn some(nodes: &[String], format: Format) -> String {
    let most = if format == Format::Wide { usize::MAX } else { NODES_SHOWN };
    let shown: Vec<&str> = nodes.iter().take(most).map(String::as_str).collect();
    let more = if nodes.len() > most { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
