//! Prometheus as somebody to ask.

use super::answer::{Answer, parse};
use super::queries::Query;
use super::{PrometheusError, PrometheusOptions};
use crate::http_client::{HttpClient, HttpOptions};

/// An answer larger than this is refused: pieces are made so that none should be.
const LARGEST_ANSWER_BYTES: usize = 256 << 20;
const TENANT: &str = "x-scope-orgid";

pub(super) struct PrometheusClient {
    client: HttpClient,
}

impl PrometheusClient {
    pub(super) fn new(options: &PrometheusOptions) -> Result<PrometheusClient, PrometheusError> {
        let client = HttpClient::new(HttpOptions {
            what: "Prometheus",
            url: options.url.clone(),
            bearer_token_file: options.bearer_token_file.clone(),
            basic_auth: options.basic_auth.clone(),
            header: options.tenant.clone().map(|tenant| (TENANT, tenant)),
            timeout: options.timeout,
            most_bytes: LARGEST_ANSWER_BYTES,
        })?;
        Ok(PrometheusClient { client })
    }

    /// Its address, without user and password.
    pub(super) fn server(&self) -> String {
        self.client.server.clone()
    }

    /// Asks, again where the server is busy.
    pub(super) async fn ask(&self, query: &Query) -> Result<Answer, PrometheusError> {
        let (path, form) = query.form();
        Ok(self.client.post(path, "application/x-www-form-urlencoded", form.as_bytes(), parse).await?)
    }
}
