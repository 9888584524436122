//! How a command ends, and how a bad end is told.

use std::fmt;
use std::io::{self, Write};

use crate::render::text::clean;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, also with findings or an empty plan.
    Done = 0,
    /// Failed, or faults were found.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The input does not let us judge.
    CannotJudge = 3,
}

/// Why a command did not end well, and the cure where it is known.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    /// Failed, with these words.
    pub fn new(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Failed, error: anyhow::anyhow!("{message}"), hint: None }
    }

    /// Used wrongly, with these words.
    pub fn usage(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::Usage, ..Failure::new(message) }
    }

    /// The input does not let us judge, with these words.
    pub fn cannot_judge(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::CannotJudge, ..Failure::new(message) }
    }

    /// The cure.
    pub fn hint(self, hint: impl Into<String>) -> Failure {
        Failure { hint: Some(hint.into()), ..self }
    }

    /// Did the reader of our output go away?
    pub fn is_broken_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            let kind = cause
                .downcast_ref::<io::Error>()
                .map(io::Error::kind)
                .or_else(|| cause.downcast_ref::<serde_json::Error>()?.io_error_kind())
                .or_else(|| match cause.downcast_ref::<csv::Error>()?.kind() {
                    csv::ErrorKind::Io(error) => Some(error.kind()),
                    _ => None,
                });
            kind == Some(io::ErrorKind::BrokenPipe)
        })
    }

    /// Tells it on stderr: the chain of causes on one line, then the cure.
    pub fn print(&self) {
        let mut causes: Vec<String> = Vec::new();
        for cause in self.error.chain() {
            // The client's own wrapper says nothing, and many errors repeat the words of their cause.
            let words = clean(&cause.to_string()).trim_start_matches("ServiceError: ").to_owned();
            if causes.last() != Some(&words) {
                causes.push(words);
            }
        }
        let mut stderr = io::stderr().lock();
        // Where stderr is gone there is nobody left to tell.
        let _ = writeln!(stderr, "error: {}", causes.join(": "));
        if let Some(hint) = &self.hint {
            let _ = writeln!(stderr, "hint: {}", clean(hint));
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure { exit: Exit::Failed, error: error.into(), hint: None }
    }
}
