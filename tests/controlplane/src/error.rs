//! What can go wrong with a control plane.

use std::fmt;
use std::time::Duration;

/// Why a control plane did not start, or did not do what it was told.
#[derive(Debug)]
pub enum Error {
    /// A program that build.sh makes is not there.
    NotBuilt {
        /// The program's name.
        program: String,
    },
    /// A file, port or process could not be prepared.
    Preparing {
        /// What was tried, on what.
        what: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// One of the processes ended by itself.
    Died {
        /// The program's name.
        program: String,
        /// The end of what it logged.
        log: String,
    },
    /// Something did not come true in time.
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
    },
    /// kubectl refused or failed.
    Kubectl {
        /// Its arguments.
        arguments: String,
        /// What it said.
        stderr: String,
    },
}

impl Error {
    pub(crate) fn preparing(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Preparing { what: what.into(), source: source.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt { program } => {
                write!(f, "no program {program} in tests/controlplane/bin\nhint: run tests/controlplane/build.sh")
            }
            Self::Preparing { what, .. } => write!(f, "{what}"),
            Self::Died { program, log } => {
                write!(f, "{program} ended by itself; it logged:\n{log}")
            }
            Self::TimedOut { what, after } => write!(f, "{what}: not within {after:?}"),
            Self::Kubectl { arguments, stderr } => write!(f, "kubectl {arguments}: {stderr}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Preparing { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}
