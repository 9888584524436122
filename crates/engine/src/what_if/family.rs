//! Instance families in or out.

use std::collections::BTreeSet;

use model::{Node, Snapshot};

use super::nodes;
use super::{PremiseError, Pricing};

/// The family of a machine type: `m5` of `m5.large`, `n2` of `n2-standard-4`, `Dsv5` of `Standard_D4s_v5`.
pub(super) fn of(instance_type: &str) -> String {
    if let Some((family, _)) = instance_type.split_once('.') {
        return family.to_owned();
    }
    match instance_type.split_once('_') {
        // Azure: the letters around the number of cores, and the version.
        Some(("Standard" | "Basic", rest)) => {
            let (size, version) = rest.split_once("_v").map_or((rest, None), |(size, version)| (size, Some(version)));
            let letters: String = size.chars().filter(char::is_ascii_alphabetic).collect();
            letters + &version.map(|version| format!("v{version}")).unwrap_or_default()
        }
        _ => instance_type.split('-').next().unwrap_or(instance_type).to_owned(),
    }
}

pub(super) fn without(
    snapshot: &mut Snapshot,
    families: &[String],
    pricing: &Pricing<'_>,
) -> Result<Option<String>, PremiseError> {
    all_known(snapshot, families, pricing)?;
    let lost = nodes::lose(snapshot, |node| family(node).is_some_and(|family| families.contains(&family)));
    Ok(not_yet(lost))
}

pub(super) fn only(
    snapshot: &mut Snapshot,
    families: &[String],
    pricing: &Pricing<'_>,
) -> Result<Option<String>, PremiseError> {
    all_known(snapshot, families, pricing)?;
    let lost = nodes::lose(snapshot, |node| family(node).is_some_and(|family| !families.contains(&family)));
    Ok(not_yet(lost))
}

fn not_yet(lost: usize) -> Option<String> {
    (lost > 0).then(|| format!("nodes of other types are still there ({lost})"))
}

fn family(node: &Node) -> Option<String> {
    node.instance_type().map(|name| of(name))
}

/// Families that are there, or could be bought.
fn all_known(snapshot: &Snapshot, families: &[String], pricing: &Pricing<'_>) -> Result<(), PremiseError> {
    let mut known: BTreeSet<String> = snapshot.nodes.iter().filter_map(family).collect();
    known.extend(pricing(snapshot).offers.iter().map(|offer| of(&offer.instance_type)));
    match families.iter().find(|family| !known.contains(*family)) {
        None => Ok(()),
        Some(unknown) => Err(PremiseError::new(format!("no instance family is called {unknown}"), known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_as_the_three_clouds_name_them() {
        for (instance_type, family) in [
            ("m5.large", "m5"),
            ("c6g.2xlarge", "c6g"),
            ("n2-standard-4", "n2"),
            ("e2-highmem-16", "e2"),
            ("Standard_D4s_v5", "Dsv5"),
            ("Standard_E16-4ds_v5", "Edsv5"),
            ("Standard_B2ms", "Bms"),
            ("custom", "custom"),
        ] {
            assert_eq!(of(instance_type), family);
        }
    }
}
