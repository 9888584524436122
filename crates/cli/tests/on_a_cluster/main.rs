//! The built command and its operator on a real Kubernetes control plane, which `tests/controlplane/build.sh` builds.
//!
//! Most of these tests wait most of their time, so all are of one program and several run at once. A folder, or a file, is
//! what one part of the product does; beside them is what they share:
//! - `cluster`: a cluster in pieces, full by day and half of it scaled down
//! - `operator`: an operator beside it, and what it writes down
//! - `watcher`: whether anybody who looks on sees a workload below what it needs
//! - `shop`: workloads of which a real Prometheus has seen what they use
//! - `server`: endpoints of others, by their documented contracts
#![allow(clippy::unwrap_used, clippy::panic)]

mod cluster;
mod operator;
mod server;
mod shop;
mod watcher;

mod acting;
mod adding;
mod chart;
mod karpenter;
mod live;
mod operating;
mod policies;
mod providers;
mod thresholds;
