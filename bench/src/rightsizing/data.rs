//! 100 business VMs over three months (GWA-T-12 Bitbrains), as containers.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use engine::rightsizing::{Resource, Sample, Series, Usage};
use flate2::read::GzDecoder;
use model::Time;

/// 2013-08-01T00:00:00Z: what is before was there to choose constants on, what is after to judge them by.
pub const AUGUST: Time = Time(1_375_315_200);
/// 2013-10-01T00:00:00Z.
pub const OCTOBER: Time = Time(1_380_585_600);
/// The data has MHz, and most of its machines cores of this speed.
const MHZ_A_CORE: f64 = 2_600.0;
const BYTES_A_KIB: f64 = 1_024.0;

/// One VM.
pub struct Vm {
    /// Its number in the data.
    pub name: String,
    /// What it used, where it was on.
    pub usage: Usage,
}

/// Reads them.
pub fn read(path: &Path) -> anyhow::Result<Vec<Vm>> {
    let mut text = String::new();
    let file = File::open(path).with_context(|| path.display().to_string())?;
    GzDecoder::new(file).read_to_string(&mut text).with_context(|| path.display().to_string())?;
    let mut vms: Vec<(String, [Vec<Sample>; 2])> = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let columns: Vec<&str> = line.split(',').collect();
        let [name, at, cpu_capacity, cpu, memory_capacity, memory] = columns[..] else {
            anyhow::bail!("{}: line {} has {} columns, not 6", path.display(), number + 1, columns.len());
        };
        // No capacity: it was off, which is a gap.
        if cpu_capacity.parse::<f64>()? <= 0.0 || memory_capacity.parse::<f64>()? <= 0.0 {
            continue;
        }
        if vms.last().is_none_or(|(last, _)| last != name) {
            vms.push((name.to_owned(), [Vec::new(), Vec::new()]));
        }
        let Some((_, samples)) = vms.last_mut() else { continue };
        let at = Time(at.parse()?);
        samples[0].push(Sample { at, amount: cpu.parse::<f64>()? / MHZ_A_CORE });
        samples[1].push(Sample { at, amount: memory.parse::<f64>()? * BYTES_A_KIB });
    }
    let vm = |(name, [cpu, memory]): (String, [Vec<Sample>; 2])| Vm {
        name,
        usage: Usage {
            cpu: Series::new(Resource::Cpu, cpu),
            memory: Series::new(Resource::Memory, memory),
            events: Vec::new(),
        },
    };
    Ok(vms.into_iter().map(vm).collect())
}
