//! A PromQL expression of somebody's own that says when a plan is not to go on: crossed, it is rolled back. Where nobody
//! knows whether it is crossed, nothing more leaves.

use std::fmt;
use std::time::{Duration, Instant};

use observe::prometheus::{PrometheusOptions, crossed};

use crate::carry_out::{Execution, Stop};
use crate::error::ActError;
use crate::progress::Progress;

/// It is asked so often while the next wave is waited for.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// What fails is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// A plan that has not begun can as well begin later.
const BEFORE_THE_START: Duration = Duration::from_secs(5);
/// In between, Prometheus may start anew: a large one reads its journal for minutes, and longer is no restart.
const ON_THE_WAY: Duration = Duration::from_secs(180);
/// So much of the expression is told with what came of it.
const LONGEST_TOLD: usize = 300;

/// An expression, and whom to ask.
#[derive(Clone)]
pub struct Threshold {
    /// The PromQL expression, sent as it is.
    pub query: String,
    /// Who answers; nobody where there is none, and then nothing begins.
    pub prometheus: Option<PrometheusOptions>,
}

/// What it says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It is not crossed.
    Fine,
    /// It is, and by what.
    Crossed(String),
    /// Nobody knows, and why.
    Unknown(String),
}

impl Threshold {
    /// Asks once.
    pub async fn ask(&self) -> Reading {
        let query: String = self.query.chars().take(LONGEST_TOLD).collect();
        let Some(prometheus) = &self.prometheus else {
            return Reading::Unknown(format!("nobody was given to ask {query}: --prometheus URL says who answers"));
        };
        match crossed(prometheus, &self.query).await {
            Ok(None) => Reading::Fine,
            Ok(Some(crossing)) => Reading::Crossed(format!("{crossing} is the result of {query}")),
            Err(error) => Reading::Unknown(format!("{}; asked was {query}", observe::in_full(&error))),
        }
    }

    /// What it says once somebody knows, within this time.
    async fn ask_within(&self, within: Duration, waiting: impl Fn(&str, Duration)) -> Reading {
        let start = Instant::now();
        loop {
            let reading = self.ask().await;
            let Reading::Unknown(why) = &reading else { return reading };
            if start.elapsed() >= within {
                return reading;
            }
            waiting(why, start.elapsed());
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Before anything is touched.
    pub async fn allows_to_begin(&self) -> Result<(), ActError> {
        match self.ask_within(BEFORE_THE_START, |_, _| ()).await {
            Reading::Fine => Ok(()),
            Reading::Crossed(by) => Err(ActError::Crossed { by }),
            Reading::Unknown(why) => Err(ActError::CrossedUnknown { why }),
        }
    }
}

impl Execution<'_> {
    /// Whether more may leave: crossed, all goes back; unknown for long, the rest waits.
    pub(crate) async fn threshold_lets_go_on(&self) -> Result<(), Stop> {
        let Some(threshold) = &self.options.threshold else { return Ok(()) };
        let waiting = |why: &str, since: Duration| {
            let what = format!("an answer of Prometheus: {why}");
            (self.listener)(Progress::Waiting { what: &what, since });
        };
        match threshold.ask_within(ON_THE_WAY, waiting).await {
            Reading::Fine => Ok(()),
            Reading::Crossed(by) => Err(Stop::RollBack(rolled_back_by(&by))),
            Reading::Unknown(why) => Err(Stop::Pause(format!("whether to roll back is unknown: {why}"))),
        }
    }

    /// Why to roll back at once, while nothing is about to leave.
    pub(crate) async fn crossed_meanwhile(&self) -> Option<String> {
        match self.options.threshold.as_ref()?.ask().await {
            Reading::Crossed(by) => Some(rolled_back_by(&by)),
            // Before anything leaves it is asked again, with patience.
            Reading::Fine | Reading::Unknown(_) => None,
        }
    }

    /// The pause after a wave.
    pub(crate) async fn cool_down(&self) -> Result<(), Stop> {
        let seconds = u64::try_from(self.policy.cooldown_seconds).unwrap_or(0);
        let (start, whole) = (Instant::now(), Duration::from_secs(seconds));
        while start.elapsed() < whole {
            tokio::time::sleep(ASK_EVERY.min(whole.saturating_sub(start.elapsed()))).await;
            if let Some(reason) = self.crossed_meanwhile().await {
                return Err(Stop::RollBack(reason));
            }
        }
        Ok(())
    }
}

fn rolled_back_by(crossing: &str) -> String {
    format!("the rollback query is crossed: {crossing}")
}

impl fmt::Debug for Threshold {
    /// Its address may have a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threshold").field("query", &self.query).finish_non_exhaustive()
    }
}
