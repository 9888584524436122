//! Asking over HTTP, by the client that talks to Kubernetes too.

use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::Body;
use kube::config::AuthInfo;
use kube::{Client, Config};

use super::answer::{Answer, parse};
use super::queries::Query;
use super::{PrometheusError, PrometheusOptions};

/// An answer larger than this is refused: pieces are made so that none should be.
const LARGEST_ANSWER_BYTES: usize = 256 << 20;
/// Tries of one query that is throttled or meets a failing server.
const MOST_TRIES: u32 = 4;
/// The wait after the first failure; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const TENANT: &str = "x-scope-orgid";
/// So much of what a server says is shown.
pub(super) const LONGEST_MESSAGE: usize = 300;

pub(super) struct PrometheusClient {
    client: Client,
    timeout: Duration,
    /// Its address, without user and password.
    pub(super) server: String,
}

impl PrometheusClient {
    pub(super) fn new(options: &PrometheusOptions) -> Result<PrometheusClient, PrometheusError> {
        let uri: Uri = options.url.trim_end_matches('/').parse().map_err(|_| PrometheusError::Address)?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(PrometheusError::Address) };
        if scheme != "http" && scheme != "https" {
            return Err(PrometheusError::Address);
        }
        let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        let server = format!("{scheme}://{host}{port}{}", uri.path().trim_end_matches('/'));
        let mut config = Config::new(server.parse().map_err(|_| PrometheusError::Address)?);
        config.connect_timeout = Some(options.timeout);
        config.read_timeout = Some(options.timeout);
        config.default_retry = false;
        config.auth_info = auth(options)?;
        if let Some(tenant) = &options.tenant {
            let value = HeaderValue::from_str(tenant).map_err(|_| PrometheusError::Header { what: "the tenant" })?;
            config.headers.push((HeaderName::from_static(TENANT), value));
        }
        let unreachable = |source| PrometheusError::Unreachable { server: server.clone(), source: Box::new(source) };
        let client = Client::try_from(config).map_err(unreachable)?;
        Ok(PrometheusClient { client, timeout: options.timeout, server })
    }

    /// Asks, again where the server is busy.
    pub(super) async fn ask(&self, query: &Query) -> Result<Answer, PrometheusError> {
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let failure = match self.ask_once(query).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let is_passing = match &failure {
                PrometheusError::Status { status, .. } => *status == 429 || *status >= 500,
                PrometheusError::Unreachable { .. } => true,
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

    async fn ask_once(&self, query: &Query) -> Result<Answer, PrometheusError> {
        let (path, form) = query.form();
        let body = self.post(path, form, LARGEST_ANSWER_BYTES).await?;
        parse(&body).map_err(|message| PrometheusError::NoAnswer {
            server: self.server.clone(),
            message: message.chars().take(LONGEST_MESSAGE).collect(),
        })
    }

    /// The body of the answer to one request, of so many bytes at most.
    pub(super) async fn post(
        &self,
        path: &str,
        form: String,
        most: usize,
    ) -> Result<impl Deref<Target = [u8]>, PrometheusError> {
        let server = || self.server.clone();
        let unreachable = |source| PrometheusError::Unreachable { server: server(), source: Box::new(source) };
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(Body::from(form.into_bytes()))
            .map_err(|source| unreachable(kube::Error::HttpError(source)))?;
        let answered = async {
            let response = self.client.send(request).await.map_err(unreachable)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), most).collect().await;
            let body = body.map_err(|source| match source.downcast::<LengthLimitError>() {
                Ok(_) => PrometheusError::TooLarge { server: server(), most },
                Err(source) => PrometheusError::NoAnswer { server: server(), message: source.to_string() },
            })?;
            Ok((status, body.to_bytes()))
        };
        let (status, body) = match tokio::time::timeout(self.timeout, answered).await {
            Ok(answered) => answered?,
            Err(_) => return Err(PrometheusError::TimedOut { server: server(), timeout: self.timeout }),
        };
        if status != StatusCode::OK {
            let message = parse(&body).err().filter(|_| body.starts_with(b"{"));
            let message = message.unwrap_or_else(|| String::from_utf8_lossy(&body).trim().to_owned());
            let message = message.chars().take(LONGEST_MESSAGE).collect();
            return Err(PrometheusError::Status { server: server(), status: status.as_u16(), message });
        }
        Ok(body)
    }
}

fn auth(options: &PrometheusOptions) -> Result<AuthInfo, PrometheusError> {
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

fn secret(file: &Path) -> Result<String, PrometheusError> {
    std::fs::read_to_string(file).map_err(|source| PrometheusError::SecretFile { file: file.to_owned(), source })
}
