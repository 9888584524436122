//! Moments of 2026, counted back from the one at which the cluster is seen.

/// The minute at which everything is seen: `2026-11-21T10:00:00Z`, as minutes of the year.
const NOW: i64 = (324 * 24 + 10) * 60;
const DAYS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

pub(super) const HOUR: i64 = 60;
pub(super) const DAY: i64 = 24 * HOUR;

/// The moment this many minutes ago, of this year.
pub(super) fn ago(minutes: i64) -> String {
    let minute = (NOW - minutes).clamp(0, NOW);
    let (mut day, mut month) = (minute / DAY, 1);
    for days in DAYS {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("2026-{month:02}-{:02}T{:02}:{:02}:00Z", day + 1, minute / 60 % 24, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_counted_back_through_the_months() {
        assert_eq!(ago(0), "2026-11-21T10:00:00Z");
        assert_eq!(ago(10 * HOUR + 1), "2026-11-20T23:59:00Z");
        assert_eq!(ago(21 * DAY), "2026-10-31T10:00:00Z");
        assert_eq!(ago(400 * DAY), "2026-01-01T00:00:00Z");
    }
}
