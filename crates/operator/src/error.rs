//! Why an operator cannot run, or cannot do what it is about to.

use std::net::SocketAddr;

use act::ActError;
use observe::LiveError;
use thiserror::Error;

/// Why an operator cannot run, or cannot do what it is about to.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// The cluster cannot be read.
    #[error(transparent)]
    Read(#[from] LiveError),
    /// The cluster cannot be acted on.
    #[error(transparent)]
    Act(#[from] ActError),
    /// One of our kinds cannot be watched.
    #[error("cannot watch {kind}: {problem}")]
    Watch {
        /// Its plural.
        kind: String,
        /// What the API server says.
        problem: String,
    },
    /// A request was refused.
    #[error("cannot {what}: {problem}")]
    Refused {
        /// What was asked.
        what: String,
        /// What the API server says.
        problem: String,
    },
    /// Our kinds are not defined there.
    #[error("the cluster does not know our kinds")]
    NotInstalled,
    /// Nobody can be listened to.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Metrics would be open to whoever reaches the port.
    #[error("metrics on {address} would be open to everybody who reaches it, without a certificate")]
    OpenMetrics {
        /// Where.
        address: SocketAddr,
    },
}
