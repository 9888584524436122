//! Asking servers that are no Kubernetes over HTTP, by the client that talks to Kubernetes too. No message has a token, a
//! password, or the user part of an address.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Client, Config};
use thiserror::Error;

/// Tries of one request that is throttled or meets a failing server.
const MOST_TRIES: u32 = 4;
/// The wait after the first failure; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_MESSAGE: usize = 300;

/// How a server is asked.
#[derive(Clone, Debug)]
pub(crate) struct HttpOptions {
    /// What it is, for messages.
    pub what: &'static str,
    pub url: String,
    /// Read anew as it changes.
    pub bearer_token_file: Option<PathBuf>,
    /// A user and a file with their password.
    pub basic_auth: Option<(String, PathBuf)>,
    /// A header, and what is in it.
    pub header: Option<(&'static str, String)>,
    pub timeout: Duration,
    /// An answer larger than this is refused.
    pub most_bytes: usize,
}

/// Somebody to ask.
pub(crate) struct HttpClient {
    client: Client,
    options: HttpOptions,
    /// Its address, without user and password.
    pub server: String,
}

/// Why a server gave no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// No thread could be started.
    #[error("cannot start asking {what}")]
    Start {
        /// What it is.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The address is none.
    #[error("the address of {what} is no http or https URL")]
    Address {
        /// What it is.
        what: &'static str,
    },
    /// A header cannot be made of what was given.
    #[error("the header {header} of {what} would have characters that no header may have")]
    Header {
        /// What it is.
        what: &'static str,
        /// The header's name.
        header: &'static str,
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
    #[error("cannot reach {what} at {server}")]
    Unreachable {
        /// What it is.
        what: &'static str,
        /// Its address, without secrets.
        server: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
    /// It did not answer in time.
    #[error("{what} at {server} did not answer within {} s", timeout.as_secs())]
    TimedOut {
        /// What it is.
        what: &'static str,
        /// Its address.
        server: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// It refuses.
    #[error("{what} at {server} answered {status}: {message}")]
    Status {
        /// What it is.
        what: &'static str,
        /// Its address.
        server: String,
        /// The HTTP status.
        status: u16,
        /// Its own words, cut.
        message: String,
    },
    /// Its answer is too large.
    #[error("{what} at {server} answered with more than {} MiB", most >> 20)]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its address.
        server: String,
        /// The most that is read.
        most: usize,
    },
    /// Its answer is none.
    #[error("{what} at {server} answered with something else than was agreed: {message}")]
    NoAnswer {
        /// What it is.
        what: &'static str,
        /// Its address.
        server: String,
        /// What is wrong with it.
        message: String,
    },
}

impl HttpClient {
    pub fn new(options: HttpOptions) -> Result<HttpClient, HttpError> {
        let what = options.what;
        let address = || HttpError::Address { what };
        let uri: Uri = options.url.trim_end_matches('/').parse().map_err(|_| address())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(address()) };
        if scheme != "http" && scheme != "https" {
            return Err(address());
        }
        let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        let server = format!("{scheme}://{host}{port}{}", uri.path().trim_end_matches('/'));
        let mut config = Config::new(server.parse().map_err(|_| address())?);
        config.connect_timeout = Some(options.timeout);
        config.read_timeout = Some(options.timeout);
        config.default_retry = false;
        config.auth_info = auth(&options)?;
        if let Some((header, value)) = &options.header {
            let value = HeaderValue::from_str(value).map_err(|_| HttpError::Header { what, header })?;
            config.headers.push((HeaderName::from_static(header), value));
        }
        let unreachable = |source| HttpError::Unreachable { what, server: server.clone(), source: Box::new(source) };
        let client = Client::try_from(config).map_err(unreachable)?;
        Ok(HttpClient { client, options, server })
    }

    /// Posts, again where the server is busy, and reads the answer by `parse`; that is asked for the server's own words too
    /// where it refuses.
    pub async fn post<T>(
        &self,
        path: &str,
        content: &'static str,
        body: &[u8],
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, HttpError> {
        self.patiently(|| Request::post(path).header(header::CONTENT_TYPE, content), body, parse).await
    }

    /// The same without a body.
    pub async fn get<T>(&self, path: &str, parse: impl Fn(&[u8]) -> Result<T, String>) -> Result<T, HttpError> {
        self.patiently(|| Request::get(path), &[], parse).await
    }

    async fn patiently<T>(
        &self,
        request: impl Fn() -> http::request::Builder,
        body: &[u8],
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, HttpError> {
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let failure = match self.once(request(), body, &parse).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let is_passing = match &failure {
                HttpError::Status { status, .. } => *status == 429 || *status >= 500,
                HttpError::Unreachable { .. } => true,
                _ => false,
            };
            if !is_passing || tries == MOST_TRIES {
                return Err(failure);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            tries += 1;
        }
    }

    async fn once<T>(
        &self,
        request: http::request::Builder,
        body: &[u8],
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, HttpError> {
        let HttpOptions { what, timeout, most_bytes: most, .. } = self.options;
        let server = || self.server.clone();
        let unreachable = |source| HttpError::Unreachable { what, server: server(), source: Box::new(source) };
        let request = request
            .header(header::ACCEPT, "application/json")
            .body(Body::from(body.to_vec()))
            .map_err(|source| unreachable(kube::Error::HttpError(source)))?;
        let answered = async {
            let response = self.client.send(request).await.map_err(unreachable)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), most).collect().await;
            let body = body.map_err(|source| match source.downcast::<LengthLimitError>() {
                Ok(_) => HttpError::TooLarge { what, server: server(), most },
                Err(source) => HttpError::NoAnswer { what, server: server(), message: source.to_string() },
            })?;
            Ok((status, body.to_bytes()))
        };
        let (status, body) = match tokio::time::timeout(timeout, answered).await {
            Ok(answered) => answered?,
            Err(_) => return Err(HttpError::TimedOut { what, server: server(), timeout }),
        };
        let cut = |message: String| message.chars().take(LONGEST_MESSAGE).collect();
        if status != StatusCode::OK {
            let message = parse(&body).err().filter(|_| body.starts_with(b"{"));
            let message = cut(message.unwrap_or_else(|| String::from_utf8_lossy(&body).trim().to_owned()));
            return Err(HttpError::Status { what, server: server(), status: status.as_u16(), message });
        }
        parse(&body).map_err(|message| HttpError::NoAnswer { what, server: server(), message: cut(message) })
    }
}

fn auth(options: &HttpOptions) -> Result<AuthInfo, HttpError> {
    let mut auth = AuthInfo::default();
    if let Some(file) = &options.bearer_token_file {
        // Read once now, so that a wrong path is told as such.
        secret(file)?;
        auth.token_file = Some(file.display().to_string());
    }
    if let Some((user, file)) = &options.basic_auth {
        auth.username = Some(user.clone());
        auth.password = Some(secret(file)?.trim().to_owned().into());
    }
    Ok(auth)
}

fn secret(file: &Path) -> Result<String, HttpError> {
    std::fs::read_to_string(file).map_err(|source| HttpError::SecretFile { file: file.to_owned(), source })
}

/// The error and what is behind it.
pub fn in_full(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words += &format!(": {error}");
        source = error.source();
    }
    words
}
