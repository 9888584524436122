//! The built-in list prices of the three clouds' common machine families, without discounts or licences, for Linux.

use std::sync::LazyLock;

use model::{Name, PriceBasis, Provider};

use super::columns::LIST_COLUMNS;
use super::file::{ReadAs, read_rows};
use super::table::Rows;

/// Each provider's list, as of the month in its `as_of` column: a base price for each family and region, times the size.
const LISTS: [(Provider, &str); 3] = [
    (Provider::Aws, include_str!("list/aws.csv")),
    (Provider::Gcp, include_str!("list/gcp.csv")),
    (Provider::Azure, include_str!("list/azure.csv")),
];

/// All lists, read once.
pub(super) fn all() -> &'static [(Provider, Rows)] {
    static READ: LazyLock<Vec<(Provider, Rows)>> = LazyLock::new(|| {
        LISTS
            .iter()
            .map(|(provider, text)| {
                let source = Name::from(format!("built-in {} list", provider.as_str()));
                let read_as = ReadAs { basis: PriceBasis::List, source, own_columns: &LIST_COLUMNS };
                let rows = read_rows(text.as_bytes(), &read_as).map(|(rows, _)| rows);
                // A test reads every row of them.
                (*provider, rows.unwrap_or_default())
            })
            .collect()
    });
    &READ
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_row_is_read_and_names_its_source_and_date() {
        for (provider, text) in LISTS {
            let read_as = ReadAs { basis: PriceBasis::List, source: "".into(), own_columns: &LIST_COLUMNS };
            let (rows, findings) = read_rows(text.as_bytes(), &read_as).unwrap();
            assert_eq!(findings, [], "{provider:?}");
            assert_eq!(rows.len(), text.lines().count() - 1, "{provider:?}");
            for row in rows.iter() {
                assert!(row.price.source.starts_with(provider.as_str()), "{row:?}");
                assert!(row.price.source.contains(row.capacity_type.as_str()), "{row:?}");
                assert_eq!(row.price.as_of.len(), "2026-08".len(), "{row:?}");
                assert!(row.region.is_some() && row.shape.vcpu.is_some() && row.shape.memory_gib.is_some(), "{row:?}");
            }
        }
    }

    #[test]
    fn the_lists_are_small() {
        let bytes: usize = LISTS.iter().map(|(_, text)| text.len()).sum();
        assert!(bytes < 225_000, "{bytes}");
    }
}
