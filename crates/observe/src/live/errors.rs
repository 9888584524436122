//! Why a running cluster cannot be read, and what to do about it.

use std::error::Error;
use std::time::Duration;

use kube::client::AuthError;
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
    /// The kubeconfig's exec plugin gave no credentials.
    #[error("the login plugin {plugin} {problem}")]
    LoginPlugin {
        /// Its command.
        plugin: String,
        /// Why, without what it wrote, which may be a secret.
        problem: String,
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
            LiveError::LoginPlugin { .. } => "install the plugin or log in again; kubectl get nodes runs it too",
            LiveError::Unauthorized { .. } => {
                "log in again: a token or certificate may have expired; with an exec plugin, run its login command"
            }
            LiveError::Forbidden { .. } => "grant these rights with a ClusterRole, or use another context",
            LiveError::TimedOut { .. } => "try again, or give more time with --request-timeout",
            LiveError::Status { .. } | LiveError::Read(_) => return None,
        })
    }

    /// What it means that there are no credentials to ask with.
    pub(crate) fn of_login(plugin: Option<&str>, source: kube::Error) -> LiveError {
        match plugin_problem(&source) {
            Some(problem) => {
                LiveError::LoginPlugin { plugin: plugin.unwrap_or("of the kubeconfig").to_owned(), problem }
            }
            None => LiveError::Config { source: Box::new(source) },
        }
    }

    /// What a request that got no answer means.
    pub(crate) fn of_transport(server: &str, source: kube::Error) -> LiveError {
        // The plugin runs again when its token is about to expire.
        if causes(&source).any(|cause| cause.is::<AuthError>()) {
            return LiveError::of_login(None, source);
        }
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
        match problem {
            Some(problem) => LiveError::Certificate { server, problem, source: Box::new(source) },
            None => LiveError::Unreachable { server, source: Box::new(source) },
        }
    }
}

/// What went wrong with an exec plugin, where one is the cause. What it wrote to stdout is left out: credentials.
fn plugin_problem(error: &kube::Error) -> Option<String> {
    Some(match causes(error).find_map(|cause| cause.downcast_ref::<AuthError>())? {
        AuthError::AuthExecStart(source) => format!("cannot be started: {source}"),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            // The last line is where most programs say what it was; plugins that may ask have said it on the terminal.
            match said.lines().rfind(|line| !line.trim().is_empty()) {
                Some(last) => format!("failed ({}): {}", out.status, last.trim()),
                None => format!("failed ({})", out.status),
            }
        }
        AuthError::AuthExecParse(_) => "wrote something that is no ExecCredential".to_owned(),
        AuthError::ExecPluginFailed => "gave no credentials".to_owned(),
        _ => return None,
    })
}

fn all_causes(error: &kube::Error) -> String {
    causes(error).fold(format!("{error:?}"), |text, cause| format!("{text} {cause}"))
}

/// The error and what caused it.
fn causes(error: &kube::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |error| Error::source(*error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{ExitStatus, Output};

    use super::*;

    #[test]
    fn a_plugin_that_fails_to_renew_a_token_is_named_without_its_output() {
        let output = |stderr: &[u8]| Output {
            status: ExitStatus::from_raw(256),
            stdout: b"secret".to_vec(),
            stderr: stderr.to_vec(),
        };
        for (stderr, says) in [
            (&b"log in first\n\n"[..], "the login plugin of the kubeconfig failed (exit status: 1): log in first"),
            (b"", "the login plugin of the kubeconfig failed (exit status: 1)"),
        ] {
            let failed = AuthError::AuthExecRun { cmd: "login".to_owned(), out: Box::new(output(stderr)) };
            let error = LiveError::of_transport("https://a", kube::Error::Service(Box::new(failed)));
            assert_eq!(error.to_string(), says);
            assert!(error.source().is_none());
        }
    }
}
