//! A time of the week in which pods may be moved.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use model::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_saphyr::DoubleQuoted;

use crate::violation::{Validate, Violation};

/// A time of the week in which pods may be moved. Where the end is before the start, it goes over midnight and belongs
/// to the day on which it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.start != self.end", "fieldPath": ".end",
     "message": "is the start too, which leaves no time: leave safeWindows out to allow any time",
     "messageExpression": "self.end + ' is the start too, which leaves no time: leave safeWindows out to allow any time'"}
]))]
pub struct SafeWindow {
    /// When it opens, HH:MM.
    #[serde(serialize_with = "quoted")]
    #[schemars(length(max = 5), extend("x-kubernetes-validations" = [
        {"rule": "self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')", "message": "write it as HH:MM, from 00:00 to 23:59"}
    ]))]
    pub start: String,
    /// When it closes, HH:MM.
    #[serde(serialize_with = "quoted")]
    #[schemars(length(max = 5), extend("x-kubernetes-validations" = [
        {"rule": "self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')", "message": "write it as HH:MM, from 00:00 to 23:59"}
    ]))]
    pub end: String,
    /// On which days it opens; every day where none is named.
    #[serde(default)]
    #[schemars(length(max = 7), extend("x-kubernetes-list-type" = "set"))]
    pub days: Vec<Day>,
    /// Where, as the IANA names it, such as Europe/Berlin.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Without quotes 22:00 is a number to whatever reads YAML 1.1.
fn quoted<S: Serializer>(time: &str, serializer: S) -> Result<S::Ok, S::Error> {
    DoubleQuoted(time).serialize(serializer)
}

fn utc() -> String {
    "UTC".to_owned()
}

/// HH:MM as minutes of the day.
pub fn minutes(text: &str) -> Option<u16> {
    let number = |text: &str, below: u16| -> Option<u16> {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && *number < below)
    };
    let (hour, minute) = text.split_once(':')?;
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

impl SafeWindow {
    /// Is it open at this moment? What the clock shows in its time zone decides, so that it follows clock changes.
    pub fn is_open(&self, moment: Time) -> bool {
        let (Some(start), Some(end)) = (minutes(&self.start), minutes(&self.end)) else { return false };
        let (Ok(zone), Ok(moment)) = (TimeZone::get(&self.time_zone), Timestamp::from_second(moment.0)) else {
            return false;
        };
        let local = moment.to_zoned(zone);
        let now = local.hour().unsigned_abs() as u16 * 60 + local.minute().unsigned_abs() as u16;
        let today = local.weekday();
        if start < end {
            return (start..end).contains(&now) && self.opens_on(today);
        }
        (now >= start && self.opens_on(today)) || (now < end && self.opens_on(today.previous()))
    }

    fn opens_on(&self, weekday: Weekday) -> bool {
        const DAYS: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        let day = DAYS[usize::from(weekday.to_monday_zero_offset().unsigned_abs())];
        self.days.is_empty() || self.days.contains(&day)
    }
}

/// When the next of these opens; nothing where one is open or none ever does.
pub fn next_opening(windows: &[SafeWindow], moment: Time) -> Option<Time> {
    /// A window opens every week or never.
    const MINUTES: i64 = 8 * 24 * 60;
    let is_open = |moment: Time| windows.iter().any(|window| window.is_open(moment));
    if is_open(moment) {
        return None;
    }
    let first = moment.0.div_euclid(60);
    (1..=MINUTES).map(|minute| Time((first + minute) * 60)).find(|moment| is_open(*moment))
}

impl Validate for SafeWindow {
    fn violations(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        for (field, time) in [("start", &self.start), ("end", &self.end)] {
            if minutes(time).is_none() {
                wrong.push(Violation::new(field, time.as_str(), "write it as HH:MM, from 00:00 to 23:59"));
            }
        }
        if self.start == self.end {
            let message = "is the start too, which leaves no time: leave safeWindows out to allow any time";
            wrong.push(Violation::new("end", self.end.as_str(), message));
        }
        if TimeZone::get(&self.time_zone).is_err() {
            let message = "is no time zone of the IANA's, such as UTC, Europe/Berlin or America/New_York";
            wrong.push(Violation::new("timeZone", self.time_zone.as_str(), message));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: &str, end: &str, days: &[Day], time_zone: &str) -> SafeWindow {
        SafeWindow { start: start.into(), end: end.into(), days: days.to_vec(), time_zone: time_zone.into() }
    }

    fn at(text: &str) -> Time {
        let moment: Timestamp = text.parse().unwrap();
        Time(moment.as_second())
    }

    #[test]
    fn over_midnight_it_belongs_to_the_day_on_which_it_starts() {
        let nights = window("22:00", "06:00", &[Day::Fri], "UTC");
        for (moment, open) in [
            ("2026-11-20T21:59:59Z", false),
            ("2026-11-20T22:00:00Z", true),
            ("2026-11-21T05:59:59Z", true),
            ("2026-11-21T06:00:00Z", false),
            ("2026-11-20T03:00:00Z", false),
            ("2026-11-21T22:30:00Z", false),
        ] {
            assert_eq!(nights.is_open(at(moment)), open, "{moment}");
        }
    }

    /// Berlin went from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
    #[test]
    fn it_follows_the_clock_of_its_zone_over_clock_changes() {
        let mornings = window("02:00", "04:00", &[], "Europe/Berlin");
        for (moment, open) in [
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", true),
            ("2026-03-29T01:59:59Z", true),
            ("2026-03-29T02:00:00Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T02:59:59Z", true),
            ("2026-10-25T03:00:00Z", false),
        ] {
            assert_eq!(mornings.is_open(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn the_next_opening_is_the_first_minute_in_which_one_is_open() {
        let windows = [window("22:00", "06:00", &[Day::Mon], "UTC"), window("12:00", "13:00", &[Day::Sun], "UTC")];
        assert_eq!(next_opening(&windows, at("2026-11-21T10:07:30Z")), Some(at("2026-11-22T12:00:00Z")));
        assert_eq!(next_opening(&windows, at("2026-11-22T12:30:00Z")), None);
        assert_eq!(next_opening(&windows, at("2026-11-22T13:00:00Z")), Some(at("2026-11-23T22:00:00Z")));
        assert_eq!(next_opening(&[], at("2026-11-22T13:00:00Z")), None);
    }
}
