//! One kind, page by page.

use std::time::Duration;

use http::{Request, StatusCode};
use kube::client::Body;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::mpsc;

use super::errors::LiveError;
use super::{Page, Progress, right_to_list};
use crate::kinds::KindInfo;

/// Objects a page, as kubectl and the controllers ask.
const PAGE: usize = 500;
/// Tries of one request that is throttled or meets a failing server.
const MOST_TRIES: u32 = 5;
/// What the server may make us wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// The wait after the first failure, where the server names none; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// What one list needs.
pub(crate) struct Lister {
    pub client: kube::Client,
    pub server: String,
    pub info: &'static KindInfo,
    pub namespace: Option<String>,
    pub timeout: Duration,
    pub pages: mpsc::Sender<Page>,
    pub progress: Option<Progress>,
}

/// How a list ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// To its end.
    Whole {
        /// The version of the API that it is served by.
        api_version: &'static str,
        /// The moment of the list, from which it can be watched.
        resource_version: String,
    },
    Forbidden,
    NotServed,
}

/// All pages of one kind. Where the list expires on the way it is begun once more.
pub(crate) async fn list(lister: &Lister) -> Result<Listed, LiveError> {
    let mut version = lister.info.version;
    let mut restarted = false;
    let mut from = String::new();
    let mut listed = 0;
    loop {
        let answer = ask(lister, version, &from).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => return Ok(Listed::Forbidden),
            // Karpenter served v1beta1 before version 1.0.
            StatusCode::NOT_FOUND if lister.info.group == "karpenter.sh" && version == "v1" => {
                version = "v1beta1";
                continue;
            }
            StatusCode::NOT_FOUND => return Ok(Listed::NotServed),
            // An aggregated API whose server is away, such as metrics-server.
            StatusCode::SERVICE_UNAVAILABLE if lister.info.group == "metrics.k8s.io" => return Ok(Listed::NotServed),
            StatusCode::GONE if !from.is_empty() && !restarted => {
                restarted = true;
                (from, listed) = (String::new(), 0);
                send(lister, Page::Restart(lister.info.kind)).await?;
                continue;
            }
            status => return Err(refused(lister, status, &answer.body)),
        }
        let page: PageMeta = serde_json::from_slice(&answer.body).map_err(|error| LiveError::Status {
            server: lister.server.clone(),
            what: right_to_list(lister.info),
            status: StatusCode::OK.as_u16(),
            message: format!("with something that is no list: {error}"),
        })?;
        let count = page.items.map_or(0, |items| items.len());
        send(lister, Page::Items { kind: lister.info.kind, bytes: answer.body, before: listed }).await?;
        listed += count;
        if let Some(progress) = &lister.progress {
            progress(lister.info.kind, listed);
        }
        let meta = page.metadata.unwrap_or_default();
        from = meta.r#continue.unwrap_or_default();
        if from.is_empty() {
            let resource_version = meta.resource_version.unwrap_or_default();
            return Ok(Listed::Whole { api_version: version, resource_version });
        }
    }
}

#[derive(Deserialize)]
struct PageMeta {
    metadata: Option<ListMeta>,
    items: Option<Vec<IgnoredAny>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    r#continue: Option<String>,
    resource_version: Option<String>,
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// One page, tried again while the server is busy.
async fn ask(lister: &Lister, version: &str, from: &str) -> Result<Answer, LiveError> {
    let from = if from.is_empty() { String::new() } else { format!("&continue={}", escaped(from)) };
    let path = format!("{}?limit={PAGE}{from}", path(lister, version));
    let mut wait = FIRST_WAIT;
    let mut tries = 1;
    loop {
        let answer = ask_once(lister, &path).await?;
        let is_busy = answer.status == StatusCode::TOO_MANY_REQUESTS || answer.status.is_server_error();
        if !is_busy || tries == MOST_TRIES {
            return Ok(answer);
        }
        tokio::time::sleep(answer.retry_after.unwrap_or(wait).min(LONGEST_WAIT)).await;
        wait *= 2;
        tries += 1;
    }
}

async fn ask_once(lister: &Lister, path: &str) -> Result<Answer, LiveError> {
    let failed = |source| LiveError::of_transport(&lister.server, source);
    let request = Request::get(path)
        .header(http::header::ACCEPT, "application/json")
        .body(Body::empty())
        .map_err(|source| failed(kube::Error::HttpError(source)))?;
    let answer = async {
        let response = lister.client.send(request).await?;
        let status = response.status();
        let retry_after = response.headers().get(http::header::RETRY_AFTER);
        let seconds = retry_after.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        let body = response.into_body().collect_bytes().await?.to_vec();
        Ok(Answer { status, retry_after: seconds.map(Duration::from_secs), body })
    };
    match tokio::time::timeout(lister.timeout, answer).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(LiveError::TimedOut {
            server: lister.server.clone(),
            what: right_to_list(lister.info),
            timeout: lister.timeout,
        }),
    }
}

/// Where the kind's objects are served, without a query.
pub(crate) fn path(lister: &Lister, version: &str) -> String {
    let info = lister.info;
    let api = match info.group {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    };
    let namespace = match &lister.namespace {
        Some(namespace) if info.namespaced => format!("/namespaces/{}", escaped(namespace)),
        _ => String::new(),
    };
    format!("{api}{namespace}/{}", info.plural)
}

/// Percent-encoded for a query or a path.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// The server's own words are in a Status object, or its body is text.
fn refused(lister: &Lister, status: StatusCode, body: &[u8]) -> LiveError {
    const LONGEST_MESSAGE: usize = 300;
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = said.and_then(|said| said.get("message").and_then(|text| text.as_str()).map(str::to_owned));
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    let message: String = message.chars().take(LONGEST_MESSAGE).collect();
    let server = lister.server.clone();
    if status == StatusCode::UNAUTHORIZED {
        return LiveError::Unauthorized { server, message };
    }
    LiveError::Status { server, what: right_to_list(lister.info), status: status.as_u16(), message }
}

/// Fails when nobody parses any more; the parser's own error is the one that is reported then.
async fn send(lister: &Lister, page: Page) -> Result<(), LiveError> {
    lister.pages.send(page).await.map_err(|_| LiveError::Status {
        server: lister.server.clone(),
        what: right_to_list(lister.info),
        status: StatusCode::OK.as_u16(),
        message: "reading stopped".to_owned(),
    })
}
