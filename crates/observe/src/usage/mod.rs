//! What containers used over time, from a file, an endpoint, or Prometheus.

mod endpoint;
mod file;

use std::collections::BTreeMap;

use model::{Name, Time};

pub use endpoint::{
    EndpointOptions, EndpointUsage, UsageEndpointError, check_usage_endpoint, read_usage_endpoint,
    read_usage_endpoint_blocking,
};
pub use file::{BadRow, UsageFile, UsageFileError, read_usage};

/// Whose use it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MeasuredUser {
    /// A pod by its name, gone ones too.
    Pod(Name),
    /// A workload by kind and name.
    Workload {
        /** Such as `Deployment`. */
        kind: Name,
        /** Its name. */
        name: Name,
    },
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeasuredContainer {
    /// The namespace.
    pub namespace: Name,
    /// Whose.
    pub user: MeasuredUser,
    /// The container's name.
    pub container: Name,
}

/// What happened to a container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MeasuredEvent {
    /// Killed for want of memory, at this limit in bytes where it is known.
    OutOfMemory(Option<f64>),
    /// Started again.
    Restart,
    /// The part of its CPU periods in which it was held back, from now on.
    Throttled(f64),
}

/// What one container used, in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Cores.
    pub cpu: Vec<(Time, f64)>,
    /// Bytes.
    pub memory: Vec<(Time, f64)>,
    /// What happened.
    pub events: Vec<(Time, MeasuredEvent)>,
}

/// By container.
pub type MeasuredUsage = BTreeMap<MeasuredContainer, Measured>;
