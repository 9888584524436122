//! `plimsoll verify`: the separate check of a plan, from a file or from anywhere.

use std::io::Write;

use check::{Fault, Rule};
use model::{Plan, ReadState, Snapshot, UsdPerHour};
use serde::Serialize;

use crate::args::{Capacity, Format, VerifyArgs};
use crate::commands::simulate::proven;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::plan_file;
use crate::render::document;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::text::{clean, count};
use crate::talk;

/// Runs it.
pub fn run(mut args: VerifyArgs, out: &mut Output) -> Result<Exit, Failure> {
    let path = input::positional(args.plan.take(), &mut args.input, "PLAN")?;
    let plan = plan_file::read(&path, &args.input.from)?.plan;
    let snapshot = input::snapshot(&args.input)?;
    let buys = !plan.nodes.add.is_empty() || plan.bound.as_ref().is_some_and(|bound| !bound.offers.is_empty());
    let prices = match buys {
        true => input::priced(&snapshot, &input::price_table(&args.prices)?, Capacity::Any),
        false => input::prices(&snapshot, &args.prices)?,
    };
    let policy = crate::profile::policy(&args.policy)?;
    let verify = || check::verify(&snapshot, Some(&prices), &policy, &plan);
    let faults = talk::while_doing("checking the plan", verify);
    let mut verdict = Verdict::of(&snapshot, &plan, faults);
    if !plan.nodes.add.is_empty() && prices.offers.is_empty() {
        let missing = "no node pool is known that could make the nodes it adds, so nothing says what they cost";
        verdict.missing.push(missing.to_owned());
    }
    verdict.write(out, args.output)?;
    if args.prices.prices.is_none() && verdict.speaks_of_money() {
        talk::note("hint: where the plan was made with --prices FILE.csv, give the same here");
    }
    if verdict.speaks_of_the_bound() {
        talk::note(
            "hint: where the plan was made with other limits, such as --safety conservative, give the same here",
        );
    }
    if !plan.digest.is_empty() && plan.digest != snapshot.digest {
        talk::note("note: the plan was made on another state of the cluster; it was judged on this one");
    }
    Ok(verdict.exit())
}

/// What the check came to.
pub struct Verdict {
    steps: usize,
    waves: usize,
    faults: Vec<Fault>,
    /// What is missing to judge.
    missing: Vec<String>,
    /// The lower bound, where its certificate proves it.
    proven: Option<UsdPerHour>,
    /// That bound holds for plans that buy nodes, too.
    may_buy: bool,
}

impl Verdict {
    /// From the faults of a plan on a snapshot.
    pub fn of(snapshot: &Snapshot, plan: &Plan, mut faults: Vec<Fault>) -> Verdict {
        let waves = plan.migrations.iter().map(|step| step.wave).max().unwrap_or(0);
        let missing = missing(snapshot);
        let bound = plan.summary.usd_per_hour_lower_bound;
        let proven = bound.filter(|_| missing.is_empty() && !faults.iter().any(|fault| fault.rule == Rule::LowerBound));
        if !missing.is_empty() {
            // What is not seen may be what keeps pods where they are.
            faults.retain(|fault| fault.rule != Rule::LowerBound);
        }
        let may_buy = plan.bound.as_ref().is_some_and(|bound| !bound.offers.is_empty());
        Verdict { steps: plan.migrations.len(), waves: waves as usize, faults, missing, proven, may_buy }
    }

    /// The exit code it makes.
    pub fn exit(&self) -> Exit {
        if !self.faults.is_empty() {
            Exit::Failed
        } else if !self.missing.is_empty() {
            Exit::CannotJudge
        } else {
            Exit::Done
        }
    }

    /// Writes it.
    pub fn write(&self, out: &mut Output, format: Format) -> Result<(), Failure> {
        match format {
            Format::Json => document::json(out, &self.document()),
            Format::Yaml => document::yaml(out, &self.document()),
            Format::Csv | Format::Markdown => self.grid().write(out, format),
            _ => self.words(out),
        }
    }

    fn words(&self, out: &mut Output) -> Result<(), Failure> {
        let size = format!("{} in {}", count(self.steps, "step"), count(self.waves, "wave"));
        match self.exit() {
            Exit::Done => {
                writeln!(out, "legal: {size}, 0 faults")?;
                if let Some(bound) = self.proven {
                    writeln!(out, "{}", proven(bound, self.may_buy))?;
                }
            }
            Exit::CannotJudge => {
                writeln!(out, "could not judge: {size}, no fault found, but {}", self.missing.join("; "))?
            }
            _ => writeln!(out, "not legal: {size}, {}", count(self.faults.len(), "fault"))?,
        }
        for fault in &self.faults {
            writeln!(out, "  {}", clean(&fault.to_string()))?;
        }
        Ok(())
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&[
            Column::numbers("STEP"),
            Column::numbers("WAVE"),
            Column::words("POD"),
            Column::words("NODE"),
            Column::words("RULE"),
            Column::words("MESSAGE"),
        ]);
        for fault in &self.faults {
            grid.row(vec![
                Cell::or_none(fault.step.map(|step| (step + 1).to_string())),
                Cell::or_none(fault.wave.map(|wave| wave.to_string())),
                Cell::or_none(fault.pod.clone()),
                Cell::or_none(fault.node.as_ref().map(ToString::to_string)),
                fault.rule.to_string().into(),
                fault.message.clone().into(),
            ]);
        }
        grid
    }

    fn document(&self) -> Document<'_> {
        let fault = |fault: &'_ Fault| FaultDocument {
            step: fault.step.map(|step| step + 1),
            wave: fault.wave,
            pod: fault.pod.clone(),
            node: fault.node.as_ref().map(ToString::to_string),
            rule: fault.rule.to_string(),
            message: fault.message.clone(),
        };
        let legal = match self.exit() {
            Exit::Done => Some(true),
            Exit::CannotJudge => None,
            _ => Some(false),
        };
        Document {
            legal,
            steps: self.steps,
            waves: self.waves,
            faults: self.faults.iter().map(fault).collect(),
            missing: &self.missing,
            proven_usd_per_hour_lower_bound: self.proven.map(UsdPerHour::dollars),
        }
    }

    fn speaks_of_the_bound(&self) -> bool {
        self.faults.iter().any(|fault| fault.rule == Rule::LowerBound)
    }

    fn speaks_of_money(&self) -> bool {
        self.faults.iter().any(|fault| matches!(fault.rule, Rule::Summary | Rule::UnpricedNode | Rule::LowerBound))
    }
}

/// The verdict for programs.
#[derive(Serialize)]
struct Document<'a> {
    /// Null where it could not be judged.
    legal: Option<bool>,
    steps: usize,
    waves: usize,
    faults: Vec<FaultDocument>,
    /// What is missing to judge.
    missing: &'a [String],
    /// Null where there is none, or its certificate does not prove it.
    #[serde(rename = "provenUsdPerHourLowerBound")]
    proven_usd_per_hour_lower_bound: Option<f64>,
}

#[derive(Serialize)]
struct FaultDocument {
    /// Counted from 1.
    step: Option<usize>,
    wave: Option<u32>,
    pod: Option<String>,
    node: Option<String>,
    rule: String,
    message: String,
}

/// Kinds without which no plan can be judged. A dump without budgets may come from a cluster without any; where the
/// right to list them is missing, nobody knows.
fn missing(snapshot: &Snapshot) -> Vec<String> {
    let mut missing = Vec::new();
    for kind in ["Node", "Pod"] {
        if !snapshot.has(kind) {
            missing.push(format!("the snapshot has no complete list of {kind}s"));
        }
    }
    for (kind, read) in &snapshot.kinds {
        if let ReadState::Forbidden(right) = &read.state
            && ["PodDisruptionBudget", "PersistentVolumeClaim", "PersistentVolume"].contains(kind)
        {
            missing.push(format!("it was not allowed to {right}"));
        }
    }
    missing
}
