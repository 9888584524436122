//! Which objects are meant: `-n`, `-A` and `-l`.

use model::{LabelSelector, Labels, Name, Requirement, SelectorOperator};

/// Parses a selector as kubectl's `-l` takes it: `app=web,tier!=db,env in (a,b),!old,new`.
pub fn parse_selector(text: &str) -> Result<LabelSelector, String> {
    let mut requirements = Vec::new();
    for part in split_outside_parentheses(text)? {
        let part = part.trim();
        if !part.is_empty() {
            requirements.push(requirement(part)?);
        }
    }
    requirements.sort();
    Ok(LabelSelector { requirements })
}

/// The objects that a command is about.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only of this namespace.
    pub namespace: Option<String>,
    /// Only with these labels.
    pub selector: Option<LabelSelector>,
}

impl Scope {
    /// Is an object of this namespace with these labels meant?
    pub fn contains(&self, namespace: &str, labels: &Labels) -> bool {
        self.has_namespace(namespace) && self.selector.as_ref().is_none_or(|selector| selector.matches(labels))
    }

    /// Is this namespace meant?
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|meant| meant == namespace)
    }
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let of = |key: &str, operator, values: Vec<Name>| {
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(format!("`{text}` is no condition on a label"));
        }
        Ok(Requirement { key: key.into(), operator, values })
    };
    for (word, operator) in [(" notin ", SelectorOperator::NotIn), (" in ", SelectorOperator::In)] {
        if let Some((key, list)) = text.split_once(word) {
            let list = list.trim().strip_prefix('(').and_then(|list| list.strip_suffix(')'));
            let list = list.ok_or_else(|| format!("`{text}` lacks the parentheses around its values"))?;
            return of(key, operator, list.split(',').map(|value| value.trim().into()).collect());
        }
    }
    for (sign, operator) in [("!=", SelectorOperator::NotIn), ("==", SelectorOperator::In), ("=", SelectorOperator::In)]
    {
        if let Some((key, value)) = text.split_once(sign) {
            return of(key, operator, vec![value.trim().into()]);
        }
    }
    match text.strip_prefix('!') {
        Some(key) => of(key, SelectorOperator::DoesNotExist, Vec::new()),
        None => of(text, SelectorOperator::Exists, Vec::new()),
    }
}

fn split_outside_parentheses(text: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let (mut from, mut is_inside) = (0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' if !is_inside => is_inside = true,
            ')' if is_inside => is_inside = false,
            '(' | ')' => return Err(format!("`{text}` has parentheses that do not match")),
            ',' if !is_inside => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    if is_inside {
        return Err(format!("`{text}` has parentheses that do not match"));
    }
    parts.push(&text[from..]);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = Labels::new(labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect());
        parse_selector(selector).unwrap().matches(&labels)
    }

    #[test]
    fn every_form_that_kubectl_takes() {
        let web = [("app", "web"), ("env", "prod")];
        for selector in [
            "app=web",
            "app==web",
            "app!=db",
            "app in (db, web)",
            "env notin (dev),app",
            "!old",
            "",
            "app=web,env=prod",
        ] {
            assert!(matches(selector, &web), "{selector}");
        }
        for selector in ["app=db", "app!=web", "app in (db)", "env notin (prod)", "!app", "old", "app=web,env=dev"] {
            assert!(!matches(selector, &web), "{selector}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for selector in ["=web", "a b", "app in db", "app in (db", "app)(", "!"] {
            assert!(parse_selector(selector).is_err(), "{selector}");
        }
    }
}
