//! Rightsizing: our recommendations, VPA's and KRR's, replayed on use that is known.

mod calibration;
mod data;
mod peers;
mod speed;
mod tune;

use std::path::Path;

use engine::rightsizing::backtest::{Cadence, Outcome, replay};
use engine::rightsizing::seasonal::{Caution, Pace};
use engine::rightsizing::{Bounds, Resource};
use engine::rightsizing::{Settings, default_strategy};

use data::{AUGUST, OCTOBER};

/// `bench tune-confidence` prints the weights that July gives `engine::rightsizing::confidence`, and how
/// those that it has kept their word.
pub fn tune_confidence(data: &Path) -> anyhow::Result<()> {
    let vms = data::read(&data.join("usage/vm-usage-90d.csv.gz"))?;
    calibration::fit(&vms);
    calibration::print(&vms);
    Ok(())
}

/// `bench tune-rightsizing cpu|memory WEIGHT CHANGES MOST HOURS SEED ITERATIONS`.
pub fn tune(data: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let [resource, weight, changes, most, hours, seed, iterations] = arguments else {
        anyhow::bail!("hint: bench tune-rightsizing cpu|memory WEIGHT CHANGES MOST HOURS SEED ITERATIONS");
    };
    let resource = if *resource == "cpu" { Resource::Cpu } else { Resource::Memory };
    let vms = data::read(&data.join("usage/vm-usage-90d.csv.gz"))?;
    let goal = tune::Goal {
        resource,
        weight: weight.parse()?,
        changes: changes.parse()?,
        most_changes_a_day: most.parse()?,
        hours_ahead: hours.parse()?,
    };
    tune::run(&vms, goal, seed.parse()?, iterations.parse()?);
    Ok(())
}

pub fn run(data: &Path, vpa: &Path) -> anyhow::Result<()> {
    let path = data.join("usage/vm-usage-90d.csv.gz");
    if !path.exists() {
        println!("skipped: no {}; set PLIMSOLL_DATA to where the data is\n", path.display());
        return Ok(());
    }
    let vms = data::read(&path)?;
    println!("rightsizing: 100 VMs, constants of July, August and September replayed, the limit equal to the request");
    println!(
        "| | CPU slack, % | CPU unmet, % | memory slack, % | memory episodes a VM-month | changes a VM-day, CPU + memory |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    row("VPA 1.8.1, its own code, daily", &peers::vpa(vpa, &vms, false)?);
    row("the same, told of kills", &peers::vpa(vpa, &vms, true)?);
    row("VPA restated here, daily", &replayed(&vms, "vpa", &with_floors(Settings::default()), Cadence::Daily));
    row("KRR's rule, daily", &peers::krr(&vms));
    for percentile in [50, 90, 99] {
        let settings = Settings { percentile, ..Settings::default() };
        row(&format!("P{percentile} × 1.2, daily"), &replayed(&vms, "percentile", &settings, Cadence::Daily));
    }
    for (pace, name) in [(Pace::InPlace, "in place"), (Pace::Seldom, "seldom"), (Pace::Once, "as for a pull request")] {
        for caution in Caution::ALL {
            let name = format!("ours, {name}, caution {}", format!("{caution:?}").to_lowercase());
            row(&name, &replayed(&vms, "seasonal", &Settings::new(pace, caution), Cadence::WhenNeeded));
        }
    }
    row("one that knows the next six hours", &peers::oracle(&vms));
    println!();
    calibration::print(&vms);
    Ok(())
}

/// The histogram, and a look at many workloads.
pub fn speed() {
    speed::print();
}

/// VPA's least requests: 25 millicores and 250 MiB.
fn with_floors(settings: Settings) -> Settings {
    let bounds = [(25, i64::MAX), (250 << 20, i64::MAX)].map(|(least, most)| Bounds::new(least, most));
    Settings { bounds, ..settings }
}

fn replayed(vms: &[data::Vm], strategy: &str, settings: &Settings, cadence: Cadence) -> [Outcome; 2] {
    let strategy = engine::rightsizing::strategy(strategy).unwrap_or(default_strategy());
    Resource::ALL.map(|resource| {
        let mut sum = Outcome::default();
        for vm in vms {
            sum += replay(&vm.usage, resource, strategy, settings, cadence, (AUGUST, OCTOBER));
        }
        sum
    })
}

fn row(name: &str, [cpu, memory]: &[Outcome; 2]) {
    println!(
        "| {name} | {:.1} | {:.3} | {:.1} | {:.2} | {:.2} + {:.2} = {:.2} |",
        100.0 * cpu.slack(),
        100.0 * cpu.unmet_part(),
        100.0 * memory.slack(),
        memory.episodes_a_month(),
        cpu.changes_a_day(),
        memory.changes_a_day(),
        cpu.changes_a_day() + memory.changes_a_day()
    );
}
