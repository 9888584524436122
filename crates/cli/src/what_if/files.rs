//! Files that premises name.

use std::collections::BTreeMap;
use std::path::Path;

use engine::what_if::Request;
use model::snapshot::NodePool;
use model::{Name, Quantity, WorkloadRef};

use crate::failure::Failure;

/// The columns of a file of requests, in any order; others are left alone.
const COLUMNS: [&str; 6] = ["namespace", "kind", "name", "container", "cpu", "memory"];

/// Reads rows of `namespace,kind,name,container,cpu,memory`; an empty amount is as it is now.
pub fn requests(path: &Path) -> Result<Vec<Request>, Failure> {
    let of_file = |error: String| Failure::new(format!("{}: {error}", path.display()));
    let reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path);
    let mut reader = reader.map_err(|error| of_file(error.to_string()))?;
    let header = reader.headers().map_err(|error| of_file(error.to_string()))?.clone();
    let place = |column: &&str| header.iter().position(|name| name.trim_start_matches('\u{feff}') == *column);
    let missing: Vec<&str> = COLUMNS.into_iter().filter(|column| place(column).is_none()).collect();
    if !missing.is_empty() {
        let hint = format!("its first line is {}", COLUMNS.join(","));
        return Err(of_file(format!("no column {}", missing.join(", "))).hint(hint));
    }
    let at = COLUMNS.map(|column| place(&column).unwrap_or(0));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| of_file(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let [namespace, kind, name, container, cpu, memory] = at.map(|at| record.get(at).unwrap_or_default());
        if [namespace, kind, name, container].contains(&"") {
            return Err(of_file(format!("line {line} lacks a namespace, kind, name or container")));
        }
        let amount = |text: &str, column: &str| -> Result<Option<Quantity>, Failure> {
            if text.is_empty() {
                return Ok(None);
            }
            let quantity = Quantity::parse(text).ok().filter(|quantity| !quantity.is_negative());
            quantity.map(Some).ok_or_else(|| of_file(format!("line {line}: {column} {text} is no amount")))
        };
        rows.push(Request {
            workload: WorkloadRef { kind: kind.into(), namespace: namespace.into(), name: name.into() },
            container: container.into(),
            cpu: amount(cpu, "cpu")?.map(Quantity::milli_value),
            memory: amount(memory, "memory")?.map(Quantity::value),
        });
    }
    Ok(rows)
}

/// Reads node pools that are not there yet.
pub fn node_pools(path: &Path) -> Result<BTreeMap<Name, NodePool>, Failure> {
    let (pools, findings) = observe::read_node_pools(path)?;
    if pools.is_empty() {
        let why = findings.first().map(|finding| format!(": {}", finding.message)).unwrap_or_default();
        return Err(Failure::new(format!("{} has no Karpenter NodePool{why}", path.display())));
    }
    Ok(pools)
}
