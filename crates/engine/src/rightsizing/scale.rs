//! Amounts as sixteen bits, on a logarithmic scale from a nanocore or a byte to 10¹⁶ of them.

use super::Resource;

/// The code of the greatest amount.
pub const HIGHEST_CODE: u16 = u16::MAX - 1;
/// No machine has more.
const GREATEST: f64 = 1e16;
const NANOCORES: f64 = 1e9;

/// An amount and its code. It is rounded up, by at most `WORST` of it.
pub trait Amount {
    /// The smallest code whose amount is not below this one.
    fn code(self, amount: f64) -> u16;

    /// The amount of a code.
    fn decoded(self, code: u16) -> f64;
}

/// How much a decoded amount is above the true one at most, as a part of it.
#[cfg(test)]
pub const WORST: f64 = 6e-4;

impl Amount for Resource {
    fn code(self, amount: f64) -> u16 {
        let units = amount * unit(self);
        if units <= 0.0 {
            return 0;
        }
        let code = 1.0 + (units.ln() / step()).ceil();
        // A float beyond what fits is cut to what does, NaN to zero.
        let code = (code.max(1.0) as u16).min(HIGHEST_CODE);
        // The logarithm may have been rounded down.
        if self.decoded(code) < amount { (code + 1).min(HIGHEST_CODE) } else { code }
    }

    fn decoded(self, code: u16) -> f64 {
        match code {
            0 => 0.0,
            code => (f64::from(code - 1) * step()).exp() / unit(self),
        }
    }
}

/// In which amounts are counted, so that the least that is told apart is one.
fn unit(resource: Resource) -> f64 {
    match resource {
        Resource::Cpu => NANOCORES,
        Resource::Memory => 1.0,
    }
}

fn step() -> f64 {
    GREATEST.ln() / f64::from(HIGHEST_CODE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_up_by_less_than_a_thousandth() {
        for resource in Resource::ALL {
            let mut amount = 1.0 / unit(resource);
            while resource.is_plausible(amount) && amount * unit(resource) < GREATEST {
                let kept = resource.decoded(resource.code(amount));
                assert!(kept >= amount && kept <= amount * (1.0 + WORST), "{amount} became {kept}");
                amount *= 1.0371;
            }
            assert_eq!((resource.decoded(0), resource.code(0.0)), (0.0, 0));
            assert!(resource.decoded(HIGHEST_CODE).is_finite());
        }
    }
}
