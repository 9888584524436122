//! Planning: what fits where, what may move, and which nodes can go. Pure: no I/O, no clock.

pub mod analyze;
mod bound;
pub mod cluster;
mod constraints;
pub mod evictable;
pub mod fit;
pub mod landing;
pub mod node_set;
pub mod planning;
pub mod rightsizing;
pub mod shadow;
pub mod state;
pub mod what_if;

pub use cluster::Cluster;
pub use constraints::{constraints, constraints_by};
pub use fit::{PodFit, fit};
pub use node_set::NodeSet;
pub use planning::{
    Change, CurvePoint, Effort, Provisioning, Replanner, Strategy, Way, Work, curve, default_strategy,
    fewest_moves_for, plan, plan_within, provision, strategies, strategy,
};
