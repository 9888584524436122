//! The rollback query of a rollout: asked before the first pod, and for as long as its steps are watched.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use act::{Reading, Threshold};
use crds::{Condition, Holds};
use observe::prometheus::PrometheusOptions;

use super::case::{APPLICABLE, Case, Policy};
use super::{Done, Known, SOON};
use crate::context::Context;
use crate::error::OperatorError;
use crate::record;

/// An answer counts for so long; recommendations of one policy have it together.
const FRESH: Duration = Duration::from_secs(5);
/// Who gave none is left alone for so long, as it may take its time to give none.
const UNANSWERED_FOR: Duration = Duration::from_secs(30);
/// Others wait while it is asked.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A Prometheus that starts anew is not worth a word.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);
const CROSSED: &str = "RollbackQueryCrossed";
const UNKNOWN: &str = "RollbackQueryUnknown";

/// What queries have last said.
#[derive(Default)]
pub struct Thresholds {
    said: HashMap<String, (Instant, Reading)>,
}

impl Thresholds {
    async fn ask(&mut self, context: &Context, query: &str) -> Reading {
        self.said.retain(|_, (since, reading)| {
            let counts = if matches!(reading, Reading::Unknown(_)) { UNANSWERED_FOR } else { FRESH };
            since.elapsed() < counts
        });
        if let Some((_, reading)) = self.said.get(query) {
            return reading.clone();
        }
        let given = context.settings.rightsizing.prometheus.clone();
        let prometheus = given.map(|given| PrometheusOptions { timeout: TIMEOUT, ..given });
        let threshold = Threshold { query: query.to_owned(), prometheus };
        // However often it is tried again: others wait.
        let reading = tokio::time::timeout(TIMEOUT, threshold.ask())
            .await
            .unwrap_or_else(|_| Reading::Unknown(format!("Prometheus did not answer within {} s", TIMEOUT.as_secs())));
        self.said.insert(query.to_owned(), (Instant::now(), reading.clone()));
        reading
    }
}

impl Case<'_> {
    async fn reading(&self, thresholds: &mut Thresholds) -> Reading {
        match &self.policy {
            Policy::Of(terms) => match terms.spec.rollback_query() {
                Some(query) => thresholds.ask(self.context, query).await,
                None => Reading::Fine,
            },
            _ => Reading::Fine,
        }
    }

    /// Why it may not begin, where the query is crossed or nobody knows.
    pub(super) async fn threshold_forbids(&self, thresholds: &mut Thresholds) -> Option<(&'static str, String)> {
        match self.reading(thresholds).await {
            Reading::Fine => None,
            Reading::Crossed(by) => Some((CROSSED, format!("the rollback query is crossed already: {by}"))),
            Reading::Unknown(why) => {
                Some((UNKNOWN, format!("whether the rollback query is crossed is unknown: {why}")))
            }
        }
    }

    /// Goes back where the query is crossed, and stays where it is while nobody knows; itself where neither is so.
    pub(super) async fn unless_crossed(
        mut self,
        thresholds: &mut Thresholds,
        known: &mut Known,
    ) -> Result<Option<Self>, OperatorError> {
        match self.reading(thresholds).await {
            Reading::Fine => {
                known.unknown_since = None;
                let was_unknown = |known: &Condition| known.kind == APPLICABLE && known.reason == UNKNOWN;
                if self.standing.conditions.iter().any(was_unknown) {
                    record::put(&mut self.standing.conditions, APPLICABLE, Holds::True, "Applicable", "it goes on");
                }
                Ok(Some(self))
            }
            Reading::Crossed(by) => {
                let why = format!("the rollback query is crossed: {by}");
                self.roll_back(CROSSED, why, known).await.map(|()| None)
            }
            Reading::Unknown(why) => self.stay(why, known).await.map(|()| None),
        }
    }

    /// What has it keeps it; no other gets it until somebody knows.
    async fn stay(self, why: String, known: &mut Known) -> Done {
        known.again = Some(Instant::now() + SOON);
        let since = *known.unknown_since.get_or_insert_with(Instant::now);
        if since.elapsed() < UNKNOWN_FOR {
            return Ok(());
        }
        self.skip(UNKNOWN, format!("whether the rollback query is crossed is unknown: {why}")).await
    }
}
