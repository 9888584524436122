//! The header of a price file: which column stands where.

use csv::ByteRecord;

/// The columns of `--prices`, in the order the documentation gives them; a file may have any order.
pub(super) const COLUMNS: [&str; 10] =
    ["instance_type", "region", "zone", "capacity_type", "usd_per_hour", "vcpu", "memory_gib", "pods", "arch", "gpu"];

/// The first so many of `COLUMNS` decide what a row prices; without one of them no row can be read.
const REQUIRED: usize = 5;

/// Columns that the built-in lists have besides.
pub(super) const LIST_COLUMNS: [&str; 2] = ["source", "as_of"];

/// Where each column of a file stands.
#[derive(Debug)]
pub(super) struct Columns {
    /// By the order of `COLUMNS`, then of `LIST_COLUMNS`; absent where the file has no such column.
    at: [Option<usize>; COLUMNS.len() + LIST_COLUMNS.len()],
    /// How many fields the header has.
    pub(super) width: usize,
    /// Columns that nobody reads, as the header writes them.
    pub(super) extra: Vec<String>,
    /// Optional columns that the header lacks.
    pub(super) absent: Vec<&'static str>,
}

/// Why a header cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// There is no header, because there is nothing.
    Empty,
    /// It is not text, with what it looks like.
    NotText(&'static str),
    /// These columns are missing.
    Missing(Vec<&'static str>),
    /// This column is there twice.
    Repeated(String),
}

impl Columns {
    /// Finds the columns; `own` are those read besides `COLUMNS`.
    pub(super) fn find(header: &ByteRecord, own: &[&str]) -> Result<Columns, HeaderFault> {
        let bytes = header.as_slice();
        if bytes.is_empty() {
            return Err(HeaderFault::Empty);
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(HeaderFault::NotText("UTF-16; save it as UTF-8"));
        }
        if bytes.contains(&0) {
            return Err(HeaderFault::NotText("a binary file"));
        }
        if std::str::from_utf8(bytes).is_err() {
            return Err(HeaderFault::NotText("not UTF-8"));
        }
        let mut columns = Columns {
            at: [None; COLUMNS.len() + LIST_COLUMNS.len()],
            width: header.len(),
            extra: Vec::new(),
            absent: Vec::new(),
        };
        for (place, field) in header.iter().enumerate() {
            let written = String::from_utf8_lossy(field).trim_start_matches('\u{feff}').trim().to_owned();
            let name = written.to_ascii_lowercase();
            let known = COLUMNS.iter().chain(&LIST_COLUMNS).position(|column| *column == name);
            match known.filter(|at| *at < COLUMNS.len() || own.contains(&name.as_str())) {
                Some(at) if columns.at[at].is_some() => return Err(HeaderFault::Repeated(name)),
                Some(at) => columns.at[at] = Some(place),
                None => columns.extra.push(written),
            }
        }
        let missing = |range: &[&'static str], first: usize| -> Vec<&'static str> {
            range.iter().enumerate().filter(|(at, _)| columns.at[first + at].is_none()).map(|(_, name)| *name).collect()
        };
        let required = missing(&COLUMNS[..REQUIRED], 0);
        if !required.is_empty() {
            return Err(HeaderFault::Missing(required));
        }
        columns.absent = missing(&COLUMNS[REQUIRED..], REQUIRED);
        Ok(columns)
    }

    /// The bytes of a record under a column of `COLUMNS` or `LIST_COLUMNS`, empty where there are none.
    pub(super) fn field<'r>(&self, record: &'r ByteRecord, column: &str) -> &'r [u8] {
        let at = COLUMNS.iter().chain(&LIST_COLUMNS).position(|name| *name == column);
        at.and_then(|at| self.at[at]).and_then(|place| record.get(place)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &[&str]) -> Result<Columns, HeaderFault> {
        Columns::find(&ByteRecord::from(header), &[])
    }

    #[test]
    fn any_order_and_a_byte_order_mark_are_read() {
        let columns = find(&["\u{feff}usd_per_hour", "zone", "region", " Capacity_Type ", "instance_type"]).unwrap();
        let row = ByteRecord::from(vec!["0.1", "z", "r", "spot", "m5.large"]);
        assert_eq!(columns.field(&row, "usd_per_hour"), b"0.1");
        assert_eq!(columns.field(&row, "instance_type"), b"m5.large");
        assert_eq!(columns.field(&row, "gpu"), b"");
        assert_eq!(columns.absent, ["vcpu", "memory_gib", "pods", "arch", "gpu"]);
    }

    #[test]
    fn a_missing_and_a_repeated_column_are_named() {
        assert_eq!(
            find(&["instance_type", "zone", "region", "capacity_type"]).unwrap_err(),
            HeaderFault::Missing(vec!["usd_per_hour"])
        );
        assert_eq!(find(&["zone", "region", "zone"]).unwrap_err(), HeaderFault::Repeated("zone".into()));
    }
}
