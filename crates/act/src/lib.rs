//! Carries plans out. The only crate that writes to a cluster: it observes again, has the separate check judge what is
//! left of the plan, asks the API server, and only then acts. It decides nothing: what it may do is in the plan, or in the recommendation.
//!
//! - [`Cluster`]: the cluster to act on, and at what pace
//! - [`carry_out`]: a plan, wave by wave
//! - [`rehearse`]: the same questions, and nothing done
//! - [`undo`]: takes back what a plan left behind
//! - [`resize`] and [`size_template`]: other requests, in place or by new pods

mod addition;
mod answer;
mod carry_out;
mod cluster;
mod error;
mod eviction;
mod gate;
mod hints;
mod lanes;
mod marks;
mod node_claims;
mod options;
mod patience;
mod pods;
mod pool_budget;
mod progress;
mod protection;
mod rehearsal;
mod remaining;
mod removal;
mod resize;
mod settling;
mod surge;
mod template;
mod threshold;
mod undo;
mod wave;

pub use answer::Refusal;
pub use carry_out::carry_out;
pub use cluster::{Cluster, Fence, WriteListener};
pub use error::ActError;
pub use gate::{Gate, Open, Verdict};
pub use options::{NodeAddition, NodeRemoval, Options};
pub use progress::{Done, Ending, Listener, Progress, StepDone};
pub use rehearsal::{Rehearsal, Rest, rehearse, rest_of};
pub use resize::{Resized, Size, may_patch, resize, resizes_in_place};
pub use template::{Unchanged, size_template};
pub use threshold::{Reading, Threshold};
pub use undo::{Standing, Undone, sweep, undo, undo_all};
