//! Prometheus as somebody to ask.

use super::answer::{Answer, parse};
use super::queries::Query;
use super::{PrometheusError, PrometheusOptions};
use crate::http_client::{HttpClient, HttpOptions};

const TENANT: &str = "x-scope-orgid";

pub(super) struct PrometheusClient {
    client: HttpClient,
}

impl PrometheusClient {
    /// Answers of so many bytes are read.
    pub(super) fn new(options: &PrometheusOptions, most_bytes: usize) -> Result<PrometheusClient, PrometheusError> {
        let client = HttpClient::new(HttpOptions {
            what: "Prometheus",
            url: options.url.clone(),
            bearer_token_file: options.bearer_token_file.clone(),
            basic_auth: options.basic_auth.clone(),
            header: options.tenant.clone().map(|tenant| (TENANT, tenant)),
            timeout: options.timeout,
            most_bytes,
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
        self.post(path, &form, parse).await
    }

    /// The same of a form of one's own.
    pub(super) async fn post<T>(
        &self,
        path: &str,
        form: &str,
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, PrometheusError> {
        Ok(self.client.post(path, "application/x-www-form-urlencoded", form.as_bytes(), parse).await?)
    }
}
