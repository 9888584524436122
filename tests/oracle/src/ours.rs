//! Our two answers: the engine's, which plans rest on, and the check's, which is written apart from it.

use anyhow::{Context, Result};
use model::Snapshot;

use crate::scheduler::Answer;

/// Who of us answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judge {
    /// `engine::fit`.
    Engine,
    /// `check::fit_matrix`.
    Check,
}

/// Both.
pub const JUDGES: [Judge; 2] = [Judge::Engine, Judge::Check];

impl Judge {
    /// Which nodes take which pods, in the order of names.
    pub fn fit(self, snapshot: &Snapshot) -> Answer {
        let name = |node: usize| snapshot.nodes[node].name.to_string();
        let named = |pod: usize, nodes: &mut dyn Iterator<Item = usize>| {
            let pod = &snapshot.pods[pod];
            (format!("{}/{}", pod.namespace, pod.name), nodes.map(name).collect())
        };
        match self {
            Judge::Engine => {
                let cluster = engine::Cluster::new(snapshot);
                engine::fit(&cluster).map(|fit| named(fit.pod, &mut fit.nodes.iter())).collect()
            }
            Judge::Check => {
                check::fit_matrix(snapshot).into_iter().map(|(pod, nodes)| named(pod, &mut nodes.into_iter())).collect()
            }
        }
    }
}

/// Reads a List as any dump is read.
pub fn read(list: &str) -> Result<Snapshot> {
    observe::read_bytes("cluster", list.as_bytes()).context("reading the cluster")
}
