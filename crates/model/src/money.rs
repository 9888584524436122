//! Money as whole nano-dollars, so that a sum is the same in any order.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};

/// Hours in the month that every monthly figure means: 365 days × 24 / 12.
pub const HOURS_PER_MONTH: i64 = 730;

const NANOS: f64 = 1e9;

/// Dollars per hour, held in nano-dollars. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdPerHour(i64);

impl UsdPerHour {
    /// No money.
    pub const ZERO: UsdPerHour = UsdPerHour(0);

    /// From a number of dollars; `None` when it is not finite, negative, or above a million dollars an hour.
    pub fn from_dollars(dollars: f64) -> Option<UsdPerHour> {
        (dollars.is_finite() && (0.0..=1e6).contains(&dollars)).then(|| UsdPerHour((dollars * NANOS).round() as i64))
    }

    /// From whole nano-dollars.
    pub const fn from_nanos(nanos: i64) -> UsdPerHour {
        UsdPerHour(nanos)
    }

    /// Whole nano-dollars.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Dollars per hour as a number, for printing and for JSON.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / NANOS
    }

    /// Dollars per month of 730 hours.
    pub fn dollars_per_month(self) -> f64 {
        (i128::from(self.0) * i128::from(HOURS_PER_MONTH)) as f64 / NANOS
    }

    /// This amount's part `numerator / denominator`, zero where the denominator is.
    pub fn share(self, numerator: i64, denominator: i64) -> UsdPerHour {
        if denominator <= 0 {
            return UsdPerHour::ZERO;
        }
        let part = i128::from(self.0) * i128::from(numerator) / i128::from(denominator);
        UsdPerHour(i64::try_from(part).unwrap_or(i64::MAX))
    }
}

impl Add for UsdPerHour {
    type Output = UsdPerHour;
    fn add(self, other: UsdPerHour) -> UsdPerHour {
        UsdPerHour(self.0.saturating_add(other.0))
    }
}

impl AddAssign for UsdPerHour {
    fn add_assign(&mut self, other: UsdPerHour) {
        *self = *self + other;
    }
}

impl Sub for UsdPerHour {
    type Output = UsdPerHour;
    fn sub(self, other: UsdPerHour) -> UsdPerHour {
        UsdPerHour(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for UsdPerHour {
    fn sub_assign(&mut self, other: UsdPerHour) {
        *self = *self - other;
    }
}

impl Mul<i64> for UsdPerHour {
    type Output = UsdPerHour;
    fn mul(self, times: i64) -> UsdPerHour {
        UsdPerHour(self.0.saturating_mul(times))
    }
}

impl Sum for UsdPerHour {
    fn sum<I: Iterator<Item = UsdPerHour>>(amounts: I) -> UsdPerHour {
        amounts.fold(UsdPerHour::ZERO, Add::add)
    }
}

/// `$0.1920/h`.
impl fmt::Display for UsdPerHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.4}/h", self.dollars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_730_hours() {
        let price = UsdPerHour::from_dollars(0.192).unwrap();
        assert!((price.dollars_per_month() - 140.16).abs() < 1e-9);
    }

    #[test]
    fn nonsense_is_no_price() {
        for dollars in [f64::NAN, f64::INFINITY, -0.01, 1e12] {
            assert_eq!(UsdPerHour::from_dollars(dollars), None, "{dollars}");
        }
    }
}
