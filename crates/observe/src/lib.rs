//! Kubernetes, from a dump or live, to a `model::Snapshot`. Reads only.

mod anonymize;
mod assemble;
mod collect;
mod convert;
mod http_client;
mod input;
mod intern;
mod kinds;
mod live;
mod object;
pub mod prices;
pub mod prometheus;
mod read;
mod recording;
mod source;
pub mod strategy_endpoint;
pub mod usage;
mod wire;

pub use anonymize::anonymize;
pub use http_client::{HttpError, in_full};
pub use input::{Limits, ReadError};
pub use kinds::{KINDS, Kind, KindInfo};
pub use live::{
    Connection, Followed, LiveError, LiveOptions, PodReading, PodReadings, Progress, connect, read_from, read_live,
    read_live_blocking, read_pod_metrics, record_live, record_live_blocking,
};
pub use read::{ReadOptions, read_bytes, read_node_pools, read_paths, read_values};
pub use recording::{Recording, SaveError, record_paths, save_snapshot};
