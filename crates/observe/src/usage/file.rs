//! Reading `--usage FILE`: CSV, also gzip or zstd. A bad row is told and left out; a file without a usable header, or
//! without a single good row, is an error. The format stands in docs/rightsizing.md.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};
use model::{Name, Quantity, Time};
use rustc_hash::FxHashMap;
use thiserror::Error;

use super::{Measured, MeasuredContainer, MeasuredEvent, MeasuredUsage, MeasuredUser};

/// More rows than this are refused, so that a mistaken file cannot fill the memory.
const MOST_ROWS: u64 = 200_000_000;
/// Bad rows beyond so many are only counted.
const MOST_TOLD: usize = 100;

/// What a file says.
#[derive(Debug, Default)]
pub struct UsageFile {
    /// By container.
    pub usage: MeasuredUsage,
    /// Good rows.
    pub rows: u64,
    /// Rows left out, the first hundred.
    pub bad: Vec<BadRow>,
    /// How many were left out.
    pub bad_rows: u64,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub wrong: String,
}

/// Why a usage file cannot be used at all.
#[derive(Debug, Error)]
pub enum UsageFileError {
    /// It cannot be opened.
    #[error("cannot open the usage file {file}")]
    Open {
        /// Its path.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be read to its end.
    #[error("cannot read the usage file {file}")]
    Read {
        /// Its path.
        file: String,
        /// What went wrong.
        source: csv::Error,
    },
    /// Its header lacks columns.
    #[error("the header of the usage file {file} (line 1) lacks {missing}")]
    MissingColumns {
        /// Its path.
        file: String,
        /// Which.
        missing: String,
    },
    /// No row could be used.
    #[error("the usage file {file} has no usable row{first}")]
    NoRows {
        /// Its path.
        file: String,
        /// What is wrong with the first, or nothing.
        first: String,
    },
    /// It has more rows than are read.
    #[error("the usage file {file} has more than {MOST_ROWS} rows")]
    TooManyRows {
        /// Its path.
        file: String,
    },
}

/// Reads a file of rows `time,namespace,pod,container,cpu,memory`, or with `kind,name` in place of `pod`; `event` besides.
pub fn read_usage(path: &Path) -> Result<UsageFile, UsageFileError> {
    let name = path.display().to_string();
    let open = |source| UsageFileError::Open { file: name.clone(), source };
    let file = BufReader::new(File::open(path).map_err(open)?);
    let reader: Box<dyn Read> = match path.extension().and_then(|suffix| suffix.to_str()) {
        Some("gz") => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::Decoder::with_buffer(file).map_err(open)?),
        _ => Box::new(file),
    };
    read(&name, reader)
}

fn read(file: &str, reader: impl Read) -> Result<UsageFile, UsageFileError> {
    let fails = |source| UsageFileError::Read { file: file.to_owned(), source };
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(reader);
    let header = reader.headers().map_err(fails)?.clone();
    let columns = Columns::of(&header)
        .map_err(|missing| UsageFileError::MissingColumns { file: file.to_owned(), missing: missing.to_owned() })?;
    let mut answer = UsageFile::default();
    let mut of: FxHashMap<MeasuredContainer, Measured> = FxHashMap::default();
    let mut record = StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            // Text that is not UTF-8 is one bad row; a stream that breaks is the end of reading.
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                let line = error.position().map_or(0, csv::Position::line);
                answer.left_out(line, "it is not UTF-8".to_owned());
                continue;
            }
            Err(error) => return Err(fails(error)),
        }
        match columns.row(&record) {
            Ok(row) => {
                answer.rows += 1;
                row.add(of.entry(row.container.clone()).or_default());
            }
            Err(wrong) => answer.left_out(record.position().map_or(0, csv::Position::line), wrong),
        }
        if answer.rows + answer.bad_rows > MOST_ROWS {
            return Err(UsageFileError::TooManyRows { file: file.to_owned() });
        }
    }
    if answer.rows == 0 {
        let first = answer.bad.first().map(|bad| format!(": line {}: {}", bad.line, bad.wrong)).unwrap_or_default();
        return Err(UsageFileError::NoRows { file: file.to_owned(), first });
    }
    answer.usage = of.into_iter().collect();
    Ok(answer)
}

impl UsageFile {
    fn left_out(&mut self, line: u64, wrong: String) {
        self.bad_rows += 1;
        if self.bad.len() < MOST_TOLD {
            self.bad.push(BadRow { line, wrong });
        }
    }
}

/// Where each column is.
struct Columns {
    time: usize,
    namespace: usize,
    pod: Option<usize>,
    workload: Option<(usize, usize)>,
    container: usize,
    cpu: Option<usize>,
    memory: Option<usize>,
    event: Option<usize>,
}

struct Row {
    at: Time,
    container: MeasuredContainer,
    cpu: Option<f64>,
    memory: Option<f64>,
    event: Option<MeasuredEvent>,
}

impl Row {
    fn add(&self, measured: &mut Measured) {
        measured.cpu.extend(self.cpu.map(|cpu| (self.at, cpu)));
        measured.memory.extend(self.memory.map(|memory| (self.at, memory)));
        measured.events.extend(self.event.map(|event| (self.at, event)));
    }
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Columns, &'static str> {
        let place = |name: &str| header.iter().position(|column| column.trim_start_matches('\u{feff}') == name);
        let columns = Columns {
            time: place("time").ok_or("time")?,
            namespace: place("namespace").ok_or("namespace")?,
            container: place("container").ok_or("container")?,
            pod: place("pod"),
            workload: place("kind").zip(place("name")),
            cpu: place("cpu"),
            memory: place("memory"),
            event: place("event"),
        };
        if columns.pod.is_none() && columns.workload.is_none() {
            return Err("pod (or kind and name)");
        }
        if columns.cpu.is_none() && columns.memory.is_none() {
            return Err("cpu or memory");
        }
        Ok(columns)
    }

    fn row(&self, record: &StringRecord) -> Result<Row, String> {
        let text = |at: usize| record.get(at).unwrap_or_default();
        let needed = |at: usize, column: &str| match text(at) {
            "" => Err(format!("it has no {column}")),
            given => Ok(Name::from(given)),
        };
        let pod = self.pod.map(text).filter(|pod| !pod.is_empty());
        let user = match (pod, self.workload) {
            (Some(pod), _) => MeasuredUser::Pod(pod.into()),
            (None, Some((kind, name))) => {
                MeasuredUser::Workload { kind: needed(kind, "kind")?, name: needed(name, "name")? }
            }
            (None, None) => return Err("it has no pod".to_owned()),
        };
        let container = MeasuredContainer {
            namespace: needed(self.namespace, "namespace")?,
            user,
            container: needed(self.container, "container")?,
        };
        Ok(Row {
            at: moment(text(self.time))?,
            container,
            cpu: amount(self.cpu.map_or("", text), "cpu")?,
            memory: amount(self.memory.map_or("", text), "memory")?,
            event: event(self.event.map_or("", text))?,
        })
    }
}

/// Seconds since 1970, or RFC 3339.
fn moment(text: &str) -> Result<Time, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.is_finite()
        && seconds.abs() < 1e12
    {
        return Ok(Time(seconds as i64));
    }
    let stamp: Result<jiff::Timestamp, _> = text.parse();
    stamp.map(|stamp| Time(stamp.as_second())).map_err(|_| format!("time {text:?} is neither seconds nor RFC 3339"))
}

/// A number or a quantity; nothing where it is empty or NaN: not measured.
fn amount(text: &str, column: &str) -> Result<Option<f64>, String> {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") {
        return Ok(None);
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.or_else(|| Quantity::parse(text).ok().map(Quantity::as_f64));
    match number {
        Some(number) if number >= 0.0 => Ok(Some(number)),
        _ => Err(format!("{column} {text:?} is no amount")),
    }
}

/// `oom`, `oom=BYTES`, `restart`, `throttled=PART`.
fn event(text: &str) -> Result<Option<MeasuredEvent>, String> {
    let wrong = || format!("event {text:?} is none of oom, oom=BYTES, restart, throttled=PART");
    Ok(match text.split_once('=') {
        None if text.is_empty() => None,
        None if text == "oom" => Some(MeasuredEvent::OutOfMemory(None)),
        None if text == "restart" => Some(MeasuredEvent::Restart),
        Some(("oom", bytes)) => Some(MeasuredEvent::OutOfMemory(amount(bytes, "oom").map_err(|_| wrong())?)),
        Some(("throttled", part)) => {
            let part: f64 = part.parse().map_err(|_| wrong())?;
            if !(0.0..=1.0).contains(&part) {
                return Err(wrong());
            }
            Some(MeasuredEvent::Throttled(part))
        }
        _ => return Err(wrong()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<UsageFile, UsageFileError> {
        read("usage.csv", text.as_bytes())
    }

    #[test]
    fn rows_of_pods_and_of_workloads_are_read() {
        let file = parse(
            "time,namespace,pod,kind,name,container,cpu,memory,event\n\
             100,web,api-0,,,main,0.25,512Mi,\n\
             2026-11-21T10:00:00Z,web,,Deployment,api,main,250m,,oom=1Gi\n\
             200,web,api-0,,,main,,NaN,throttled=0.5\n",
        )
        .unwrap();
        assert_eq!((file.rows, file.bad_rows, file.usage.len()), (3, 0, 2));
        let of_pod = &file.usage.iter().find(|(key, _)| key.user == MeasuredUser::Pod("api-0".into())).unwrap().1;
        assert_eq!((of_pod.cpu.len(), of_pod.memory.as_slice()), (1, &[(Time(100), 536_870_912.0)][..]));
        assert_eq!(of_pod.events, [(Time(200), MeasuredEvent::Throttled(0.5))]);
    }

    #[test]
    fn bad_rows_are_told_by_line_and_left_out() {
        let file = parse(
            "time,namespace,pod,container,cpu\nyesterday,web,a,main,1\n1,,a,main,1\n1,web,a,main,lots\n1,web,a,main,-1\n1,web,a,main,1\n1,web\n",
        )
        .unwrap();
        assert_eq!((file.rows, file.bad_rows), (1, 5));
        assert_eq!(file.bad[0], BadRow { line: 2, wrong: "time \"yesterday\" is neither seconds nor RFC 3339".into() });
    }

    #[test]
    fn a_file_of_nothing_says_what_it_lacks() {
        for (text, says) in [
            ("", "lacks time"),
            ("time,namespace,container,cpu\n", "lacks pod (or kind and name)"),
            ("time,namespace,pod,container\n", "lacks cpu or memory"),
            ("time,namespace,pod,container,cpu\n", "has no usable row"),
            ("time,namespace,pod,container,cpu\nx,a,b,c,1\n", "has no usable row: line 2: time \"x\""),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
