//! `plimsoll status`: what the operator sees, plans and does, and what that has saved.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use ::operator::{Outside, Resources};
use crds::optimization_report::Shadow;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::{Format, StatusArgs};
use crate::commands::{apply, operator};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::document;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::money;
use crate::render::text::clean;

/// Of recommendations that wait the ones that save most.
const MOST_SHOWN: usize = 10;
/// How often it is looked at anew.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Runs it.
pub fn run(args: &StatusArgs, out: &mut Output) -> Result<Exit, Failure> {
    apply::runtime()?.block_on(async {
        let outside = Outside::connect(&input::live_options(&args.live)).await.map_err(operator::failure)?;
        let mut shown = None;
        loop {
            let seen = Document::of(&outside.all().await.map_err(operator::failure)?);
            if shown.as_ref() != Some(&seen) {
                if args.watch && std::io::stdout().is_terminal() {
                    // To the upper left corner of an empty screen.
                    write!(out, "\x1b[2J\x1b[H")?;
                }
                write_out(&seen, out, args.output)?;
                out.flush()?;
                shown = Some(seen);
            }
            if !args.watch {
                return Ok(Exit::Done);
            }
            tokio::time::sleep(WATCH_EVERY).await;
        }
    })
}

/// What is shown.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    configs: Vec<Config>,
    pub plans: Vec<Plan>,
    policies: Vec<Policy>,
    recommendations: Vec<Recommendation>,
    /// What finished plans save together, in dollars a month.
    pub usd_per_month_saved: f64,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    name: String,
    mode: String,
    phase: String,
    state: Option<String>,
    nodes: Option<u64>,
    usd_per_month_to_save: Option<f64>,
    last_analysis: Option<String>,
    message: String,
    /// What other tools did, beside the plan that there was, as the report has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<Shadow>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    namespace: String,
    name: String,
    mode: String,
    workloads: Option<u64>,
    recommendations: Option<u64>,
    usd_per_month_to_save: Option<f64>,
    last_recommendation: Option<String>,
    message: String,
}

/// Other requests for a workload, and how far they have come.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Recommendation {
    namespace: String,
    name: String,
    phase: String,
    method: Option<String>,
    usd_per_month_saved: Option<f64>,
    confidence: Option<f64>,
    risk: String,
    approved_by: Option<String>,
    message: String,
}

/// A plan and how far it has come.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub name: String,
    pub phase: String,
    pub moves: u64,
    pub moved: u64,
    pub usd_per_month_saved: Option<f64>,
    pub approved_by: Option<String>,
    pub finished_at: Option<String>,
    pub message: String,
}

const FINAL: [&str; 4] = ["Completed", "Failed", "RolledBack", "Expired"];

impl Document {
    /// Of what there is.
    pub fn of(resources: &Resources) -> Document {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let name = |object: &kube::api::DynamicObject| object.metadata.name.clone().unwrap_or_default();
        let shadow_of = |config: &str| {
            let report = resources.reports.iter().find(|report| report.metadata.name.as_deref() == Some(config))?;
            Shadow::deserialize(&report.data["status"]["shadow"]).ok().filter(|shadow| !shadow.tools.is_empty())
        };
        let configs = resources.configs.iter().map(|object| {
            let (spec, status) = (&object.data["spec"], &object.data["status"]);
            Config {
                name: name(object),
                mode: text(&spec["mode"]).unwrap_or_default(),
                phase: text(&status["phase"]).unwrap_or_else(|| "Pending".to_owned()),
                state: text(&status["state"]),
                nodes: status["nodeCount"].as_u64(),
                usd_per_month_to_save: status["potentialSavings"].as_f64(),
                last_analysis: text(&status["lastAnalysis"]),
                message: message(status, &["Accepted", "Ready"]),
                shadow: shadow_of(&name(object)),
            }
        });
        let saved_by = |plan: &str| {
            let report = resources.reports.iter().find(|report| report.metadata.name.as_deref() == Some(plan))?;
            report.data["status"]["consolidation"]["usdPerMonthSaved"].as_f64()
        };
        let plans = resources.plans.iter().map(|object| {
            let (spec, status) = (&object.data["spec"], &object.data["status"]);
            let phase = text(&status["phase"]).unwrap_or_else(|| "Pending".to_owned());
            let saved = if FINAL.contains(&&*phase) {
                saved_by(&name(object))
            } else {
                spec["summary"]["usdPerMonthSaved"].as_f64()
            };
            Plan {
                name: name(object),
                moves: spec["migrations"].as_array().map_or(0, |steps| steps.len() as u64),
                moved: status["executedMigrations"].as_u64().unwrap_or(0),
                usd_per_month_saved: saved,
                approved_by: text(&status["approvedBy"]),
                finished_at: text(&status["finishedAt"]),
                message: message(status, &["Ready", "Progressing"]),
                phase,
            }
        });
        let reports = resources.reports.iter();
        let saved = reports.filter_map(|report| report.data["status"]["consolidation"]["usdPerMonthSaved"].as_f64());
        let namespace = |object: &kube::api::DynamicObject| object.metadata.namespace.clone().unwrap_or_default();
        let policies = resources.policies.iter().map(|object| {
            let (spec, status) = (&object.data["spec"], &object.data["status"]);
            Policy {
                namespace: namespace(object),
                name: name(object),
                mode: text(&spec["mode"]).unwrap_or_default(),
                workloads: status["workloadCount"].as_u64(),
                recommendations: status["recommendationCount"].as_u64(),
                usd_per_month_to_save: status["potentialSavings"].as_f64(),
                last_recommendation: text(&status["lastRecommendation"]),
                message: message(status, &["Accepted", "MetricsAvailable", "Ready"]),
            }
        });
        let recommendations = resources.recommendations.iter().map(|object| {
            let (spec, status) = (&object.data["spec"], &object.data["status"]);
            Recommendation {
                namespace: namespace(object),
                name: name(object),
                phase: text(&status["phase"]).unwrap_or_else(|| "Pending".to_owned()),
                method: text(&status["method"]),
                usd_per_month_saved: spec["estimatedSavings"].as_f64(),
                confidence: spec["confidence"].as_f64(),
                risk: text(&spec["risk"]).unwrap_or_default(),
                approved_by: text(&status["approvedBy"]),
                message: message(status, &["Applied", "Applicable"]),
            }
        });
        Document {
            configs: configs.collect(),
            plans: plans.collect(),
            policies: policies.collect(),
            recommendations: recommendations.collect(),
            usd_per_month_saved: saved.sum(),
        }
    }

    /// Has it come to its end?
    pub fn is_over(plan: &Plan) -> bool {
        FINAL.contains(&&*plan.phase)
    }
}

/// What the first of these conditions says that says anything; one that does not hold goes first.
fn message(status: &Value, kinds: &[&str]) -> String {
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |kind: &&str| conditions.iter().find(|condition| condition["type"] == **kind);
    let mut found: Vec<&Value> = kinds.iter().filter_map(of).collect();
    found.sort_by_key(|condition| condition["status"] == "True");
    let said = found.iter().filter_map(|condition| condition["message"].as_str()).find(|said| !said.is_empty());
    said.unwrap_or_default().to_owned()
}

fn write_out(seen: &Document, out: &mut Output, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => return document::json(out, seen),
        Format::Yaml => return document::yaml(out, seen),
        _ => {}
    }
    if seen.configs.is_empty() {
        writeln!(out, "no OptimizationConfig: nothing is analysed; docs/guides/first-plan.md begins with one")?;
    } else {
        configs(seen).write(out, format)?;
        shadows(seen, out)?;
    }
    let under_way: Vec<&Plan> = seen.plans.iter().filter(|plan| !Document::is_over(plan)).collect();
    if !under_way.is_empty() {
        writeln!(out)?;
        plans(&under_way).write(out, format)?;
    }
    for plan in &under_way {
        if plan.phase == "Pending" {
            writeln!(out, "\n{} waits: plimsoll approve {}", clean(&plan.name), clean(&plan.name))?;
        }
    }
    if !seen.policies.is_empty() {
        writeln!(out)?;
        policies(seen).write(out, format)?;
    }
    // What is in force needs nobody.
    let open = seen.recommendations.iter().filter(|one| one.phase != "Applied");
    let mut open: Vec<&Recommendation> = open.collect();
    open.sort_by(|a, b| b.usd_per_month_saved.unwrap_or(0.0).total_cmp(&a.usd_per_month_saved.unwrap_or(0.0)));
    if !open.is_empty() {
        writeln!(out)?;
        recommendations(&open[..open.len().min(MOST_SHOWN)]).write(out, format)?;
        if open.len() > MOST_SHOWN {
            writeln!(out, "and {} more: kubectl get optrec --all-namespaces", open.len() - MOST_SHOWN)?;
        }
    }
    if let Some(first) = open.iter().find(|one| one.phase == "Pending") {
        let (name, within) = (clean(&first.name), clean(&first.namespace));
        writeln!(out, "\n{name} waits: plimsoll approve optrec/{name} -n {within}")?;
    }
    let over = seen.plans.iter().filter(|plan| plan.phase == "Completed").count();
    writeln!(out, "\nsaved so far: {} a month by {over} plans", dollars(Some(seen.usd_per_month_saved)))?;
    Ok(())
}

fn configs(seen: &Document) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("CONFIG"),
        Column::words("MODE"),
        Column::words("PHASE"),
        Column::words("STATE"),
        Column::numbers("NODES"),
        Column::numbers("$/MONTH TO SAVE"),
        Column::words("LAST ANALYSIS").wide(),
        Column::words("MESSAGE"),
    ]);
    for config in &seen.configs {
        grid.row(vec![
            config.name.clone().into(),
            config.mode.clone().into(),
            config.phase.clone().into(),
            Cell::or_none(config.state.clone()),
            config.nodes.map_or_else(Cell::unknown, |nodes| nodes.to_string().into()),
            dollars(config.usd_per_month_to_save).into(),
            Cell::or_none(config.last_analysis.clone()),
            config.message.clone().into(),
        ]);
    }
    grid
}

/// What other tools did, beside our plan of then.
fn shadows(seen: &Document, out: &mut Output) -> Result<(), Failure> {
    for shadow in seen.configs.iter().filter_map(|config| config.shadow.as_ref()) {
        writeln!(
            out,
            "\nothers since {}, when a plan would have saved {} a month by {} moves:",
            shadow.since.0,
            dollars(Some(shadow.planned_usd_per_month_saved)),
            shadow.planned_migrations
        )?;
        for tool in &shadow.tools {
            let (removed, added, pods) = (tool.nodes_removed, tool.nodes_added, tool.pods_disrupted);
            let saved = dollars(tool.usd_per_month_saved);
            writeln!(
                out,
                "  {}: {removed} nodes away, {added} added, {pods} pods disrupted, {saved} a month saved",
                clean(&tool.tool)
            )?;
        }
    }
    Ok(())
}

fn policies(seen: &Document) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("POLICY"),
        Column::words("MODE"),
        Column::numbers("WORKLOADS"),
        Column::numbers("TO CHANGE"),
        Column::numbers("$/MONTH TO SAVE"),
        Column::words("LAST LOOK").wide(),
        Column::words("MESSAGE"),
    ]);
    for policy in &seen.policies {
        let number = |number: Option<u64>| number.map_or_else(Cell::unknown, |number| number.to_string().into());
        grid.row(vec![
            format!("{}/{}", policy.namespace, policy.name).into(),
            policy.mode.clone().into(),
            number(policy.workloads),
            number(policy.recommendations),
            dollars(policy.usd_per_month_to_save).into(),
            Cell::or_none(policy.last_recommendation.clone()),
            policy.message.clone().into(),
        ]);
    }
    grid
}

fn recommendations(all: &[&Recommendation]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("RECOMMENDATION"),
        Column::words("PHASE"),
        Column::numbers("$/MONTH"),
        Column::numbers("CONFIDENCE"),
        Column::words("RISK"),
        Column::words("METHOD").wide(),
        Column::words("APPROVED BY").wide(),
        Column::words("MESSAGE"),
    ]);
    for one in all {
        grid.row(vec![
            format!("{}/{}", one.namespace, one.name).into(),
            one.phase.clone().into(),
            dollars(one.usd_per_month_saved).into(),
            one.confidence.map_or_else(Cell::unknown, |confidence| format!("{confidence:.2}").into()),
            one.risk.clone().into(),
            Cell::or_none(one.method.clone()),
            Cell::or_none(one.approved_by.clone()),
            one.message.clone().into(),
        ]);
    }
    grid
}

/// Plans and how far each has come.
pub fn plans(plans: &[&Plan]) -> Grid {
    let mut grid = Grid::new(&[
        Column::words("PLAN"),
        Column::words("PHASE"),
        Column::numbers("MOVED"),
        Column::numbers("$/MONTH"),
        Column::words("APPROVED BY"),
        Column::words("FINISHED").wide(),
        Column::words("MESSAGE"),
    ]);
    for plan in plans {
        grid.row(vec![
            plan.name.clone().into(),
            plan.phase.clone().into(),
            format!("{} of {}", plan.moved, plan.moves).into(),
            dollars(plan.usd_per_month_saved).into(),
            Cell::or_none(plan.approved_by.clone()),
            Cell::or_none(plan.finished_at.clone()),
            plan.message.clone().into(),
        ]);
    }
    grid
}

/// Dollars of a month as our resources have them.
pub fn dollars(amount: Option<f64>) -> String {
    amount.map_or_else(|| money::UNKNOWN.to_owned(), |amount| format!("{amount:.2}"))
}
