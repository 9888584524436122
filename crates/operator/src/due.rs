//! When something comes round again, whatever is done to the clock meanwhile.

use std::time::{Duration, Instant};

use crds::Schedule;
use model::Time;

/// A clock that is set back by less makes nothing come twice; by more, it was wrong before.
const SET_BACK_SECONDS: i64 = 3 * 3_600;
/// Nothing waits longer.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// When something comes round again.
#[derive(Clone, Copy, Debug)]
pub enum Due {
    /// Once so much time has passed, whatever the clock says.
    Past(Instant),
    /// When the clock says so; it was last `since`.
    At {
        /** The moment. */
        moment: Time,
        /** When that was decided. */
        since: Time,
    },
}

impl Due {
    /// At once.
    pub fn now() -> Due {
        Due::Past(Instant::now())
    }

    /// Once so many seconds have passed.
    pub fn after(seconds: i64) -> Due {
        let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST);
        Due::Past(Instant::now() + wait)
    }

    /// As the schedule has it.
    pub fn by(schedule: &Schedule, now: Time) -> Due {
        match schedule {
            Schedule::Every(seconds) => Due::after(i64::from(*seconds)),
            Schedule::Cron(_) => Due::At { moment: schedule.next_after(now), since: now },
        }
    }

    /// After so many seconds at the latest.
    pub fn within(self, seconds: i64, now: Time) -> Due {
        match self {
            Due::Past(moment) if moment.saturating_duration_since(Instant::now()).as_secs() as i64 <= seconds => self,
            Due::At { moment, .. } if moment.seconds_since(now) <= seconds => self,
            Due::Past(_) | Due::At { .. } => Due::after(seconds),
        }
    }

    /// Is it time?
    pub fn is_reached(&self, now: Time) -> bool {
        match self {
            Due::Past(moment) => Instant::now() >= *moment,
            Due::At { moment, since } => now >= *moment || since.seconds_since(now) > SET_BACK_SECONDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(now: i64) -> Due {
        Due::by(&Schedule::parse("@daily").expect("a schedule"), Time(now))
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_come_twice_and_nothing_stay_away() {
        let (day, midnight) = (86_400, 20_000 * 86_400);
        let due = daily(midnight);
        // Set back a little after it has come round: not again, before the next midnight.
        for (now, wanted) in [(midnight - 600, false), (midnight + day - 1, false), (midnight + day, true)] {
            assert_eq!(due.is_reached(Time(now)), wanted, "{now}");
        }
        // Set forward over it: once. Set back by days, as where it was wrong at first: it does not wait for days.
        assert!(due.is_reached(Time(midnight + 3 * day)));
        assert!(due.is_reached(Time(midnight - 2 * day)));
        // Brought forward, unless it comes sooner by itself.
        assert!(daily(midnight).within(0, Time(midnight)).is_reached(Time(midnight)));
        assert!(!daily(midnight + day - 5).within(6, Time(midnight + day - 5)).is_reached(Time(midnight + day - 1)));
        assert!(!Due::after(1_000).within(500, Time(midnight)).is_reached(Time(midnight)));
        assert!(Due::now().within(500, Time(midnight)).is_reached(Time(midnight)));
        // What comes every so often does not look at the clock.
        let every = Due::by(&Schedule::parse("@every 1h").expect("a schedule"), Time(midnight));
        assert!(!every.is_reached(Time(midnight + day)) && !every.is_reached(Time(midnight - day)));
        assert!(Due::now().is_reached(Time(0)) && !Due::after(i64::MAX).is_reached(Time(i64::MAX)));
    }
}
