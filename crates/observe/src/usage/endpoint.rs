//! Use from an HTTP endpoint of one's own, by the contract of docs/rightsizing.md.

mod contract;

use std::path::PathBuf;
use std::time::Duration;

use model::Time;
use thiserror::Error;

use super::MeasuredUsage;
use crate::http_client::{HttpClient, HttpError, HttpOptions};
use contract::{Asked, parse};

const WHAT: &str = "the usage endpoint";
/// Of one page no more is read.
const MOST_BYTES_A_PAGE: usize = 64 << 20;
/// As many pages are asked for; who has more gives larger ones.
const MOST_PAGES: usize = 1_000;
/// No more is kept of all pages: samples, events and containers together.
const MOST_KEPT: usize = 10_000_000;

/// How an endpoint is asked, for use or for requests.
#[derive(Clone, Debug)]
pub struct EndpointOptions {
    /// Its address, below which `/health`, `/usage` or `/requests` is asked.
    pub url: String,
    /// A file with a bearer token, read anew as it changes.
    pub bearer_token_file: Option<PathBuf>,
    /// Labels that say which cluster is meant, where it knows several.
    pub labels: Vec<(String, String)>,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// The last moment to ask for.
    pub until: Time,
    /// How far back.
    pub window_seconds: i64,
    /// How far apart samples are to be.
    pub step_seconds: i64,
    /// How long one request may take.
    pub timeout: Duration,
}

impl EndpointOptions {
    /// To ask it: what it is, for messages, and how large an answer may be.
    pub(crate) fn client(&self, what: &'static str, most_bytes: usize) -> Result<HttpClient, HttpError> {
        HttpClient::new(HttpOptions {
            what,
            url: self.url.clone(),
            bearer_token_file: self.bearer_token_file.clone(),
            basic_auth: None,
            header: None,
            timeout: self.timeout,
            most_bytes,
        })
    }
}

/// What was read, and what is to be said about it.
#[derive(Debug, Default)]
pub struct EndpointUsage {
    /// By container.
    pub usage: MeasuredUsage,
    /// What makes it less than it could be.
    pub warnings: Vec<String>,
}

/// Why use could not be read.
#[derive(Debug, Error)]
pub enum UsageEndpointError {
    /// It gave no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It never comes to an end.
    #[error("the usage endpoint at {server} has more than {most} {what}")]
    TooMuch {
        /// Its address.
        server: String,
        /// Pages, or what is on them.
        what: &'static str,
        /// How many are read.
        most: usize,
    },
    /// It knows nobody.
    #[error("the usage endpoint at {server} knows no container")]
    Nothing {
        /// Its address.
        server: String,
    },
}

impl UsageEndpointError {
    /// What would help.
    pub fn hint(&self) -> &'static str {
        match self {
            UsageEndpointError::Http(HttpError::Address { .. }) => "give it as http://HOST:PORT or https://HOST/PATH",
            UsageEndpointError::Http(HttpError::Unreachable { .. } | HttpError::TimedOut { .. }) => {
                "check the address and whether it runs"
            }
            UsageEndpointError::Http(HttpError::Status { status: 401 | 403, .. }) => "give --usage-token-file",
            UsageEndpointError::TooMuch { .. } => "have it give larger pages, or a longer step",
            _ => "docs/rightsizing.md says what is asked and what is to be answered",
        }
    }
}

/// For callers without a runtime.
pub fn read_usage_endpoint_blocking(options: &EndpointOptions) -> Result<EndpointUsage, UsageEndpointError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|source| HttpError::Start { what: WHAT, source })?;
    runtime.block_on(read_usage_endpoint(options))
}

/// Whether it is there and well.
pub async fn check_usage_endpoint(options: &EndpointOptions) -> Result<(), UsageEndpointError> {
    Ok(client(options)?.get("/health", |_| Ok(())).await?)
}

/// Asks page by page.
pub async fn read_usage_endpoint(options: &EndpointOptions) -> Result<EndpointUsage, UsageEndpointError> {
    let client = client(options)?;
    let server = || client.server.clone();
    let (mut read, mut from) = (EndpointUsage::default(), None);
    let (mut kept, mut left_out, mut first_wrong) = (0, 0, None);
    for _ in 0..MOST_PAGES {
        let asked = Asked::of(options, from.as_deref());
        let page = client.post("/usage", "application/json", &asked.to_json(), |body| parse(body, options)).await?;
        // Each container counts too: it may have a name and nothing else.
        let events: usize = page.usage.values().map(|measured| measured.events.len()).sum();
        kept += page.samples + events + page.usage.len();
        left_out += page.left_out;
        first_wrong = first_wrong.or(page.first_wrong);
        if kept > MOST_KEPT {
            let what = "samples, events and containers";
            return Err(UsageEndpointError::TooMuch { server: server(), what, most: MOST_KEPT });
        }
        for (container, mut measured) in page.usage {
            let known = read.usage.entry(container).or_default();
            known.cpu.append(&mut measured.cpu);
            known.memory.append(&mut measured.memory);
            known.events.append(&mut measured.events);
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    if from.is_some() {
        return Err(UsageEndpointError::TooMuch { server: server(), what: "pages", most: MOST_PAGES });
    }
    if read.usage.is_empty() {
        return Err(UsageEndpointError::Nothing { server: server() });
    }
    if let Some(first) = first_wrong {
        read.warnings.push(format!(
            "{left_out} samples are left out, being no number, negative or outside the window: first {first}"
        ));
    }
    Ok(read)
}

fn client(options: &EndpointOptions) -> Result<HttpClient, HttpError> {
    options.client(WHAT, MOST_BYTES_A_PAGE)
}
