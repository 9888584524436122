//! When an analysis begins: a cron expression of five fields, or `@every` so long.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::Time;

use crate::duration;

/// Nothing runs more often, in seconds.
pub const LEAST_SECONDS: u32 = 30;

/// What is valid, in words.
pub(crate) const VALID: &str =
    "write it as five cron fields, such as */30 * * * *, or as @every 30s, @hourly, @daily, @weekly or @monthly";

/// When something runs, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// After so many seconds again.
    Every(u32),
    /// At each minute that all five fields name.
    Cron(Cron),
}

/// Five sets of numbers, a bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// 0 to 59.
    pub minutes: u64,
    /// 0 to 23.
    pub hours: u64,
    /// 1 to 31.
    pub days: u64,
    /// 1 to 12.
    pub months: u64,
    /// 0 to 6, from Sunday.
    pub weekdays: u64,
    /// Both kinds of days are limited, and then either is enough.
    pub either_day: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const MINUTES_A_DAY: i64 = 24 * 60;
/// Past the 29th of February of two leap years, which are at most eight years apart.
const LONGEST_WAIT_DAYS: i64 = 9 * 366;

/// The longest that each month gets, from January.
const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// One of the five fields.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    /// Of the numbers from `first`.
    words: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", first: 0, last: 59, words: &[] },
    Field { name: "hour", first: 0, last: 23, words: &[] },
    Field { name: "day of the month", first: 1, last: 31, words: &[] },
    Field { name: "month", first: 1, last: 12, words: &MONTHS },
    Field { name: "day of the week", first: 0, last: 7, words: &WEEKDAYS },
];

impl Schedule {
    /// Reads it, or says what is wrong with it and what is valid.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            text => text,
        };
        if let Some(every) = text.strip_prefix("@every ") {
            let seconds = duration::seconds(every.trim()).ok_or(format!("is no duration: {}", duration::VALID))?;
            if seconds < LEAST_SECONDS {
                return Err(format!("is too often: at least {LEAST_SECONDS} seconds must lie between two analyses"));
            }
            return Ok(Schedule::Every(seconds));
        }
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else { return Err(format!("is no schedule: {VALID}")) };
        let [minutes, hours, days, months, weekdays] =
            [(0, minute), (1, hour), (2, day), (3, month), (4, weekday)].map(|(at, text)| FIELDS[at].parse(text));
        let weekdays = weekdays?;
        let cron = Cron {
            minutes: minutes?,
            hours: hours?,
            days: days?,
            months: months?,
            // 7 is Sunday too.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        if !cron.comes() {
            return Err("never comes: no such month has that day".to_owned());
        }
        Ok(Schedule::Cron(cron))
    }
}

impl Schedule {
    /// When it next runs after this moment.
    pub fn next_after(&self, moment: Time) -> Time {
        match self {
            Schedule::Every(seconds) => Time(moment.0.saturating_add(i64::from(*seconds))),
            Schedule::Cron(cron) => cron.next_after(moment),
        }
    }
}

impl Cron {
    /// The first minute after this moment that all fields name.
    fn next_after(&self, moment: Time) -> Time {
        let next_minute = moment.0.div_euclid(60) + 1;
        let first_day = next_minute.div_euclid(MINUTES_A_DAY);
        for day in first_day..first_day + LONGEST_WAIT_DAYS {
            if !self.names_day(day) {
                continue;
            }
            let from = if day == first_day { next_minute.rem_euclid(MINUTES_A_DAY) } else { 0 };
            let is_named =
                |minute: &i64| self.hours & 1 << (minute / 60) != 0 && self.minutes & 1 << (minute % 60) != 0;
            if let Some(minute) = (from..MINUTES_A_DAY).find(is_named) {
                return Time((day * MINUTES_A_DAY + minute) * 60);
            }
        }
        // What never comes was refused when it was read.
        Time(i64::MAX)
    }

    /// Is it one of its days? Counted from the first of 1970, which was a Thursday.
    fn names_day(&self, day: i64) -> bool {
        let Ok(date) = Timestamp::from_second(day * MINUTES_A_DAY * 60) else { return false };
        let date = date.to_zoned(TimeZone::UTC).date();
        let is_weekday = self.weekdays & 1 << (day + 4).rem_euclid(7) != 0;
        let is_day = self.days & 1 << date.day() != 0;
        let is_either = if self.either_day { is_day || is_weekday } else { is_day && is_weekday };
        self.months & 1 << date.month() != 0 && is_either
    }

    fn comes(&self) -> bool {
        let has_day = |month: u32| (1..=LONGEST[month as usize - 1]).any(|day| self.days & 1 << day != 0);
        self.either_day || (1..=12).filter(|month| self.months & 1 << month != 0).any(has_day)
    }
}

impl Field {
    /// `*`, `5`, `1-5`, `*/10`, `0-30/10`, names, and lists of those.
    fn parse(&self, text: &str) -> Result<u64, String> {
        let mut set = 0;
        for part in text.split(',') {
            set |= self.part(part).ok_or_else(|| {
                let (first, last) = (self.first, self.last);
                format!(
                    "has {part:?} as its {}: it goes from {first} to {last}, as in *, {first}, {first}-{last} or */2",
                    self.name
                )
            })?;
        }
        Ok(set)
    }

    fn part(&self, part: &str) -> Option<u64> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|step| (1..=59).contains(step))?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((from, to)) => (self.number(from)?, self.number(to)?),
            // 5/15 goes on to the end.
            None => (self.number(range)?, if step.is_some() { self.last } else { self.number(range)? }),
        };
        (from <= to).then(|| (from..=to).step_by(step.unwrap_or(1) as usize).fold(0, |set, number| set | 1 << number))
    }

    fn number(&self, text: &str) -> Option<u32> {
        let named = self.words.iter().position(|word| word.eq_ignore_ascii_case(text)).map(|at| at as u32 + self.first);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        named
            .or_else(|| text.parse().ok().filter(|_| digits))
            .filter(|number| (self.first..=self.last).contains(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Cron {
        match Schedule::parse(text) {
            Ok(Schedule::Cron(cron)) => cron,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_are_sets() {
        let half_hours = cron("*/30 * * * *");
        assert_eq!((half_hours.minutes, half_hours.hours), (1 | 1 << 30, (1 << 24) - 1));
        assert_eq!(cron("0 2 * * Mon-Fri").weekdays, 0b11_1110);
        assert_eq!(cron("0 2 * * 5-7").weekdays, 0b110_0001);
        assert_eq!(cron("5/20 0 1,15 jan,DEC *").minutes, 1 << 5 | 1 << 25 | 1 << 45);
        assert!(cron("0 0 1 * 1").either_day && !cron("0 0 1 * *").either_day);
        assert_eq!(cron("@hourly"), cron("0 * * * *"));
        assert_eq!(Schedule::parse("@every 1m30s"), Ok(Schedule::Every(90)));
    }

    #[test]
    fn it_runs_next_at_the_first_minute_that_all_fields_name() {
        let next = |text: &str, after: &str| {
            let after: Timestamp = after.parse().unwrap();
            Schedule::parse(text).unwrap().next_after(Time(after.as_second())).to_string()
        };
        let saturday = "2026-11-21T10:07:30Z";
        for (schedule, expected) in [
            ("@every 90s", "2026-11-21T10:09:00Z"),
            ("*/5 * * * *", "2026-11-21T10:10:00Z"),
            ("7 10 * * *", "2026-11-22T10:07:00Z"),
            ("0 2 * * Mon-Fri", "2026-11-23T02:00:00Z"),
            ("0 0 1 * 0", "2026-11-22T00:00:00Z"),
            ("59 23 31 12 *", "2026-12-31T23:59:00Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ] {
            assert_eq!(next(schedule, saturday), expected, "{schedule}");
        }
        assert_eq!(next("0 0 29 2 *", "2096-03-01T00:00:00Z"), "2104-02-29T00:00:00Z");
        assert_eq!(next("*/5 * * * *", "2026-11-21T10:05:00Z"), "2026-11-21T10:10:00Z");
    }

    #[test]
    fn what_is_none_is_told_what_is() {
        let said = |text: &str| Schedule::parse(text).unwrap_err();
        assert!(said("every day").starts_with("is no schedule: write it as five cron fields"));
        assert!(said("").starts_with("is no schedule"));
        assert!(said("* * * * * *").starts_with("is no schedule"));
        assert!(said("60 * * * *").starts_with("has \"60\" as its minute: it goes from 0 to 59"));
        assert!(said("0 25 * * *").contains("hour"));
        assert!(said("0 0 0 * *").contains("day of the month"));
        assert!(said("0 0 1 13 *").contains("month"));
        assert!(said("0 0 * * Mo").contains("day of the week"));
        assert!(said("0 0 30 2 *").starts_with("never comes"));
        assert!(said("@every 10s").starts_with("is too often: at least 30 seconds"));
        assert!(said("@every so often").starts_with("is no duration"));
        for text in ["*/0 * * * *", "5-1 * * * *", "- * * * *", ", * * * *", "*/ * * * *", "+5 * * * *"] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
