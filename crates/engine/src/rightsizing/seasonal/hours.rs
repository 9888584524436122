//! The highest use of each hour of the last week, in four bytes an hour.

use model::Time;

const HOUR_SECONDS: i64 = 3_600;
const DAY_HOURS: i64 = 24;
const DAYS: i64 = 7;
/// A week, and as far ahead as anybody looks from a week ago.
const KEPT: usize = 200;

/// The highest use of each hour; nothing of an hour that was not measured.
pub struct Hours {
    highest: Box<[f32; KEPT]>,
    /// The hour of the last sample, since the epoch.
    now: Option<i64>,
    ahead: i64,
    /// What the hour last asked for came to.
    known: Option<(i64, Ahead)>,
}

/// What the coming hours were like on the last seven days; zero where nothing was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ahead {
    /// Yesterday.
    pub yesterday: f64,
    /// The highest of the seven.
    pub highest: f64,
    /// The second highest.
    pub second: f64,
}

impl Hours {
    /// To look so many hours ahead, at most a day.
    pub fn new(ahead: u8) -> Hours {
        let ahead = i64::from(ahead).min(DAY_HOURS);
        Hours { highest: Box::new([0.0; KEPT]), now: None, ahead, known: None }
    }

    /// A sample, later than those before it.
    pub fn sample(&mut self, at: Time, amount: f64) {
        let hour = at.0.div_euclid(HOUR_SECONDS);
        let from = self.now.unwrap_or(hour - 1);
        if hour - from >= KEPT as i64 {
            self.highest.fill(0.0);
        } else {
            (from + 1..=hour).for_each(|skipped| self.highest[place(skipped)] = 0.0);
        }
        self.now = Some(hour.max(from));
        let highest = &mut self.highest[place(hour)];
        *highest = highest.max(amount as f32);
    }

    /// What this and the coming hours were like on the last seven days.
    pub fn ahead(&mut self, now: Time) -> Ahead {
        let hour = now.0.div_euclid(HOUR_SECONDS);
        match self.known {
            Some((known, ahead)) if known == hour => ahead,
            _ => {
                let ahead = self.compute(hour);
                self.known = Some((hour, ahead));
                ahead
            }
        }
    }

    fn compute(&self, hour: i64) -> Ahead {
        let Some(last) = self.now else { return Ahead::default() };
        let oldest = last - KEPT as i64 + 1;
        let mut ahead = Ahead::default();
        for day in 1..=DAYS {
            let start = hour - day * DAY_HOURS;
            // What the last sample's hour will still see is not known; hours before the oldest are forgotten.
            let seen = (start..=start + self.ahead).filter(|hour| (oldest..=last).contains(hour));
            let highest = seen.map(|hour| f64::from(self.highest[place(hour)])).fold(0.0, f64::max);
            if day == 1 {
                ahead.yesterday = highest;
            }
            if highest > ahead.highest {
                (ahead.highest, ahead.second) = (highest, ahead.highest);
            } else {
                ahead.second = ahead.second.max(highest);
            }
        }
        ahead
    }
}

fn place(hour: i64) -> usize {
    hour.rem_euclid(KEPT as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_hours_of_the_last_days_are_found() {
        let mut hours = Hours::new(6);
        for hour in 0..24 * 8 {
            let peak = match hour {
                34 => 9.0,  // Day 1, ten o'clock.
                58 => 5.0,  // Day 2, ten o'clock.
                178 => 3.0, // Day 7, ten o'clock: yesterday.
                _ => 1.0,
            };
            hours.sample(Time(hour * 3_600), peak);
        }
        let morning = hours.ahead(Time((24 * 8 + 7) * 3_600));
        assert_eq!((morning.yesterday, morning.highest, morning.second), (3.0, 9.0, 5.0));
        let evening = hours.ahead(Time((24 * 8 + 12) * 3_600));
        assert_eq!((evening.yesterday, evening.highest, evening.second), (1.0, 1.0, 1.0));
    }

    #[test]
    fn a_long_gap_forgets_and_what_was_not_seen_is_nothing() {
        let mut hours = Hours::new(6);
        hours.sample(Time(0), 9.0);
        hours.sample(Time(400 * 3_600), 1.0);
        assert_eq!(hours.ahead(Time(401 * 3_600)), Ahead::default());
    }
}
