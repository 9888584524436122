//! How long a busy server, a budget, or an object that changes all the time is asked again.

use std::time::{Duration, Instant};

use crate::answer::Refusal;

const MOST: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest pause between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What is left of the time to try in: half a minute where nothing else is said.
pub struct Patience {
    until: Instant,
    wait: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience::of(MOST)
    }
}

impl Patience {
    pub fn of(patience: Duration) -> Patience {
        Patience { until: Instant::now() + patience, wait: FIRST_WAIT }
    }

    /// Waits before the next try, twice as long each time; false where there is none, or none would help.
    pub async fn is_left_after(&mut self, refusal: &Refusal) -> bool {
        let pause = match refusal {
            Refusal::Gone | Refusal::Final(_) => return false,
            Refusal::Changed | Refusal::Budget(_) => self.wait,
            Refusal::Busy(pause, _) => self.wait.max(*pause),
        };
        if Instant::now() + pause > self.until {
            return false;
        }
        tokio::time::sleep(pause).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        true
    }
}
