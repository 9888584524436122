//! Requests that fit: from what containers use to what they should ask for. See README.md.

pub mod answers;
pub mod backtest;
pub mod confidence;
mod decaying;
mod growth;
mod histogram;
pub mod method;
pub mod owners;
pub mod pacing;
pub mod percentile;
#[cfg(test)]
mod properties;
mod recommend;
mod replicas;
mod resource;
mod risk;
mod scale;
pub mod seasonal;
mod settings;
pub mod sketch;
mod strategy;
mod usage;
mod workloads;

pub use growth::only_grows;
pub use histogram::{BUCKETS, DecayingHistogram};
pub use percentile::Percentiles;
pub use recommend::{Recommended, Skip, recommend};
pub use resource::Resource;
pub use risk::{RiskReason, Risks};
pub use settings::{Bound, BoundOf, Bounds, Limits, Settings, Work};
pub use strategy::{Basis, Estimate, Peak, Strategy, Watch, default_strategy, strategies, strategy};
pub use usage::{Event, EventKind, Sample, Series, Usage};
pub use workloads::{
    Advice, Chooser, Class, ContainerAdvice, Used, User, Verdict, rightsize, rightsize_by, sort_by_urgency,
};
