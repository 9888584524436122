//! The separate check of a plan against a snapshot: slow, obvious, and written apart from the search, sharing only
//! `model` with it. It takes a plan from anywhere and assumes nothing of it.
//!
//! - [`State`]: the cluster at one moment, and what kube-scheduler would say of a pod and a node in it
//! - [`fit_matrix`]: every pod against every node
//! - [`evictable`]: what may not be evicted, and why
//! - [`verify`]: every rule that a plan keeps, step by step and wave by wave

mod evictable;
mod filters;
mod rule;
mod state;
mod tally;
mod verify;

pub use evictable::{Blocker, Evictions, evictable};
pub use filters::fit_matrix;
pub use rule::{Fault, Rejection, Rule};
pub use state::State;
pub use verify::verify;
