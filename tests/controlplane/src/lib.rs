//! A real Kubernetes control plane for tests: etcd, API server, controllers and scheduler, with KWOK in place of kubelets.

mod arguments;
mod certificates;
mod control_plane;
mod error;
mod fault_proxy;
mod kubeconfig;
mod nodes;
mod ports;
mod processes;
mod prometheus;
mod state;

pub use control_plane::ControlPlane;
pub use error::Error;
pub use fault_proxy::{Answer, Fate, FaultProxy, Write};
pub use nodes::node;
pub use prometheus::Prometheus;
