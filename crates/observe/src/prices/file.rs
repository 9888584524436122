//! Reading `--prices FILE.csv`: a bad row is a finding and left out, a file without a usable header an error.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use model::{Finding, FindingCode, Name, PriceBasis, Severity, Subject};
use thiserror::Error;

use super::columns::{COLUMNS, Columns, HeaderFault};
use super::row::{read_row, shown};
use super::table::{Inserted, PriceTable, Rows};

/// A price file larger than this is refused: the three clouds' whole lists are a third of it.
const LARGEST_FILE_BYTES: usize = 32 << 20;

/// More rows than this are refused, so that a mistaken file cannot fill the memory.
const MOST_ROWS: usize = 500_000;

/// Bad rows beyond so many are counted in one finding.
const MOST_FINDINGS: usize = 100;

/// Why a price file cannot be used at all.
#[derive(Debug, Error)]
pub enum PriceFileError {
    /// It cannot be opened.
    #[error("cannot open the price file {file}")]
    Open {
        /// Its path.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be read to its end.
    #[error("cannot read the price file {file}")]
    Read {
        /// Its path.
        file: String,
        /// What went wrong.
        source: io::Error,
    },
    /// It is larger than what we read.
    #[error("the price file {file} is larger than {} MiB, the most that is read", LARGEST_FILE_BYTES >> 20)]
    TooLarge {
        /// Its path.
        file: String,
    },
    /// It has nothing in it.
    #[error("the price file {file} is empty; its first line must be {expected}", expected = COLUMNS.join(","))]
    Empty {
        /// Its path.
        file: String,
    },
    /// It is no text.
    #[error("the price file {file} is not a CSV file in UTF-8: it looks like {looks_like}")]
    NotText {
        /// Its path.
        file: String,
        /// What it looks like.
        looks_like: &'static str,
    },
    /// Its header lacks columns.
    #[error(
        "the header of the price file {file} (line 1) lacks {missing}; it must have {expected}{hint}",
        expected = COLUMNS.join(",")
    )]
    MissingColumns {
        /// Its path.
        file: String,
        /// The columns, with commas between.
        missing: String,
        /// What to try, or nothing.
        hint: &'static str,
    },
    /// Its header has a column twice.
    #[error("the header of the price file {file} (line 1) has the column {column} twice")]
    RepeatedColumn {
        /// Its path.
        file: String,
        /// The column.
        column: String,
    },
    /// It has more rows than we keep.
    #[error("the price file {file} has more than {MOST_ROWS} rows")]
    TooManyRows {
        /// Its path.
        file: String,
    },
}

impl PriceTable {
    /// Adds the rows of a file, which go before every other source; the source they name is the file's name.
    pub fn with_file(self, path: &Path) -> Result<(PriceTable, Vec<Finding>), PriceFileError> {
        let file = path.display().to_string();
        let open = File::open(path).map_err(|source| PriceFileError::Open { file, source })?;
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        self.with_csv(open, &name)
    }

    /// Adds the rows of a CSV stream of this name.
    pub fn with_csv(mut self, csv: impl Read, name: &str) -> Result<(PriceTable, Vec<Finding>), PriceFileError> {
        let read_as = ReadAs { basis: PriceBasis::Contract, source: name.into(), own_columns: &[] };
        let (rows, findings) = read_rows(csv, &read_as)?;
        self.contract = rows;
        Ok((self, findings))
    }
}

/// What rows count as.
pub(super) struct ReadAs<'a> {
    pub(super) basis: PriceBasis,
    /// The source of rows that name none; also the file's name in messages.
    pub(super) source: Name,
    /// Columns read besides those of `--prices`.
    pub(super) own_columns: &'a [&'a str],
}

/// Reads all rows of a stream.
pub(super) fn read_rows(csv: impl Read, read_as: &ReadAs<'_>) -> Result<(Rows, Vec<Finding>), PriceFileError> {
    let file = || read_as.source.to_string();
    let mut bytes = Vec::new();
    let most = LARGEST_FILE_BYTES as u64 + 1;
    csv.take(most).read_to_end(&mut bytes).map_err(|source| PriceFileError::Read { file: file(), source })?;
    if bytes.len() > LARGEST_FILE_BYTES {
        return Err(PriceFileError::TooLarge { file: file() });
    }
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let mut lines = Lines { text, at: 0, line: 1 };
    let mut reader = ReaderBuilder::new().flexible(true).comment(Some(COMMENT)).from_reader(text);
    let read_error = |error: csv::Error| PriceFileError::Read { file: file(), source: error.into() };

    let header = reader.byte_headers().map_err(read_error)?;
    let columns = Columns::find(header, read_as.own_columns).map_err(|fault| header_error(fault, header, file()))?;
    let mut findings = Findings { file: &read_as.source, kept: Vec::new(), dropped: 0 };
    for column in &columns.extra {
        findings.add(Severity::Info, "", 1, format!("column {} is not known and not read", shown(column)));
    }
    if !columns.absent.is_empty() {
        findings.add(Severity::Info, "", 1, format!("no column {}: read as empty", columns.absent.join(", ")));
    }

    let mut rows = Rows::default();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(read_error)? {
        let line = lines.of_record(record.position().map_or(0, csv::Position::byte));
        let subject = String::from_utf8_lossy(columns.field(&record, "instance_type"));
        match read_row(&columns, &record, read_as.basis, &read_as.source) {
            Err(fault) => {
                let message = format!("{} {}; the row is left out", fault.field, fault.wrong);
                findings.add(Severity::Warning, &subject, line, message);
            }
            Ok(row) => {
                let price = row.price.usd_per_hour;
                if let Inserted::Contradicts(first) = rows.insert(line, row) {
                    let message = format!(
                        "usd_per_hour {price} contradicts line {first}, which prices the same; this row is left out"
                    );
                    findings.add(Severity::Warning, &subject, line, message);
                }
            }
        }
        if rows.len() > MOST_ROWS {
            return Err(PriceFileError::TooManyRows { file: file() });
        }
    }
    Ok((rows, findings.finish()))
}

fn header_error(fault: HeaderFault, header: &ByteRecord, file: String) -> PriceFileError {
    match fault {
        HeaderFault::Empty => PriceFileError::Empty { file },
        HeaderFault::NotText(looks_like) => PriceFileError::NotText { file, looks_like },
        HeaderFault::Repeated(column) => PriceFileError::RepeatedColumn { file, column },
        HeaderFault::Missing(missing) => {
            let other_separator = header.len() == 1 && header.as_slice().iter().any(|byte| b";\t|".contains(byte));
            let hint = if other_separator { "; hint: separate fields by commas" } else { "" };
            PriceFileError::MissingColumns { file, missing: missing.join(", "), hint }
        }
    }
}

/// Findings about a file, the first hundred in full.
struct Findings<'a> {
    file: &'a str,
    kept: Vec<Finding>,
    dropped: u32,
}

impl Findings<'_> {
    fn add(&mut self, severity: Severity, name: &str, line: u64, message: String) {
        if self.kept.len() >= MOST_FINDINGS {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let name: String = name.chars().filter(|letter| !letter.is_control()).take(80).collect();
        let source = format!("{} line {line}", self.file);
        let subject = Subject::Object { kind: "price".into(), name: name.trim().to_owned(), source };
        self.kept.push(Finding::new(FindingCode::BadPrice, subject, message).severity(severity));
    }

    fn finish(mut self) -> Vec<Finding> {
        if self.dropped > 0 {
            let subject = Subject::Object { kind: "price".into(), name: String::new(), source: self.file.to_owned() };
            let message = format!("{} more rows are left out", self.dropped);
            let mut more = Finding::new(FindingCode::BadPrice, subject, message).severity(Severity::Warning);
            more.count = self.dropped;
            self.kept.push(more);
        }
        self.kept
    }
}

/// Lines that begin so are for people.
const COMMENT: u8 = b'#';

/// Counts lines up to each record. The CSV reader's own count is where it began to look for the record: before blank
/// lines, comments and the second half of a CRLF.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which the record begins that was looked for from this byte on; records come in order.
    fn of_record(&mut self, from: u64) -> u64 {
        let mut begin = usize::try_from(from).unwrap_or(usize::MAX).min(self.text.len());
        loop {
            match self.text.get(begin) {
                Some(b'\n' | b'\r') => begin += 1,
                Some(&COMMENT) => {
                    let rest = &self.text[begin..];
                    begin += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                _ => break,
            }
        }
        let passed = self.text.get(self.at..begin).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = self.at.max(begin);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "instance_type,region,zone,capacity_type,usd_per_hour,vcpu,memory_gib,pods,arch,gpu\n";

    fn read(text: impl AsRef<[u8]>) -> Result<(PriceTable, Vec<Finding>), PriceFileError> {
        PriceTable::empty().with_csv(text.as_ref(), "p.csv")
    }

    /// Each finding as `SOURCE NAME: MESSAGE`.
    fn findings(text: impl AsRef<[u8]>) -> Vec<String> {
        let (_, findings) = read(text).unwrap();
        let line = |finding: &Finding| match &finding.subject {
            Subject::Object { name, source, .. } => format!("{source} {name}: {}", finding.message),
            other => format!("{other:?}"),
        };
        findings.iter().map(line).collect()
    }

    #[test]
    fn a_good_file_with_bom_and_crlf_has_no_findings() {
        let text = format!("\u{feff}{HEADER}m5.large,eu-west-1,,on-demand,0.1,2,8,29,amd64,0\n").replace('\n', "\r\n");
        let (table, findings) = read(text).unwrap();
        assert_eq!(findings, []);
        let row = table.rows().next().unwrap();
        assert_eq!((&*row.price.source, row.price.basis), ("p.csv", PriceBasis::Contract));
        assert_eq!(row.shape.gpu, Some(0));
    }

    #[test]
    fn each_bad_row_is_named_by_line_and_field_and_left_out() {
        let text = format!(
            "{HEADER}a,,,on-demand,-1,,,,,\nb,,,on-demand,NaN,,,,,\n\n# note\nc,,,reserved,1,,,,,\nd,,,spot,1\n\
             ,,,spot,1,,,,,\ne,,,spot,1,two,,,,\nf,,,spot,0,,,,,\ng,,,spot,2000,,,,,\nok,,,spot,1,,,,,\nok,,,spot,2,,,,,\nok,,,spot,1.0,,,,,\nok2,,,spot,1,,,,,,,\nh,,,spot,1,,,,,,x\n"
        );
        assert_eq!(
            findings(&text),
            [
                "p.csv line 2 a: usd_per_hour `-1` is negative; the row is left out",
                "p.csv line 3 b: usd_per_hour `NaN` is not a number such as 0.192; the row is left out",
                "p.csv line 6 c: capacity_type `reserved` is neither on-demand nor spot; the row is left out",
                "p.csv line 7 d: row has 5 fields where the header has 10; the row is left out",
                "p.csv line 8 : instance_type is empty; the row is left out",
                "p.csv line 9 e: vcpu `two` is not a number above 0; the row is left out",
                "p.csv line 10 f: usd_per_hour `0` is nothing; leave out rows of unknown price; the row is left out",
                "p.csv line 11 g: usd_per_hour `2000` is above 1000 dollars an hour; the row is left out",
                "p.csv line 13 ok: usd_per_hour $2.0000/h contradicts line 12, which prices the same; this row is left out",
                "p.csv line 16 h: row has 11 fields where the header has 10; the row is left out",
            ]
        );
        let kept: Vec<_> = read(&text).unwrap().0.rows().map(|row| row.instance_type.to_string()).collect();
        assert_eq!(kept, ["ok", "ok2"]);
    }

    #[test]
    fn columns_beyond_ours_and_optional_ones_left_out_are_told() {
        let text =
            "owner,zone,region,usd_per_hour,capacity_type,instance_type,vcpu,memory_gib,pods\nme,,,1,spot,a,,,\n";
        assert_eq!(
            findings(text),
            [
                "p.csv line 1 : column `owner` is not known and not read",
                "p.csv line 1 : no column arch, gpu: read as empty"
            ]
        );
    }

    #[test]
    fn a_row_that_is_not_utf8_is_left_out() {
        let text = [HEADER.as_bytes(), b"m\xff,,,spot,1,,,,,\nb,,,spot,1,,,,,\n"].concat();
        assert_eq!(findings(text), ["p.csv line 2 m\u{fffd}: instance_type is not UTF-8; the row is left out"]);
    }

    #[test]
    fn a_file_without_a_usable_header_is_an_error() {
        let error = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        let expected = COLUMNS.join(",");
        assert_eq!(error(b""), format!("the price file p.csv is empty; its first line must be {expected}"));
        assert_eq!(error(b"\xef\xbb\xbf"), format!("the price file p.csv is empty; its first line must be {expected}"));
        assert_eq!(
            error(b"instance_type,region,zone,usd_per_hour\nm5.large,,,1\n"),
            format!("the header of the price file p.csv (line 1) lacks capacity_type; it must have {expected}")
        );
        assert!(
            error(b"instance_type;region;zone;capacity_type;usd_per_hour\n")
                .ends_with("hint: separate fields by commas")
        );
        assert!(error(b"\x7fELF\x02\x01\x01\0\0\0").ends_with("it looks like a binary file"));
        assert!(error(b"\xff\xfei\0n\0").ends_with("it looks like UTF-16; save it as UTF-8"));
        assert!(error(b"caf\xe9,b\n").ends_with("it looks like not UTF-8"));
        assert!(error(b"zone,zone\n").ends_with("has the column zone twice"));
    }

    #[test]
    fn a_missing_file_is_an_error_with_its_path() {
        let error = PriceTable::empty().with_file(Path::new("no/such.csv")).unwrap_err();
        assert_eq!(error.to_string(), "cannot open the price file no/such.csv");
    }

    #[test]
    fn a_million_bad_rows_are_counted_not_kept() {
        let text = format!("{HEADER}{}", "a\n".repeat(1_000_000));
        let (_, findings) = read(text).unwrap();
        assert_eq!(findings.len(), MOST_FINDINGS + 1);
        assert_eq!(findings[MOST_FINDINGS].count, 999_900);
    }

    #[test]
    fn an_endless_field_ends_at_the_limit() {
        let endless = HEADER.as_bytes().chain(&b"\""[..]).chain(io::repeat(b'a'));
        let error = PriceTable::empty().with_csv(endless, "p.csv").unwrap_err();
        assert_eq!(error.to_string(), "the price file p.csv is larger than 32 MiB, the most that is read");
    }

    #[test]
    fn lines_are_counted_through_crlf_blank_lines_comments_and_quoted_line_ends() {
        let text =
            format!("{HEADER}\n# prices of 2026\n\n\"a\nb\",,,spot,1,,,,,\n\n\nc,,,spot,-1,,,,,\nd,,,spot,-1,,,,,");
        for text in [text.clone(), text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
            let lines: Vec<_> = findings(&text).iter().map(|line| line[..15].to_owned()).collect();
            assert_eq!(lines, ["p.csv line 9 c:", "p.csv line 10 d"]);
        }
    }
}
