//! How an operator runs, beyond what its resources say.

use std::net::SocketAddr;

use act::Options;
use observe::LiveOptions;
use observe::prices::PriceTable;

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
