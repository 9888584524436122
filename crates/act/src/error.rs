//! Why a plan is not begun, or cannot go on and could not be undone either.

use check::Fault;
use observe::LiveError;
use thiserror::Error;

/// Why nothing, or nothing more, was done.
#[derive(Debug, Error)]
pub enum ActError {
    /// The cluster cannot be read.
    #[error(transparent)]
    Read(#[from] LiveError),
    /// Something that is needed to judge the plan may not be read.
    #[error("cannot judge the plan here: {missing}")]
    CannotJudge {
        /// What is missing.
        missing: String,
    },
    /// The separate check does not pass the plan on the cluster as it is.
    #[error("the plan is not legal on the cluster as it is now: {}", first(.faults))]
    NotLegal {
        /// Every fault.
        faults: Vec<Fault>,
    },
    /// The plan buys nodes, and nobody is to add them.
    #[error("the plan buys {nodes} nodes, and nobody was told to add them (--add-nodes karpenter or wait)")]
    BuysNodes {
        /// How many.
        nodes: usize,
    },
    /// Another plan has cordoned nodes of this one.
    #[error("plan {plan} is under way on node {node}")]
    Busy {
        /// The other plan.
        plan: String,
        /// One of its nodes.
        node: String,
    },
    /// The rollback query is crossed already.
    #[error("the rollback query is crossed before anything was done: {by}")]
    Crossed {
        /// By what.
        by: String,
    },
    /// Nobody knows whether the rollback query is crossed.
    #[error("whether the rollback query is crossed is unknown: {why}")]
    CrossedUnknown {
        /// Why.
        why: String,
    },
    /// Pods of the cluster cannot be watched.
    #[error("cannot watch pods: {problem}")]
    Watch {
        /// What the API server says.
        problem: String,
    },
    /// A right is missing, or a request that nobody could answer.
    #[error("cannot {what}: {problem}")]
    Refused {
        /// What was asked.
        what: String,
        /// What the API server says.
        problem: String,
    },
}

fn first(faults: &[Fault]) -> String {
    match faults {
        [] => String::new(),
        [only] => only.to_string(),
        [first, more @ ..] => format!("{first} (and {} more)", more.len()),
    }
}
