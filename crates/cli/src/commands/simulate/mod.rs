//! `plimsoll simulate`: a plan, as a resource for programs and as a picture for people. It touches nothing.

mod compare;
mod constraints;
mod curve;
mod headline;
mod markdown;
mod overview;
mod utilisation;
mod what_if;

pub use headline::{headline, price_basis, proven};

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crds::MigrationPlan;
use engine::what_if::{Premise, Request, World};
use model::{Plan, Prices, Snapshot};

use crate::args::{Capacity, Format, SimulateArgs};
use crate::failure::{Exit, Failure};
use crate::input;
use crate::output::Output;
use crate::render::grid::{Cell, Column, Grid};
use crate::render::text::clean;
use crate::save::write_atomically;
use crate::what_if::{Scenario, Term};
use crate::{talk, usage};

/// A plan with what it was made on.
pub struct Simulation<'a> {
    /// The cluster.
    pub snapshot: &'a Snapshot,
    /// What its nodes cost.
    pub prices: &'a Prices,
    /// The plan.
    pub plan: &'a Plan,
}

/// Runs it.
pub fn run(args: &SimulateArgs, out: &mut Output) -> Result<Exit, Failure> {
    let written_as = args.save.as_deref().map(FileFormat::of).transpose()?;
    if args.output == Format::Name
        && (args.curve || args.requests.is_some() || !args.compare.is_empty() || !args.what_if.is_empty())
    {
        return Err(Failure::usage(
            "-o name is the name of one plan, and --compare, --curve and --what-if make several",
        ));
    }
    if args.curve && args.capacity == Capacity::Any {
        return Err(Failure::usage("--curve is of the nodes that are there: leave --capacity any out"));
    }
    let snapshot = input::snapshot(&args.input)?;
    input::nodes_and_pods_are_there(&snapshot)?;
    let table = input::price_table(&args.prices)?;
    let prices = input::priced(&snapshot, &table, args.capacity);
    if args.capacity == Capacity::Any {
        for pool in snapshot.node_pools.values().filter(|pool| !pool.closed.is_empty()) {
            talk::note(format!("warning: node pool {} buys nothing: {}", pool.name, pool.closed));
        }
    }
    if args.capacity == Capacity::Any && prices.offers.is_empty() {
        talk::note(
            "warning: no node pool could buy anything: none is known, or nothing that has a price meets their requirements and limits",
        );
    }
    let policy = crate::profile::policy(&args.policy)?;
    let planned_by = |name: &'static str| -> Result<Plan, Failure> {
        let strategy = engine::strategy(name).ok_or_else(|| Failure::usage(format!("there is no strategy {name}")))?;
        let start = Instant::now();
        let is_over = || args.time_limit.is_some_and(|limit| start.elapsed() >= limit);
        let work = engine::Work { effort: args.effort.into(), is_over: &is_over };
        Ok(talk::while_doing("planning", || engine::plan_within(&snapshot, &prices, &policy, strategy, work)))
    };
    if !args.compare.is_empty() {
        let plans =
            args.compare.iter().map(|name| Ok((*name, planned_by(name)?))).collect::<Result<Vec<_>, Failure>>()?;
        compare::write(&plans, out, args.output)?;
        return Ok(Exit::Done);
    }
    let mut scenarios = args.what_if.clone();
    if args.requests.is_some() {
        scenarios.push(recommended(args, &snapshot, &prices)?);
    }
    if !scenarios.is_empty() {
        let strategy = engine::strategy(args.strategy).unwrap_or(engine::default_strategy());
        let (capacity, policy) = (args.capacity, &policy);
        let today = what_if::Today { snapshot: &snapshot, table: &table, capacity, policy, strategy };
        return what_if::write(&what_if::rows(&today, &scenarios)?, capacity, out, args.output);
    }
    if args.curve {
        let strategy = engine::strategy(args.strategy).unwrap_or(engine::default_strategy());
        let points = talk::while_doing("planning", || engine::curve(&snapshot, &prices, &policy, strategy));
        curve::write(&points, out, args.output)?;
        return Ok(Exit::Done);
    }
    let mut plan = planned_by(args.strategy)?;
    if args.constraints {
        let world = World { snapshot: snapshot.clone(), prices: prices.clone(), policy };
        let strategy = engine::strategy(args.strategy).unwrap_or(engine::default_strategy());
        let pricing = |snapshot: &Snapshot| input::priced(snapshot, &table, args.capacity);
        plan.constraints =
            talk::while_doing("lifting constraints", || engine::constraints(&world, &plan, strategy, &pricing));
        if plan.constraints.is_empty() {
            talk::note("no constraint that somebody could lift is known to cost anything");
        }
    }
    if let (Some(path), Some(format)) = (&args.save, written_as) {
        save(&plan, path, format)?;
        let from: Vec<String> = args.input.from.iter().map(|from| format!(" --from {}", from.display())).collect();
        talk::note(format!(
            "saved {}; check it with: plimsoll verify {}{}{}{}",
            path.display(),
            path.display(),
            from.concat(),
            args.prices.prices.as_ref().map(|file| format!(" --prices {}", file.display())).unwrap_or_default(),
            args.policy.flags()
        ));
    }
    let simulation = Simulation { snapshot: &snapshot, prices: &prices, plan: &plan };
    simulation.write(out, args.output)?;
    Ok(Exit::Done)
}

/// The premise that containers ask for what is recommended.
fn recommended(args: &SimulateArgs, snapshot: &Snapshot, prices: &Prices) -> Result<Scenario, Failure> {
    let used = usage::used(&args.usage, None)?;
    let rows = usage::advise(&args.usage, snapshot, prices, &used)?;
    let requests = rows.into_iter().map(|row| Request {
        cpu: row.advice[0].change(),
        memory: row.advice[1].change(),
        workload: row.workload,
        container: row.container,
    });
    let changed: Vec<Request> = requests.filter(|request| request.cpu.is_some() || request.memory.is_some()).collect();
    Ok(Scenario { name: "requests=recommended".to_owned(), terms: vec![Term::Premise(Premise::Requests(changed))] })
}

impl Simulation<'_> {
    /// Writes it in this format.
    pub fn write(&self, out: &mut Output, format: Format) -> Result<(), Failure> {
        match format {
            Format::Json => writeln!(out, "{}", MigrationPlan::from(self.plan).to_json()?)?,
            Format::Yaml => out.write_all(MigrationPlan::from(self.plan).to_yaml()?.as_bytes())?,
            Format::Name => writeln!(out, "migrationplan.optimizer.io/{}", clean(&self.plan.name))?,
            Format::Csv if !self.plan.constraints.is_empty() => {
                constraints::grid(&self.plan.constraints).write(out, format)?
            }
            Format::Csv => self.migrations().write(out, format)?,
            Format::Markdown => markdown::write(self, out)?,
            Format::Table | Format::Wide => overview::write(self, out, format)?,
        }
        Ok(())
    }

    fn migrations(&self) -> Grid {
        let mut grid = Grid::new(&[
            Column::numbers("WAVE"),
            Column::words("NAMESPACE"),
            Column::words("POD"),
            Column::words("UID").wide(),
            Column::words("WORKLOAD"),
            Column::words("FROM NODE"),
            Column::words("TO NODE"),
            Column::words("METHOD"),
            Column::words("LANDING").wide(),
            Column::words("RISK"),
            Column::words("RISK REASONS"),
        ]);
        for step in &self.plan.migrations {
            grid.row(vec![
                step.wave.to_string().into(),
                step.namespace.to_string().into(),
                step.pod.to_string().into(),
                step.uid.to_string().into(),
                step.workload.to_string().into(),
                step.from_node.to_string().into(),
                step.to_node.to_string().into(),
                format!("{:?}", step.method).to_lowercase().into(),
                format!("{:?}", step.landing).to_lowercase().into(),
                format!("{:?}", step.risk).to_lowercase().into(),
                step.risk_reasons.join("; ").into(),
            ]);
        }
        grid
    }

    /// The nodes that go, dearest first.
    fn removed(&self) -> Grid {
        let mut grid = Grid::new(&[
            Column::words("NODE REMOVED"),
            Column::words("TYPE"),
            Column::words("CAPACITY"),
            Column::words("ZONE"),
            Column::words("POOL").wide(),
            Column::numbers("$/HOUR"),
            Column::numbers("$/MONTH"),
            Column::numbers("PODS MOVED"),
        ]);
        let mut moved = std::collections::BTreeMap::new();
        for step in &self.plan.migrations {
            *moved.entry(&step.from_node).or_insert(0_usize) += 1;
        }
        let text = |name: Option<&model::Name>| Cell::or_none(name.map(ToString::to_string));
        let mut removed: Vec<usize> = Vec::new();
        for name in &self.plan.nodes.remove {
            removed.extend(self.snapshot.nodes.binary_search_by(|node| node.name.cmp(name)).ok());
        }
        removed.sort_by_key(|node| (std::cmp::Reverse(self.prices.of(*node)), *node));
        for at in removed {
            let node = &self.snapshot.nodes[at];
            let price = self.prices.of(at);
            grid.row(vec![
                node.name.to_string().into(),
                text(node.instance_type()),
                node.capacity_type().to_string().into(),
                text(node.zone()),
                text(node.node_pool()),
                Cell::hour(price),
                Cell::month(price),
                moved.get(&node.name).copied().unwrap_or(0).to_string().into(),
            ]);
        }
        grid
    }
}

impl Simulation<'_> {
    /// The nodes that come, alike ones in one row, dearest first.
    fn added(&self) -> Grid {
        let mut grid = Grid::new(&[
            Column::words("NODES ADDED"),
            Column::numbers("NUMBER"),
            Column::words("CAPACITY"),
            Column::words("ZONE"),
            Column::words("POOL"),
            Column::numbers("$/HOUR EACH"),
            Column::numbers("$/MONTH"),
        ]);
        let mut alike: std::collections::BTreeMap<_, usize> = std::collections::BTreeMap::new();
        for added in &self.plan.nodes.add {
            let each = std::cmp::Reverse(added.usd_per_hour);
            let pool = added.node.node_pool();
            *alike.entry((each, &added.instance_type, added.capacity_type, &added.zone, pool)).or_default() += 1;
        }
        for ((each, instance_type, capacity_type, zone, pool), number) in alike {
            let all = std::iter::repeat_n(each.0, number).sum();
            grid.row(vec![
                instance_type.to_string().into(),
                number.to_string().into(),
                capacity_type.to_string().into(),
                zone.to_string().into(),
                Cell::or_none(pool.map(ToString::to_string)),
                Cell::hour(Some(each.0)),
                Cell::month(Some(all)),
            ]);
        }
        grid
    }
}

/// How a plan is written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileFormat {
    Json,
    Yaml,
}

impl FileFormat {
    /// By the file's name.
    fn of(path: &Path) -> Result<FileFormat, Failure> {
        match path.extension().and_then(|suffix| suffix.to_str()) {
            Some("json") => Ok(FileFormat::Json),
            Some("yaml" | "yml") => Ok(FileFormat::Yaml),
            _ => Err(Failure::usage(format!("--save {}: the name must end in .yaml, .yml or .json", path.display()))),
        }
    }
}

fn save(plan: &Plan, path: &Path, format: FileFormat) -> Result<(), Failure> {
    let resource = MigrationPlan::from(plan);
    let mut text = match format {
        FileFormat::Json => resource.to_json()?,
        FileFormat::Yaml => resource.to_yaml()?,
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    write_atomically(path, |file| Ok(file.write_all(text.as_bytes())?))?;
    Ok(())
}
