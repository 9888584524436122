//! How an operator runs, beyond what its resources say.

use std::net::SocketAddr;
use std::time::Duration;

use act::Options;
use observe::LiveOptions;
use observe::prices::PriceTable;
use observe::prometheus::PrometheusOptions;
use observe::usage::EndpointOptions;

use crate::webhooks::Webhooks;

/// How an operator runs.
#[derive(Clone)]
pub struct Settings {
    /// The cluster.
    pub live: LiveOptions,
    /// What nodes cost.
    pub prices: PriceTable,
    /// How plans are carried out.
    pub acting: Options,
    /// How requests are rightsized.
    pub rightsizing: Rightsizing,
    /// Where its lease is.
    pub namespace: String,
    /// Which replica it is: the name of its pod.
    pub identity: String,
    /// Where health and readiness are asked for.
    pub health: SocketAddr,
    /// Where metrics are asked for.
    pub metrics: SocketAddr,
    /// Where the API server asks about objects of our kinds; it does not where there is none.
    pub webhooks: Option<Webhooks>,
}

/// How requests are rightsized, beyond what policies say.
#[derive(Clone)]
pub struct Rightsizing {
    /// Where use is read; window and moment are each policy's.
    pub prometheus: Option<PrometheusOptions>,
    /// Where the provider `custom` is asked for use; window, namespace and moment are each policy's.
    pub usage_endpoint: Option<EndpointOptions>,
    /// Where the strategy `custom` is asked for requests.
    pub strategy_endpoint: Option<EndpointOptions>,
    /// How often the metrics API is sampled.
    pub sample_every: Duration,
    /// How often what was sampled is written down.
    pub checkpoint_every: Duration,
    /// No policy's safety factor counts for more.
    pub most_safety_factor: f64,
    /// Nothing is applied; the API server is asked whether it could be.
    pub dry_run: bool,
}
