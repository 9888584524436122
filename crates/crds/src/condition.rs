//! Conditions of a status, as Kubernetes has them everywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// One side of how an object stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which side, in CamelCase. One condition a type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: Holds,
    /// Why, in CamelCase, for machines.
    pub reason: String,
    /// Why, for people.
    #[serde(default)]
    pub message: String,
    /// Since when it is so.
    pub last_transition_time: Moment,
    /// The generation of the spec that it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Holds {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}
