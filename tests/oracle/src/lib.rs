//! The comparison of our feasibility with kube-scheduler's own plugins, pod by pod and node by node.

pub mod compare;
pub mod coverage;
pub mod knobs;
pub mod ours;
pub mod scheduler;
pub mod scores;
pub mod shrink;
