//! Requests that fit: from what containers use to what they should ask for. See README.md.

pub mod backtest;
mod decaying;
mod histogram;
pub mod pacing;
pub mod percentile;
mod resource;
pub mod seasonal;
mod settings;
mod strategy;
mod usage;

pub use histogram::{BUCKETS, DecayingHistogram};
pub use percentile::Percentiles;
pub use resource::Resource;
pub use settings::{Bound, Bounds, Settings, Work};
pub use strategy::{Basis, Estimate, Peak, Strategy, Watch, default_strategy, strategies, strategy};
pub use usage::{Event, EventKind, Sample, Series, Usage};
