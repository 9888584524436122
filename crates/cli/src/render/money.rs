//! Money for people: enough digits to tell amounts apart, no more. JSON and CSV have it unrounded.

use model::{HOURS_PER_MONTH, UsdPerHour};

use super::text::grouped;

/// What stands where an amount is not known. Unknown is never zero.
pub const UNKNOWN: &str = "unknown";

/// `$12.34`, `$0.192`, of one hour.
pub fn hour(amount: UsdPerHour) -> String {
    dollars(amount.dollars())
}

/// `$8,987`, `$140.16`, of one month of 730 hours.
pub fn month(amount: UsdPerHour) -> String {
    dollars(amount.dollars_per_month())
}

/// An amount of one hour, or `unknown`.
pub fn hour_or_unknown(amount: Option<UsdPerHour>) -> String {
    amount.map_or_else(|| UNKNOWN.to_owned(), hour)
}

/// An amount of one month, or `unknown`.
pub fn month_or_unknown(amount: Option<UsdPerHour>) -> String {
    amount.map_or_else(|| UNKNOWN.to_owned(), month)
}

/// For programs: dollars, unrounded, empty where unknown.
pub fn unrounded(amount: Option<UsdPerHour>) -> String {
    amount.map(|amount| amount.dollars().to_string()).unwrap_or_default()
}

/// How many hours a month has here, in words.
pub fn month_is() -> String {
    format!("a month is {HOURS_PER_MONTH} hours")
}

/// Whole dollars from a thousand on, cents from one on, tenths of a cent below.
fn dollars(amount: f64) -> String {
    let sign = if amount < 0.0 { "-" } else { "" };
    let size = amount.abs();
    if size >= 999.995 {
        return format!("{sign}${}", grouped(size.round() as i128));
    }
    if size >= 0.9995 || size == 0.0 {
        return format!("{sign}${size:.2}");
    }
    let text = format!("{size:.4}");
    let text = if text.ends_with('0') { &text[..text.len() - 1] } else { &text };
    format!("{sign}${text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_size() {
        for (amount, text) in [
            (0.0, "$0.00"),
            (0.192, "$0.192"),
            (0.0416, "$0.0416"),
            (0.00001, "$0.000"),
            (0.9999, "$1.00"),
            (12.345, "$12.35"),
            (999.994, "$999.99"),
            (999.999, "$1,000"),
            (1_234_567.8, "$1,234,568"),
            (-3.5, "-$3.50"),
        ] {
            assert_eq!(dollars(amount), text, "{amount}");
        }
    }
}
