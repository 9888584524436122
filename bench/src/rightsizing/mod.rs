//! Rightsizing: our recommendations, VPA's and KRR's, replayed on use that is known.

mod data;
mod tune;

use std::path::Path;

use engine::rightsizing::Resource;
use engine::rightsizing::backtest::{Cadence, Outcome, replay};
use engine::rightsizing::seasonal::{Caution, Pace};
use engine::rightsizing::{Settings, default_strategy};

use data::{AUGUST, OCTOBER};

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

pub fn run(data: &Path) -> anyhow::Result<()> {
    let path = data.join("usage/vm-usage-90d.csv.gz");
    if !path.exists() {
        println!("skipped: no {}; set PLIMSOLL_DATA to where the data is\n", path.display());
        return Ok(());
    }
    let vms = data::read(&path)?;
    for pace in [Pace::InPlace, Pace::Seldom] {
        for caution in Caution::ALL {
            let settings = Settings::new(pace, caution);
            for resource in Resource::ALL {
                let mut sum = Outcome::default();
                for vm in &vms {
                    sum += replay(
                        &vm.usage,
                        resource,
                        default_strategy(),
                        &settings,
                        Cadence::WhenNeeded,
                        (AUGUST, OCTOBER),
                    );
                }
                println!("{pace:?} {caution:?} {resource}: {}", tune::words(&sum));
            }
        }
    }
    Ok(())
}
