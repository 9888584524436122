//! Why a running cluster cannot be read, and what to do about it.

use std::error::Error;
use std::time::Duration;

use thiserror::Error;

use crate::input::ReadError;

/// Why nothing came of reading a running cluster.
#[derive(Debug, Error)]
pub enum LiveError {
    /// No usable kubeconfig, context or credentials.
    #[error("cannot find out how to reach the cluster")]
    Config {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No connection.
    #[error("cannot reach the API server at {server}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A certificate, the server's or ours, is not accepted.
    #[error("the API server at {server} and we do not trust each other's certificates ({problem})")]
    Certificate {
        /// Its URL.
        server: String,
        /// `expired`, `not trusted`, `for another name`.
        problem: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server does not know who asks.
    #[error("the API server at {server} does not accept our credentials: {message}")]
    Unauthorized {
        /// Its URL.
        server: String,
        /// What it says.
        message: String,
    },
    /// Neither nodes nor pods may be read.
    #[error("the API server at {server} allows neither to read nodes nor pods: the right to {right} is missing")]
    Forbidden {
        /// Its URL.
        server: String,
        /// The missing rights.
        right: String,
    },
    /// No answer in time.
    #[error("the API server at {server} did not answer within {} s when asked to {what}", timeout.as_secs())]
    TimedOut {
        /// Its URL.
        server: String,
        /// Such as `list pods`.
        what: String,
        /// How long it had.
        timeout: Duration,
    },
    /// An answer that is none.
    #[error("the API server at {server} answered {status} when asked to {what}: {message}")]
    Status {
        /// Its URL.
        server: String,
        /// Such as `list pods`.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// What came is no list.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl LiveError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            LiveError::Config { .. } => {
                "check with: kubectl config current-context; or give --kubeconfig and --context"
            }
            LiveError::Unreachable { .. } => "check that the server is up and reachable from here: kubectl version",
            LiveError::Certificate { problem: "expired", .. } => {
                "renew the certificate, or fetch a new kubeconfig from your provider"
            }
            LiveError::Certificate { .. } => "check certificate-authority and server in the kubeconfig",
            LiveError::Unauthorized { .. } => "log in again; with an exec plugin, run its login command",
            LiveError::Forbidden { .. } => "grant these rights with a ClusterRole, or use another context",
            LiveError::TimedOut { .. } => "try again, or give more time with --request-timeout",
            LiveError::Status { .. } | LiveError::Read(_) => return None,
        })
    }

    /// What a request that got no answer means.
    pub(crate) fn of_transport(server: &str, source: kube::Error) -> LiveError {
        let server = server.to_owned();
        let text = all_causes(&source).to_lowercase();
        let problem = if text.contains("expired") {
            Some("expired")
        } else if text.contains("notvalidforname") || text.contains("not valid for name") {
            Some("for another name")
        } else if text.contains("certificate") || text.contains("unknownissuer") {
            Some("not trusted")
        } else {
            None
        };
        if let kube::Error::Auth(source) = source {
            return LiveError::Config { source: Box::new(source) };
        }
        match problem {
            Some(problem) => LiveError::Certificate { server, problem, source: Box::new(source) },
            None => LiveError::Unreachable { server, source: Box::new(source) },
        }
    }
}

fn all_causes(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(" {inner}"));
        cause = inner.source();
    }
    text
}
