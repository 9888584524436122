//! The questions that carrying out a plan would ask, and nothing done.

use std::collections::BTreeMap;
use std::time::Duration;

use check::{Fault, Rule};
use model::{Method, Name, Plan, Policy, Prices, Snapshot};

use crate::addition;
use crate::cluster::Cluster;
use crate::error::ActError;
use crate::eviction::{Evicted, Run, evict};
use crate::options::{NodeAddition, Options};
use crate::progress::{Done, StepDone};
use crate::remaining::remaining;

/// What the cluster would say.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// Why the check would not let it run.
    pub faults: Vec<Fault>,
    /// Steps of the first wave that the API server would refuse, or that are done already.
    pub refused: Vec<StepDone>,
    /// Nodes that could not be added, and why.
    pub nodes_refused: Vec<(Name, String)>,
    /// Evictions asked for: all of the first wave. Later ones depend on it.
    pub asked: usize,
}

/// Has the check judge the plan as things are, and asks the API server for every eviction of the first wave without
/// doing it.
pub async fn rehearse(
    cluster: &Cluster,
    plan: &Plan,
    policy: &Policy,
    options: &Options,
) -> Result<Rehearsal, ActError> {
    let (snapshot, prices) = cluster.observe().await?;
    judge_is_possible(&snapshot)?;
    somebody_adds_nodes(plan, options)?;
    if let Some(threshold) = &options.threshold {
        threshold.allows_to_begin().await?;
    }
    let left = remaining(plan, &snapshot, &BTreeMap::new()).plan;
    let mut rehearsal = Rehearsal {
        faults: faults(&snapshot, &prices, policy, &left),
        nodes_refused: addition::rehearse(cluster, &left, options.addition).await,
        refused: Vec::new(),
        asked: 0,
    };
    for step in left.migrations.iter().filter(|step| step.wave == 1 && step.method == Method::Evict) {
        rehearsal.asked += 1;
        let done = match evict(cluster, step, Run::Dry, Duration::ZERO).await {
            Evicted::Granted => continue,
            Evicted::Gone => Done::Gone,
            Evicted::Refused(reason) => Done::Skipped(reason),
        };
        let pod = format!("{}/{}", step.namespace, step.pod);
        rehearsal.refused.push(StepDone { uid: step.uid.clone(), pod, done });
    }
    Ok(rehearsal)
}

/// What is left of a plan on a cluster as it is.
pub struct Rest {
    /// Steps whose pod is no longer where it was.
    pub steps_gone: usize,
    /// Why the check would not let the rest run.
    pub faults: Vec<Fault>,
}

/// What is left of the plan, and what is illegal about it.
pub fn rest_of(plan: &Plan, snapshot: &Snapshot, prices: &Prices, policy: &Policy) -> Rest {
    let left = remaining(plan, snapshot, &BTreeMap::new());
    Rest { steps_gone: left.gone.len(), faults: faults(snapshot, prices, policy, &left.plan) }
}

/// Without whole lists of these nobody can say what is legal.
pub fn judge_is_possible(snapshot: &Snapshot) -> Result<(), ActError> {
    const NEEDED: [&str; 4] = ["Node", "Pod", "PodDisruptionBudget", "PersistentVolumeClaim"];
    let missing: Vec<&str> = NEEDED.into_iter().filter(|kind| !snapshot.has(kind)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ActError::CannotJudge { missing: format!("there is no complete list of {}", missing.join(", ")) })
}

/// A plan that buys nodes goes nowhere where nobody is to add them.
pub fn somebody_adds_nodes(plan: &Plan, options: &Options) -> Result<(), ActError> {
    match (plan.nodes.add.len(), options.addition) {
        (0, _) => Ok(()),
        (nodes, NodeAddition::None) => Err(ActError::BuysNodes { nodes }),
        _ => Ok(()),
    }
}

/// What is illegal about the rest of a plan as things are. Its figures were those of the whole plan.
pub fn faults(snapshot: &Snapshot, prices: &Prices, policy: &Policy, rest: &Plan) -> Vec<Fault> {
    let is_of_steps =
        |fault: &Fault| !matches!(fault.rule, Rule::Summary | Rule::LowerBound | Rule::Savings | Rule::PlanSize);
    let mut faults = check::verify(snapshot, Some(prices), policy, rest);
    faults.retain(is_of_steps);
    faults
}
