//! Resource lists: exact amounts by resource, and what the scheduler keeps of them.

use model::{Quantity, Resources};

use super::Unreadable;
use crate::intern::Interner;
use crate::wire::values::{QuantityText, ResourceList};

/// Exact amounts by resource name; a handful at most, so a list is quicker than a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Amounts<'a>(Vec<(&'a str, Quantity)>);

impl<'a> Amounts<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<Quantity> {
        self.0.iter().find(|(have, _)| *have == name).map(|(_, amount)| *amount)
    }

    pub(crate) fn set(&mut self, name: &'a str, amount: Quantity) {
        match self.0.iter_mut().find(|(have, _)| *have == name) {
            Some((_, have)) => *have = amount,
            None => self.0.push((name, amount)),
        }
    }

    pub(crate) fn set_if_absent(&mut self, name: &'a str, amount: Quantity) {
        if self.get(name).is_none() {
            self.0.push((name, amount));
        }
    }

    pub(crate) fn add(&mut self, other: &Amounts<'a>) {
        for (name, amount) in &other.0 {
            let sum = self.get(name).unwrap_or_default() + *amount;
            self.set(name, sum);
        }
    }

    /// The larger of both, for every resource of either.
    pub(crate) fn max(&mut self, other: &Amounts<'a>) {
        for (name, amount) in &other.0 {
            if self.get(name).is_none_or(|have| *amount > have) {
                self.set(name, *amount);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, Quantity)> {
        self.0.iter().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the scheduler counts: each amount rounded up in its own unit, names it does not know left out.
    pub(crate) fn to_resources(&self, interner: &Interner) -> Resources {
        let mut resources = Resources::default();
        for (name, amount) in &self.0 {
            match *name {
                "cpu" => resources.cpu = amount.milli_value(),
                "memory" => resources.memory = amount.value(),
                "ephemeral-storage" => resources.ephemeral_storage = amount.value(),
                "pods" => resources.pods = amount.value(),
                _ if amount.is_zero() => {}
                _ if is_scalar_resource(name) => resources.scalar.push((interner.name(name), amount.value())),
                _ => {}
            }
        }
        resources.scalar.sort();
        resources
    }
}

/// A resource list whose amounts must be quantities and not below zero.
pub(crate) fn amounts<'a>(list: &'a ResourceList, field: impl Fn() -> String) -> Result<Amounts<'a>, Unreadable> {
    let mut amounts = Amounts(Vec::with_capacity(list.0.len()));
    for (name, text) in list.iter() {
        let amount = quantity(text, || format!("{}.{name}", field()))?;
        amounts.0.push((name, amount));
    }
    Ok(amounts)
}

/// One amount. The API server keeps no more than three digits after the point, and rounds up.
pub(crate) fn quantity(text: &QuantityText, field: impl Fn() -> String) -> Result<Quantity, Unreadable> {
    let amount = Quantity::parse(&text.0).map_err(|error| Unreadable::new(field(), error.to_string()))?;
    if amount.is_negative() {
        let shown: String = text.0.chars().take(40).collect();
        return Err(Unreadable::new(field(), format!("\"{shown}\" is below zero")));
    }
    Ok(amount.rounded_up_to_milli())
}

/// Is it an extended resource, huge pages, a prefixed native one or an attachable volume, by the scheduler's rule?
fn is_scalar_resource(name: &str) -> bool {
    name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
        || name.contains("kubernetes.io/")
        || is_extended_resource(name)
}

fn is_extended_resource(name: &str) -> bool {
    const LONGEST_PREFIX: usize = 253 - "requests.".len();
    const LONGEST_NAME: usize = 63;
    let Some((prefix, base)) = name.split_once('/') else { return false };
    let label_is_good = |label: &str| {
        let bytes = label.as_bytes();
        let is_alphanumeric = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        is_alphanumeric(bytes.first())
            && is_alphanumeric(bytes.last())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
    };
    let base_bytes = base.as_bytes();
    !name.starts_with("requests.")
        && prefix.len() <= LONGEST_PREFIX
        && prefix.split('.').all(label_is_good)
        && base.len() <= LONGEST_NAME
        && base_bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && base_bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && base_bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheduler_knows_these_resources() {
        for name in ["hugepages-2Mi", "attachable-volumes-aws-ebs", "nvidia.com/gpu", "kubernetes.io/batch-cpu"] {
            assert!(is_scalar_resource(name), "{name}");
        }
        for name in ["cpus", "storage", "requests.nvidia.com/gpu", "nvidia.com/", "/gpu", "Nvidia.com/gpu", "a/b/c"] {
            assert!(!is_scalar_resource(name), "{name}");
        }
    }
}
