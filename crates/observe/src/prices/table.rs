//! The prices known: the user's rows before the built-in list.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use model::{CapacityType, Name, Provider};

use super::list;
use super::row::PriceRow;

/// Prices by instance type, place and capacity type.
///
/// The user's rows come first, whatever the provider; the built-in list prices come after.
#[derive(Clone, Debug)]
pub struct PriceTable {
    pub(super) contract: Rows,
    lists: Lists,
}

/// Whether the built-in lists are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lists {
    Asked,
    LeftOut,
}

/// What a row is found by: instance type, capacity type, region, zone, in lower case; an empty place is every place.
type Key = (Name, CapacityType, Name, Name);

/// Rows, each place once.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    by_key: BTreeMap<Key, (u64, PriceRow)>,
}

/// What became of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// It is the first of its kind and place, or says the same as the first.
    Kept,
    /// An earlier row, of this line, gives another price.
    Contradicts(u64),
}

impl Rows {
    /// Adds a row of a line; the first of a kind and place wins.
    pub(super) fn insert(&mut self, line: u64, row: PriceRow) -> Inserted {
        let place = |name: &Option<Name>| lower(name.as_deref().unwrap_or_default());
        let key = (lower(&row.instance_type), row.capacity_type, place(&row.region), place(&row.zone));
        match self.by_key.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert((line, row));
                Inserted::Kept
            }
            Entry::Occupied(entry) if entry.get().1.price.usd_per_hour == row.price.usd_per_hour => Inserted::Kept,
            Entry::Occupied(entry) => Inserted::Contradicts(entry.get().0),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// All, by instance type, capacity type, region, zone.
    pub(super) fn iter(&self) -> impl Iterator<Item = &PriceRow> {
        self.by_key.values().map(|(_, row)| row)
    }

    /// The most specific row: the zone before the region before everywhere.
    fn find(&self, wanted: &Wanted<'_>) -> Option<&PriceRow> {
        let instance_type = lower(wanted.instance_type);
        let region = lower(wanted.region.unwrap_or_default());
        let zone = lower(wanted.zone.unwrap_or_default());
        let everywhere = Name::default();
        let places = [(&region, &zone), (&everywhere, &zone), (&region, &everywhere), (&everywhere, &everywhere)];
        places.into_iter().find_map(|(region, zone)| {
            let key = (instance_type.clone(), wanted.capacity_type, region.clone(), zone.clone());
            self.by_key.get(&key).map(|(_, row)| row)
        })
    }
}

/// What a price is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted<'a> {
    pub(super) instance_type: &'a str,
    pub(super) capacity_type: CapacityType,
    pub(super) region: Option<&'a str>,
    pub(super) zone: Option<&'a str>,
}

impl PriceTable {
    /// The built-in list prices alone.
    pub fn list() -> PriceTable {
        PriceTable { contract: Rows::default(), lists: Lists::Asked }
    }

    /// No prices at all, to which `with_file` adds the user's.
    pub fn empty() -> PriceTable {
        PriceTable { contract: Rows::default(), lists: Lists::LeftOut }
    }

    /// All rows that can be found: the user's, then the lists'; for `plimsoll prices` and for choosing what to buy.
    pub fn rows(&self) -> impl Iterator<Item = &PriceRow> {
        let lists = if self.lists == Lists::Asked { list::all() } else { &[] };
        self.contract.iter().chain(lists.iter().flat_map(|(_, rows)| rows.iter()))
    }

    /// The user's price.
    pub(super) fn find_contract(&self, wanted: &Wanted<'_>) -> Option<&PriceRow> {
        self.contract.find(wanted)
    }

    /// The list price of this provider, or of any where the provider is not known: the three clouds share neither type
    /// names nor region names.
    pub(super) fn find_list(&self, provider: Option<Provider>, wanted: &Wanted<'_>) -> Option<&PriceRow> {
        if self.lists == Lists::LeftOut {
            return None;
        }
        list::all()
            .iter()
            .filter(|(of, _)| provider.is_none_or(|asked| asked == *of))
            .find_map(|(_, rows)| rows.find(wanted))
    }
}

fn lower(text: &str) -> Name {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() }
}
