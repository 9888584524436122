//! `plimsoll demo`: the whole chain on an example cluster, and what to type for the same on one's own.

use std::io::Write;
use std::path::Path;

use engine::what_if::World;
use model::Policy;
use observe::prices::{PriceTable, price_nodes};

use super::analyze;
use super::simulate::Simulation;
use super::verify::Verdict;
use crate::args::{DemoArgs, Format};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::save::write_atomically;
use crate::talk;

/// Runs it.
pub fn run(args: &DemoArgs, out: &mut Output) -> Result<Exit, Failure> {
    if let Some(path) = &args.save_dump {
        save_dump(path)?;
        let prices = path.with_extension("prices.csv");
        write_atomically(&prices, |file| Ok(file.write_all(scenario::company_prices().as_bytes())?))?;
        talk::note(format!("saved {}, and its spot prices in {}", path.display(), prices.display()));
        talk::note(format!("now: plimsoll simulate --from {} --prices {}", path.display(), prices.display()));
        return Ok(Exit::Done);
    }
    let snapshot = observe::read_values("example", scenario::company().into_iter())?;
    let (table, _) = PriceTable::list().with_csv(scenario::company_prices().as_bytes(), "spot_prices.csv")?;
    let prices = price_nodes(&snapshot.nodes, &table);

    writeln!(out, "An example cluster, as a company might run it.\n")?;
    let policy = Policy::default();
    let analysis = talk::while_doing("analyzing", || analyze::analysis(&snapshot, &prices, &policy, true));
    let shown = analyze::shown_whole(&snapshot, &analysis);
    title(out, "1. What it costs and wastes", "plimsoll analyze")?;
    analyze::write_summary(out, &snapshot, &prices, &analysis, &shown, Format::Table)?;

    let strategy = engine::default_strategy();
    let mut plan = talk::while_doing("planning", || engine::plan(&snapshot, &prices, &policy, strategy));
    let world = World { snapshot: snapshot.clone(), prices: prices.clone(), policy: policy.clone() };
    plan.constraints = talk::while_doing("lifting constraints", || {
        engine::constraints(&world, &plan, strategy, &|snapshot| price_nodes(&snapshot.nodes, &table))
    });
    let title_of_plan = "2. A plan that makes it cheaper, touching nothing yet";
    title(out, title_of_plan, "plimsoll simulate --constraints --save plan.yaml")?;
    Simulation { snapshot: &snapshot, prices: &prices, plan: &plan }.write(out, Format::Table)?;

    title(out, "3. The plan checked, by a program apart from the one that made it", "plimsoll verify plan.yaml")?;
    let faults = talk::while_doing("checking the plan", || check::verify(&snapshot, Some(&prices), &policy, &plan));
    let verdict = Verdict::of(&snapshot, &plan, faults);
    verdict.write(out, Format::Table)?;
    writeln!(out, "\nYour own cluster, from where kubectl works:  plimsoll analyze")?;
    writeln!(out, "The example as a file to play with:          plimsoll demo --save-dump example.json")?;
    Ok(verdict.exit())
}

fn title(out: &mut Output, title: &str, on_your_own: &str) -> Result<(), Failure> {
    writeln!(out, "\n=== {title}\n    on your own cluster: {on_your_own}\n")?;
    Ok(())
}

/// The example's objects as one List, an object a line.
fn save_dump(path: &Path) -> Result<(), Failure> {
    write_atomically(path, |file| {
        writeln!(file, "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [")?;
        for (at, object) in scenario::company().into_iter().enumerate() {
            file.write_all(if at == 0 { b"" } else { b",\n" })?;
            serde_json::to_writer(&mut *file, &object)?;
        }
        writeln!(file, "\n]}}")?;
        Ok(())
    })?;
    Ok(())
}
