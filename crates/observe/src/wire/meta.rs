//! What every object has: names, labels, owners, conditions; and the selectors that pick objects by label.

use serde::{Deserialize, Deserializer, Serialize};

use super::values::{Annotations, StringMap};
use super::wire;

wire! {
    struct ObjectMeta {
        name: String,
        namespace: String,
        uid: String,
        labels: StringMap,
        annotations: Annotations,
        owner_references: Vec<OwnerReference>,
        creation_timestamp: Option<String>,
        deletion_timestamp: Option<String>,
        generation: i64,
    }

    struct OwnerReference {
        api_version: String,
        kind: String,
        name: String,
        uid: String,
        controller: bool,
    }

    struct LabelSelector {
        match_labels: StringMap,
        match_expressions: Vec<SelectorRequirement>,
    }

    struct SelectorRequirement {
        key: String,
        operator: String,
        values: Vec<String>,
    }

    struct NodeSelector {
        node_selector_terms: Vec<NodeSelectorTerm>,
    }

    struct NodeSelectorTerm {
        match_expressions: Vec<SelectorRequirement>,
        match_fields: Vec<SelectorRequirement>,
    }

    struct Condition {
        r#type: String,
        status: String,
        reason: String,
        last_transition_time: Option<String>,
        last_heartbeat_time: Option<String>,
    }

    struct Named {
        name: String,
    }

    /// Only that it is there matters.
    struct Present {}
}

/// The conditions that somebody reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Conditions(pub Vec<Condition>);

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const READ: [&str; 6] =
            ["Ready", "PodResizePending", "PodResizeInProgress", "Progressing", "Failed", "Complete"];
        let mut conditions = Vec::<Condition>::deserialize(deserializer)?;
        conditions.retain(|condition| READ.contains(&condition.r#type.as_str()));
        Ok(Conditions(conditions))
    }
}

impl Conditions {
    /// The first condition of this type.
    pub(crate) fn get(&self, r#type: &str) -> Option<&Condition> {
        self.0.iter().find(|condition| condition.r#type == r#type)
    }

    pub(crate) fn is_true(&self, r#type: &str) -> bool {
        self.get(r#type).is_some_and(|condition| condition.status == "True")
    }
}
