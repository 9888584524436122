//! Values of flags that need reading: durations and percentages.

use std::time::Duration;

use model::{HOURS_PER_MONTH, UsdPerHour};

/// `30s`, `2m`, `1h`, `500ms`, or seconds; 0 is no limit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || format!("`{text}` is no time; write it as 30s, 2m or 1h");
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

/// `5%` or `5` as thousandths: 50.
pub(super) fn per_mille(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no part of a node; write it as 5%, from 0% to 90%");
    let percent: f64 = text.strip_suffix('%').unwrap_or(text).trim().parse().map_err(|_| wrong())?;
    if !(0.0..=90.0).contains(&percent) {
        return Err(wrong());
    }
    Ok((percent * 10.0).round() as u32)
}

/// `100` or `$100` a month, of 730 hours.
pub(super) fn usd_per_month(text: &str) -> Result<UsdPerHour, String> {
    let wrong = || format!("`{text}` is no amount; write it in dollars a month, such as 100");
    let dollars: f64 = text.strip_prefix('$').unwrap_or(text).trim().parse().map_err(|_| wrong())?;
    UsdPerHour::from_dollars(dollars / HOURS_PER_MONTH as f64).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_kubectl_writes_them() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for text in ["", "s", "1d", "-1s", "99999999999999999999", "1.5s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn savings_are_dollars_a_month() {
        let an_hour = UsdPerHour::from_nanos(1_000_000_000);
        assert_eq!(usd_per_month("730"), Ok(an_hour));
        assert_eq!(usd_per_month("$730.0"), Ok(an_hour));
        assert_eq!(usd_per_month("0"), Ok(UsdPerHour::ZERO));
        for text in ["", "$", "-1", "NaN", "inf", "a", "1e12"] {
            assert!(usd_per_month(text).is_err(), "{text}");
        }
    }

    #[test]
    fn headroom_is_a_percentage() {
        assert_eq!(per_mille("5%"), Ok(50));
        assert_eq!(per_mille("2.5%"), Ok(25));
        assert_eq!(per_mille("0"), Ok(0));
        for text in ["", "%", "-1%", "100%", "NaN", "a"] {
            assert!(per_mille(text).is_err(), "{text}");
        }
    }
}
