//! Why Prometheus did not answer. No message has a token, a password, or the user part of an address.

use std::io;

use thiserror::Error;

use crate::http_client::HttpError;

/// Why usage could not be read from Prometheus.
#[derive(Debug, Error)]
pub enum PrometheusError {
    /// No thread or task could be started.
    #[error("cannot start asking Prometheus")]
    Start {
        /// What the system says.
        source: io::Error,
    },
    /// It gave no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
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
            PrometheusError::Http(HttpError::Address { .. }) => {
                "give it as http://HOST:PORT or https://HOST/PATH".to_owned()
            }
            PrometheusError::Http(HttpError::Unreachable { .. } | HttpError::TimedOut { .. }) => {
                "check the address; inside a cluster, kubectl port-forward makes it reachable".to_owned()
            }
            PrometheusError::Http(HttpError::Status { status: 401 | 403, .. }) => {
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
