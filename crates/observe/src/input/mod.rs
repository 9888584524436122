//! Files, folders and streams, cut into objects without ever holding a whole file in memory.

pub(crate) mod files;
pub(crate) mod json;
pub(crate) mod pipeline;
pub(crate) mod yaml;

use std::path::PathBuf;

use thiserror::Error;

/// Bounds that keep memory flat whatever the input is.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one object; etcd itself takes no more than 1.5 MB.
    pub object_bytes: usize,
    /// How deep objects and arrays may nest.
    pub depth: u32,
    /// Bytes of one YAML document that cannot be cut into items.
    pub document_bytes: usize,
    /// Bytes of all input together, decompressed.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { object_bytes: 8 << 20, depth: 128, document_bytes: 64 << 20, total_bytes: 4 << 30 }
    }
}

/// Why an input cannot be read at all. What is wrong with single objects is a finding instead.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Reading it failed on the way.
    #[error("cannot read {input} at byte {offset}")]
    Io {
        /// Which input.
        input: String,
        /// How far it went, in decompressed bytes.
        offset: u64,
        /// Why.
        source: std::io::Error,
    },
    /// It holds nothing.
    #[error("{input} is empty; expected the output of: kubectl get nodes,pods,… -A -o json")]
    Empty {
        /// Which input.
        input: String,
    },
    /// It ends where more must come.
    #[error("{input} is cut off at byte {offset}, in the middle of item {item}; save it again")]
    Truncated {
        /// Which input.
        input: String,
        /// Its length, in decompressed bytes.
        offset: u64,
        /// The item that is not whole, counting from 1.
        item: u64,
    },
    /// A YAML list whose end is missing.
    #[error("{input} is cut off at line {line}, after item {item}: the list's kind is missing; save it again")]
    TruncatedYaml {
        /// Which input.
        input: String,
        /// Its last line.
        line: u64,
        /// Its last item, counting from 1.
        item: u64,
    },
    /// It is neither JSON nor YAML.
    #[error("{input} is not JSON or YAML: {problem}")]
    Syntax {
        /// Which input.
        input: String,
        /// Where and what.
        problem: String,
    },
    /// It is beyond a limit.
    #[error("{input} is beyond what is read: {problem}")]
    TooLarge {
        /// Which input.
        input: String,
        /// Which limit, and where.
        problem: String,
    },
    /// A folder without any file that could be read.
    #[error("{} holds no file that ends in .json, .yaml or .yml (also .gz, .zst)", path.display())]
    EmptyFolder {
        /// Which folder.
        path: PathBuf,
    },
    /// Nothing of use was in it.
    #[error(
        "{inputs} holds no Node and no Pod ({others}); expected the output of: kubectl get nodes,pods,… -A -o json"
    )]
    NothingUsable {
        /// Which inputs.
        inputs: String,
        /// What it holds instead.
        others: String,
    },
}
