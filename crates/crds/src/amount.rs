//! Amounts of CPU and memory, as manifests have them: `250m`, `512Mi`.

use model::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::violation::Violation;

/// CPU and memory of one container, each where it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Such as `250m` or `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub cpu: Option<String>,
    /// Such as `512Mi` or `1Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub memory: Option<String>,
}

/// Which of the two, and so its unit.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Cpu,
    Memory,
}

impl Amounts {
    /// Millicores and bytes; what is no amount is absent.
    pub fn values(&self) -> [Option<i64>; 2] {
        let of = |text: &Option<String>, unit| text.as_deref().and_then(|text| value(text, unit));
        [of(&self.cpu, Unit::Cpu), of(&self.memory, Unit::Memory)]
    }

    /// Neither is said.
    pub fn is_empty(&self) -> bool {
        self.cpu.is_none() && self.memory.is_none()
    }

    pub(crate) fn violations(&self, field: &str) -> Vec<Violation> {
        let both = [("cpu", &self.cpu, Unit::Cpu), ("memory", &self.memory, Unit::Memory)];
        both.into_iter()
            .filter_map(|(name, text, unit)| violation(&format!("{field}.{name}"), text.as_deref()?, unit))
            .collect()
    }
}

/// What is wrong with an amount in this field.
pub(crate) fn violation(field: &str, text: &str, unit: Unit) -> Option<Violation> {
    let example = match unit {
        Unit::Cpu => "250m or 2",
        Unit::Memory => "512Mi or 1Gi",
    };
    value(text, unit).is_none().then(|| Violation::new(field, text, format!("is no amount above 0, such as {example}")))
}

/// Millicores or bytes.
pub(crate) fn value(text: &str, unit: Unit) -> Option<i64> {
    let quantity = Quantity::parse(text).ok()?;
    let value = match unit {
        Unit::Cpu => quantity.milli_value(),
        Unit::Memory => quantity.value(),
    };
    (value > 0).then_some(value)
}
