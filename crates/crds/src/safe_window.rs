//! A time of the week in which pods may be moved.

use jiff::tz::TimeZone;
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
