//! Labels and selectors.

use model::{LabelSelector, Labels, Name, Requirement, SelectorOperator};

use super::Unreadable;
use crate::intern::Interner;
use crate::wire::meta;
use crate::wire::values::StringMap;

pub(crate) fn labels(map: &StringMap, interner: &Interner) -> Labels {
    if map.is_empty() {
        return Labels::default();
    }
    interner.labels(Labels::new(map.iter().map(|(key, value)| (interner.name(key), interner.name(value))).collect()))
}

pub(crate) fn names(texts: &[String], interner: &Interner) -> Vec<Name> {
    texts.iter().map(|text| interner.name(text)).collect()
}

/// matchLabels and matchExpressions as one sorted list of requirements.
pub(crate) fn label_selector(
    selector: &meta::LabelSelector,
    interner: &Interner,
    field: &str,
) -> Result<LabelSelector, Unreadable> {
    let mut requirements: Vec<Requirement> = selector
        .match_labels
        .iter()
        .map(|(key, value)| Requirement {
            key: interner.name(key),
            operator: SelectorOperator::In,
            values: vec![interner.name(value)],
        })
        .collect();
    for (at, expression) in selector.match_expressions.iter().enumerate() {
        requirements.push(requirement(expression, interner, || format!("{field}.matchExpressions[{at}]"))?);
    }
    requirements.sort();
    Ok(LabelSelector { requirements })
}

/// A selector that may be absent, which selects nothing.
pub(crate) fn optional_selector(
    selector: Option<&meta::LabelSelector>,
    interner: &Interner,
    field: &str,
) -> Result<Option<LabelSelector>, Unreadable> {
    selector.map(|selector| label_selector(selector, interner, field)).transpose()
}

pub(crate) fn requirement(
    expression: &meta::SelectorRequirement,
    interner: &Interner,
    field: impl Fn() -> String,
) -> Result<Requirement, Unreadable> {
    let operator = match expression.operator.as_str() {
        "In" => SelectorOperator::In,
        "NotIn" => SelectorOperator::NotIn,
        "Exists" => SelectorOperator::Exists,
        "DoesNotExist" => SelectorOperator::DoesNotExist,
        "Gt" => SelectorOperator::Gt,
        "Lt" => SelectorOperator::Lt,
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(Unreadable::new(format!("{}.operator", field()), format!("\"{shown}\" is no operator")));
        }
    };
    Ok(Requirement { key: interner.name(&expression.key), operator, values: names(&expression.values, interner) })
}
