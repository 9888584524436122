//! Objects by their labels, as Kubernetes selects them everywhere.

use std::collections::BTreeMap;

use model::{LabelSelector, Requirement, SelectorOperator};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::violation::Violation;

/// Objects by their labels: all that is named must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// Labels with exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// What else must hold of its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub match_expressions: Vec<Expression>,
}

/// What must hold of one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)", "fieldPath": ".operator",
     "message": "In and NotIn need values, and Exists and DoesNotExist have none"}
]))]
pub struct Expression {
    /// The label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// How it is asked.
    pub operator: Operator,
    /// Of In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub values: Vec<String>,
}

/// How a label is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// Its value is one of these.
    In,
    /// Its value is none of these, or it is not there.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl Selector {
    /// Everything that is wrong with the selector in this field.
    pub(crate) fn violations(&self, field: &str) -> Vec<Violation> {
        let mut wrong = Vec::new();
        for (at, expression) in self.match_expressions.iter().enumerate() {
            let needs_values = matches!(expression.operator, Operator::In | Operator::NotIn);
            if needs_values == expression.values.is_empty() {
                let field = format!("{field}.matchExpressions[{at}].operator");
                let message = "In and NotIn need values, and Exists and DoesNotExist have none";
                wrong.push(Violation::new(field, format!("{:?}", expression.operator), message));
            }
        }
        wrong
    }
}

impl From<&Selector> for LabelSelector {
    fn from(selector: &Selector) -> LabelSelector {
        let equal = selector.match_labels.iter().map(|(key, value)| Requirement {
            key: key.as_str().into(),
            operator: SelectorOperator::In,
            values: vec![value.as_str().into()],
        });
        let others = selector.match_expressions.iter().map(|expression| Requirement {
            key: expression.key.as_str().into(),
            operator: match expression.operator {
                Operator::In => SelectorOperator::In,
                Operator::NotIn => SelectorOperator::NotIn,
                Operator::Exists => SelectorOperator::Exists,
                Operator::DoesNotExist => SelectorOperator::DoesNotExist,
            },
            values: expression.values.iter().map(|value| value.as_str().into()).collect(),
        });
        let mut requirements: Vec<Requirement> = equal.chain(others).collect();
        requirements.sort();
        LabelSelector { requirements }
    }
}
