//! Clusters made from a seed: the example of `plimsoll demo`, the fleets and packings of the benchmark, and the small
//! ones full of corners on which we are compared with kube-scheduler. Each is a set of Kubernetes objects as the API
//! server stores them.

#![recursion_limit = "256"]

mod company;
mod corners;
mod fleet;
mod object;
mod packing;
mod plain;
mod random;

pub use company::{company, company_prices};
pub use corners::{corners, scored_corners};
pub use fleet::{Fleet, fleet};
pub use packing::{Cut, packing};
pub use plain::{PlainCluster, PlainNode, PlainWorkload};
