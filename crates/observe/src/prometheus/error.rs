//! Why Prometheus did not answer. No message has a token, a password, or the user part of an address.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// Why usage could not be read from Prometheus.
#[derive(Debug, Error)]
pub enum PrometheusError {
    /// No thread or task could be started.
    #[error("cannot start asking Prometheus")]
    Start {
        /// What the system says.
        source: io::Error,
    },
    /// The address is none.
    #[error("the Prometheus address is no http or https URL")]
    Address,
    /// A header cannot be made of what was given.
    #[error("{what} has characters that no header may have")]
    Header {
        /// What was given.
        what: &'static str,
    },
    /// A file with a secret cannot be read.
    #[error("cannot read {file}", file = file.display())]
    SecretFile {
        /// Its path.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be reached.
    #[error("cannot reach Prometheus at {server}")]
    Unreachable {
        /// Its address, without secrets.
        server: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
    /// It did not answer in time.
    #[error("Prometheus at {server} did not answer within {} s", timeout.as_secs())]
    TimedOut {
        /// Its address.
        server: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// It refuses.
    #[error("Prometheus at {server} answered {status}: {message}")]
    Status {
        /// Its address.
        server: String,
        /// The HTTP status.
        status: u16,
        /// Its own words, cut.
        message: String,
    },
    /// Its answer is too large.
    #[error("Prometheus at {server} answered with more than {} MiB", most >> 20)]
    TooLarge {
        /// Its address.
        server: String,
        /// The most that is read.
        most: usize,
    },
    /// Its answer is none.
    #[error("Prometheus at {server} answered with something else than a result: {message}")]
    NoAnswer {
        /// Its address.
        server: String,
        /// What is wrong with it.
        message: String,
    },
    /// It knows no container.
    #[error("Prometheus at {server} has no container_memory_working_set_bytes{matcher} of the last day")]
    NoSeries {
        /// Its address.
        server: String,
        /// What was asked for.
        matcher: String,
    },
    /// It would have to read more than allowed.
    #[error("asking would read about {samples} samples of {series} containers, above the budget of {most}")]
    OverBudget {
        /// Containers.
        series: u64,
        /// Samples.
        samples: u64,
        /// The budget.
        most: u64,
        /// Days that fit.
        days: u64,
    },
}

impl PrometheusError {
    /// What would help.
    pub fn hint(&self) -> String {
        match self {
            PrometheusError::Address => "give it as http://HOST:PORT or https://HOST/PATH".to_owned(),
            PrometheusError::Unreachable { .. } | PrometheusError::TimedOut { .. } => {
                "check the address; inside a cluster, kubectl port-forward makes it reachable".to_owned()
            }
            PrometheusError::Status { status: 401 | 403, .. } => {
                "give --prometheus-token-file, or --prometheus-user and --prometheus-password-file; a tenant is given \
                 with --prometheus-tenant"
                    .to_owned()
            }
            PrometheusError::NoSeries { .. } => {
                "does it scrape the kubelets' cAdvisor, with labels namespace, pod and container? --prometheus-label \
                 chooses a cluster among several"
                    .to_owned()
            }
            PrometheusError::OverBudget { days, .. } if *days > 0 => {
                format!("give --window {days}, a namespace with -n, or a larger --prometheus-max-samples")
            }
            PrometheusError::OverBudget { .. } => {
                "give a namespace with -n, or a larger --prometheus-max-samples".to_owned()
            }
            _ => "docs/rightsizing.md says what is asked; --usage reads a file in its place".to_owned(),
        }
    }
}
