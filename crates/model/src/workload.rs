//! Workloads: what a person deployed, found at the top of a pod's owners.

use std::fmt;

use crate::{Labels, Name, Time};

/// Kind, namespace and name of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadRef {
    /// Deployment, StatefulSet, DaemonSet, Job, CronJob, or whatever kind stands at the top.
    pub kind: Name,
    /// metadata.namespace.
    pub namespace: Name,
    /// metadata.name.
    pub name: Name,
}

/// `Deployment web/api`.
impl fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// One workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// What it is called.
    pub reference: WorkloadRef,
    /// Of its own object, not of its pods.
    pub labels: Labels,
    /// spec.replicas; absent where the kind has none or its object was not seen.
    pub replicas: Option<i64>,
    /// How far its current change has come.
    pub rollout: Rollout,
    /// It is being deleted, or an owner that its pods name is gone.
    pub owner_gone: bool,
    /// A HorizontalPodAutoscaler scales it: (minReplicas, maxReplicas).
    pub autoscaled: Option<(i64, i64)>,
    /// What that looks at: `cpu`, `memory`, or the kind of another metric. Empty where nothing scales it.
    pub autoscaled_on: Vec<Name>,
    /// When its object was made.
    pub created: Option<Time>,
    /// It is a Deployment whose rollouts, at its number of replicas, take no pod away before a new one is ready.
    pub surges: bool,
    /// It is a Job, or belongs to one.
    pub is_job: bool,
}

/// How far the change of a workload has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rollout {
    /// Its object was not in the input, so nobody knows.
    #[default]
    Unknown,
    /// All replicas are of the current template.
    Complete,
    /// A change is under way, with what shows it.
    InProgress(String),
}
