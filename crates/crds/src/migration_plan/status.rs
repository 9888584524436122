//! How far a plan has come: written by whoever carries it out, and by nobody else.

use model::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::moment::Moment;

/// How far a plan has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationPlanStatus {
    /// Where it stands.
    #[serde(default)]
    pub phase: Phase,
    /// The wave under way, or the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wave: Option<u32>,
    /// Steps done: pods whose replacement became ready.
    #[serde(default)]
    pub executed_migrations: u32,
    /// Steps of the plan.
    #[serde(default)]
    pub total_migrations: u32,
    /// Who has agreed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When its first step began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Moment>,
    /// When it came to its end, good or bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Moment>,
    /// What became of each step that was begun or left out, by the pod's uid: at most one a pod, ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["pod"]))]
    pub steps: Vec<StepOutcome>,
    /// Why it stands where it stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nobody has agreed to it yet.
    #[default]
    Pending,
    /// Somebody has agreed; nothing has begun.
    Approved,
    /// Steps are under way.
    Executing,
    /// Begun, and waiting: for a window, a budget, a person.
    Paused,
    /// All of it is done.
    Completed,
    /// It stopped, and not all of what it did could be undone.
    Failed,
    /// It stopped, and what it did was undone.
    RolledBack,
    /// The cluster has moved away from it: it is of no use any more.
    Expired,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepOutcome {
    /// metadata.uid of the pod that the step moves.
    pub pod: Name,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in CamelCase, for machines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When that was so.
    pub at: Moment,
    /// The node on which its replacement became ready, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed_on: Option<Name>,
}

/// What became of a step, in the order in which it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// It is about to be done: written before the first request of it.
    Intended,
    /// The API server has granted the eviction; the replacement is awaited.
    Evicted,
    /// The replacement is ready.
    Moved,
    /// Nothing was done: the step was stale, blocked, or refused by the check or the API server.
    Skipped,
    /// The pod went, and no replacement became ready in time.
    Failed,
    /// It was undone.
    RolledBack,
}

impl Phase {
    /// Nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Phase::Completed | Phase::Failed | Phase::RolledBack | Phase::Expired)
    }
}

#[cfg(test)]
mod tests {
    use model::Time;

    use super::*;

    #[test]
    fn a_status_comes_back_as_it_was_written() {
        let step = StepOutcome {
            pod: "u1".into(),
            outcome: Outcome::Moved,
            reason: String::new(),
            message: String::new(),
            at: Moment(Time(1_795_255_200)),
            landed_on: Some("b-03".into()),
        };
        let status = MigrationPlanStatus { phase: Phase::Executing, steps: vec![step], ..Default::default() };
        let text = serde_json::to_string(&status).unwrap();
        let expected = r#"{"phase":"Executing","executedMigrations":0,"totalMigrations":0,"steps":[{"pod":"u1","outcome":"Moved","at":"2026-11-21T10:00:00Z","landedOn":"b-03"}]}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<MigrationPlanStatus>(&text).unwrap(), status);
        assert_eq!(serde_json::from_str::<MigrationPlanStatus>("{}").unwrap(), MigrationPlanStatus::default());
    }
}
