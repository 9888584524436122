//! The two resources that are rightsized, and amounts of them.

use std::fmt;

/// CPU or memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// In cores; a request is in millicores.
    Cpu,
    /// In bytes; a request is in bytes.
    Memory,
}

const MILLICORES: f64 = 1_000.0;
const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;
/// No machine has more; what is above is a broken measurement.
const MOST_CORES: f64 = 1e6;
const MOST_BYTES: f64 = 1e16;

impl Resource {
    /// Both, in the order in which people name them.
    pub const ALL: [Resource; 2] = [Resource::Cpu, Resource::Memory];

    /// As Kubernetes calls it.
    pub fn name(self) -> &'static str {
        match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
        }
    }

    /// Its place in arrays of both.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether an amount could have been measured.
    pub fn is_plausible(self, amount: f64) -> bool {
        let most = match self {
            Resource::Cpu => MOST_CORES,
            Resource::Memory => MOST_BYTES,
        };
        amount.is_finite() && (0.0..=most).contains(&amount)
    }

    /// Cores or bytes as a request, rounded up: to a millicore, or to a MiB so that nobody has to read bytes.
    pub fn to_request(self, amount: f64) -> i64 {
        // A float too large for an i64 is cut to its largest, NaN to zero.
        match self {
            Resource::Cpu => (amount * MILLICORES - 1e-6).ceil().max(1.0) as i64,
            Resource::Memory => ((amount / MIB - 1e-6).ceil().max(1.0) * MIB) as i64,
        }
    }

    /// A request as cores or bytes.
    pub fn from_request(self, request: i64) -> f64 {
        match self {
            Resource::Cpu => request as f64 / MILLICORES,
            Resource::Memory => request as f64,
        }
    }

    /// An amount as people read it: `0.25 cores`, `512 MiB`.
    pub fn words(self, amount: f64) -> String {
        match self {
            Resource::Cpu => format!("{} cores", three_digits(amount)),
            Resource::Memory if amount >= 10.0 * GIB => format!("{} GiB", three_digits(amount / GIB)),
            Resource::Memory => format!("{} MiB", three_digits(amount / MIB)),
        }
    }

    /// A request as a manifest has it: `250m`, `512Mi`.
    pub fn quantity(self, request: i64) -> String {
        const WHOLE_MIB: i64 = 1_048_576;
        match self {
            Resource::Cpu if request % 1_000 == 0 => (request / 1_000).to_string(),
            Resource::Cpu => format!("{request}m"),
            Resource::Memory if request % WHOLE_MIB == 0 => format!("{}Mi", request / WHOLE_MIB),
            Resource::Memory => request.to_string(),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Cpu => "CPU",
            Resource::Memory => "memory",
        })
    }
}

fn three_digits(amount: f64) -> String {
    let digits = match amount.abs() {
        tens if tens >= 99.95 => 0,
        ones if ones >= 9.995 => 1,
        tenths if tenths >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{amount:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_round_up_and_are_never_nothing() {
        assert_eq!(Resource::Cpu.to_request(0.0101), 11);
        assert_eq!(Resource::Cpu.to_request(0.25), 250);
        assert_eq!(Resource::Memory.to_request(1.0), 1_048_576);
        assert_eq!(Resource::Memory.to_request(2.0 * 1_048_576.0), 2_097_152);
        assert_eq!(Resource::Cpu.to_request(0.0), 1);
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(Resource::Cpu.words(0.25), "0.25 cores");
        assert_eq!(Resource::Memory.words(512.0 * 1_048_576.0), "512 MiB");
        assert_eq!(Resource::Memory.words(12.5 * GIB), "12.5 GiB");
        assert_eq!((Resource::Cpu.quantity(2_000), Resource::Cpu.quantity(250)), ("2".into(), "250m".into()));
        assert_eq!(Resource::Memory.quantity(512 << 20), "512Mi");
    }
}
