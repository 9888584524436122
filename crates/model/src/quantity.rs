//! Quantities exactly as Kubernetes reads them (`k8s.io/apimachinery/pkg/api/resource`).

use std::ops::Add;

use thiserror::Error;

/// An amount in nano-units, the finest that Kubernetes keeps; finer amounts round up, larger ones than 2⁶³−1 are capped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

/// Why a text is no quantity.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("\"{text}\" is not a quantity: expected a number with an optional suffix such as m, k, Mi or e3")]
pub struct QuantityError {
    /// The text as it stood, cut at 40 characters.
    pub text: String,
}

const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;

impl Quantity {
    /// Parses a quantity; negative ones are quantities too, callers that need an amount refuse them.
    pub fn parse(text: &str) -> Result<Quantity, QuantityError> {
        parse(text).ok_or_else(|| QuantityError { text: text.chars().take(40).collect() })
    }

    /// In thousandths, rounded up: millicores of a CPU quantity.
    pub fn milli_value(self) -> i64 {
        ceil_div(self.0, NANO / 1_000)
    }

    /// In whole units, rounded up: bytes of a memory quantity.
    pub fn value(self) -> i64 {
        ceil_div(self.0, NANO)
    }

    /// In units, as a number; for display and estimates.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / NANO as f64
    }

    /// Rounded up to thousandths: the API server keeps no more of a resource list's amounts.
    pub fn rounded_up_to_milli(self) -> Quantity {
        let unit = NANO / 1_000;
        let whole = self.0 / unit + (self.0 % unit).signum();
        Quantity(whole.saturating_mul(unit))
    }

    /// Is it below zero?
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Is it nothing at all?
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Quantity {
    type Output = Quantity;
    fn add(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_add(other.0))
    }
}

/// Rounds away from zero, as Kubernetes does, and keeps within an i64.
fn ceil_div(nanos: i128, unit: i128) -> i64 {
    let whole = nanos / unit;
    let rounded = whole + (nanos % unit).signum();
    rounded.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

fn parse(text: &str) -> Option<Quantity> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let number_end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if text.is_empty() || fraction.contains('.') {
        return None;
    }
    let scale = Scale::parse(suffix)?;
    if whole.is_empty() && fraction.is_empty() {
        return scale.reads_no_digits_as_zero().then_some(Quantity(0));
    }
    let magnitude = scale.apply(whole, fraction).min(MAX);
    Some(Quantity(if negative { -magnitude } else { magnitude }))
}

enum Scale {
    Decimal(i32),
    Binary(u32),
}

impl Scale {
    fn parse(suffix: &str) -> Option<Scale> {
        Some(match suffix {
            "n" => Scale::Decimal(-9),
            "u" => Scale::Decimal(-6),
            "m" => Scale::Decimal(-3),
            "" => Scale::Decimal(0),
            "k" => Scale::Decimal(3),
            "M" => Scale::Decimal(6),
            "G" => Scale::Decimal(9),
            "T" => Scale::Decimal(12),
            "P" => Scale::Decimal(15),
            "E" => Scale::Decimal(18),
            "Ki" => Scale::Binary(10),
            "Mi" => Scale::Binary(20),
            "Gi" => Scale::Binary(30),
            "Ti" => Scale::Binary(40),
            "Pi" => Scale::Binary(50),
            "Ei" => Scale::Binary(60),
            _ => {
                let digits = suffix.strip_prefix(['e', 'E'])?;
                let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
                if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                // Kubernetes reads 64 bits and keeps 32.
                Scale::Decimal(digits.parse::<i64>().ok()? as i32)
            }
        })
    }

    /// Kubernetes takes a bare suffix, sign or point for zero, but only where its fast path reads it.
    fn reads_no_digits_as_zero(&self) -> bool {
        match *self {
            Scale::Decimal(exponent) => exponent >= -9,
            Scale::Binary(bits) => bits <= 40,
        }
    }

    /// The digits at this scale in nano-units, rounded up, saturating.
    fn apply(&self, whole: &str, fraction: &str) -> i128 {
        match *self {
            Scale::Decimal(exponent) => {
                // One run of digits with the point moved: digits × 10^(exponent − len(fraction) + 9) nano-units.
                let digits = || whole.bytes().chain(fraction.bytes()).skip_while(|b| *b == b'0');
                let shift = i64::from(exponent) - fraction.len() as i64 + 9;
                let count = digits().count() as i64;
                if count == 0 {
                    return 0;
                }
                // More than 30 digits before the point is above any i64 in nano-units: the cap applies.
                if count + shift > 30 {
                    return i128::MAX;
                }
                let kept = (count + shift.min(0)).max(0) as usize;
                let mut value: i128 = digits().take(kept).fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
                if digits().skip(kept).any(|digit| digit != b'0') {
                    value += 1;
                }
                value * 10i128.pow(shift.max(0) as u32)
            }
            Scale::Binary(bits) => {
                let mut value: i128 = 0;
                for digit in whole.bytes() {
                    value = value.saturating_mul(10).saturating_add(i128::from(digit - b'0'));
                    if value > MAX {
                        return i128::MAX;
                    }
                }
                let whole_nanos = value.saturating_mul(NANO).saturating_mul(1 << bits);
                // Long division of the fraction: 0.d1d2… × 2^bits × 10⁹, 27 digits are enough to round up rightly
                // once any later digit that is not zero is noted.
                let (head, tail) = fraction.split_at(fraction.len().min(18));
                let numerator = head.bytes().fold(0i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
                let denominator = 10i128.pow(head.len() as u32);
                let scaled = numerator.saturating_mul(NANO).saturating_mul(1 << bits.min(30));
                let (quotient, rest) = (scaled / denominator, scaled % denominator);
                let more = rest != 0 || tail.bytes().any(|digit| digit != b'0');
                let lifted = 1i128 << (bits - bits.min(30));
                let fraction_nanos =
                    quotient.saturating_mul(lifted).saturating_add(rest.saturating_mul(lifted) / denominator);
                whole_nanos.saturating_add(fraction_nanos).saturating_add(i128::from(
                    more && (rest.saturating_mul(lifted) % denominator != 0 || !tail.is_empty()),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> i64 {
        Quantity::parse(text).unwrap().value()
    }

    #[test]
    fn every_suffix_has_its_power() {
        assert_eq!(value("1e3"), 1_000);
        assert_eq!(value("12E"), i64::MAX);
        assert_eq!(value("2Ki"), 2_048);
        assert_eq!(value("1.5Gi"), 3 << 29);
        assert_eq!(value("0.5"), 1);
        assert_eq!(value("1E"), 1_000_000_000_000_000_000);
        assert_eq!(Quantity::parse("0.5").unwrap().milli_value(), 500);
        assert_eq!(Quantity::parse("100m").unwrap().milli_value(), 100);
        assert_eq!(Quantity::parse("1u").unwrap().milli_value(), 1);
        assert_eq!(Quantity::parse("-1500m").unwrap().value(), -2);
        assert_eq!(Quantity::parse(".5").unwrap().milli_value(), 500);
        assert_eq!(Quantity::parse("5.").unwrap().value(), 5);
    }

    #[test]
    fn no_digits_are_none_of_it() {
        for text in ["k", "Gi", ".", "+", "-", "e3", ".m"] {
            assert!(Quantity::parse(text).is_ok_and(Quantity::is_zero), "{text:?}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        for text in ["", "NaN", "10GB", "1 ", " 1", "1.2.3", "--1", "1e", "0x10", "1mi", "1K"] {
            assert!(Quantity::parse(text).is_err(), "{text:?}");
        }
    }
}
