//! Nodes that a plan buys: asked for, awaited, and known by which real node stands for which planned one.
//!
//! Nothing leaves before all of them are there. Which stands for which is written on the nodes themselves before anything
//! is done with it, so that whoever comes next goes on with the same ones.

mod claim;
mod drivers;
mod fit;
mod karpenter;
mod limits;
mod release;
pub mod stand_in;
mod wait;

pub(crate) use release::release;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use model::{AddedNode, Name, Plan, Snapshot};

use crate::carry_out::Stop;
use crate::cluster::Cluster;
use crate::error::ActError;
use crate::gate::{Gate, Verdict};
use crate::marks;
use crate::options::{NodeAddition, Options};
use crate::progress::{Listener, Progress};
use stand_in::StandIn;

/// How often somebody who waits is told what for, and asked whether to go on.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Marks outlive what the plan expects by this, and by the wait.
const MARKS_OUTLIVE: SignedDuration = SignedDuration::from_hours(2);

/// Whoever makes nodes, or waits for somebody who does.
pub(crate) trait Adder: Send + Sync {
    /// Has this node made, where that is not under way yet: once, however often it is asked. The error says why it cannot.
    fn ask_for<'a>(&'a mut self, planned: &'a AddedNode) -> BoxFuture<'a, Result<(), Stop>>;
    /// The node that came for it, or why there is none yet. It is none of those that are taken.
    fn come<'a>(&'a self, planned: &'a AddedNode, taken: &'a BTreeSet<Name>) -> BoxFuture<'a, Result<Node, String>>;
    /// Returns when it may have more to say.
    fn changed(&mut self) -> BoxFuture<'_, ()>;
}

/// A plan whose nodes are to be added.
pub(crate) struct Adding<'a> {
    pub cluster: &'a Cluster,
    pub plan: &'a Plan,
    pub options: &'a Options,
    pub gate: &'a dyn Gate,
    pub listener: Listener<'a>,
}

impl Adding<'_> {
    /// Has every planned node stand in the cluster: the names of the real ones, by the plan's.
    pub async fn add(&self, snapshot: &Snapshot) -> Result<BTreeMap<Name, Name>, Stop> {
        if self.plan.nodes.add.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut adder: Box<dyn Adder> = match self.options.addition {
            NodeAddition::None => return Err(ActError::BuysNodes { nodes: self.plan.nodes.add.len() }.into()),
            NodeAddition::Karpenter => Box::new(karpenter::Karpenter::new(self.cluster, &self.plan.name, self.until())),
            NodeAddition::Wait => Box::new(wait::Newcomers::watch(self.cluster, self.plan).await?),
        };
        let drivers = drivers::needed(snapshot, self.plan);
        let (start, mut told) = (Instant::now(), None::<Instant>);
        (self.listener)(Progress::AddingNodes(&self.plan.nodes.add));
        let mut known = BTreeSet::new();
        loop {
            let is_time_to_tell = told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
            if is_time_to_tell {
                self.ask_gate(start.elapsed()).await?;
                told = Some(Instant::now());
            }
            let (standing, awaited) = self.look(adder.as_mut(), &drivers).await?;
            for (planned, node) in &standing {
                if known.insert(planned.clone()) {
                    (self.listener)(Progress::NodeAdded { planned, node });
                }
            }
            let Some(first) = awaited.first() else { return Ok(standing) };
            if start.elapsed() >= self.options.added_within {
                let (wanted, there) = (self.plan.nodes.add.len(), standing.len());
                let seconds = self.options.added_within.as_secs();
                let reason = format!("{there} of {wanted} nodes were added within {seconds} s; still missing {first}");
                return Err(Stop::RollBack(reason));
            }
            if is_time_to_tell {
                (self.listener)(Progress::Waiting { what: first, since: start.elapsed() });
            }
            let left = self.options.added_within.saturating_sub(start.elapsed()).min(TELL_EVERY);
            // Whether it changed or time is up, it is looked at again.
            let _ = tokio::time::timeout(left, adder.changed()).await;
        }
    }

    async fn ask_gate(&self, since: Duration) -> Result<(), Stop> {
        let nodes = self.plan.nodes.add.len();
        let what = format!("{nodes} nodes that the plan buys are awaited, for {} s so far", since.as_secs());
        match self.gate.adding(&what).await {
            Verdict::GoOn => Ok(()),
            Verdict::Pause(reason) => Err(Stop::Pause(reason)),
            Verdict::Stop(reason) => Err(Stop::RollBack(reason)),
        }
    }

    /// Those that stand there by now, and what is still awaited.
    async fn look(
        &self,
        adder: &mut dyn Adder,
        drivers: &BTreeMap<Name, BTreeSet<Name>>,
    ) -> Result<(BTreeMap<Name, Name>, Vec<String>), Stop> {
        let (mut standing, mut taken, mut awaited) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for planned in &self.plan.nodes.add {
            adder.ask_for(planned).await?;
            let none = BTreeSet::new();
            let drivers = drivers.get(&planned.node.name).unwrap_or(&none);
            match self.ready(adder, planned, &taken, drivers).await? {
                Ok(real) => {
                    taken.insert(real.clone());
                    standing.insert(planned.node.name.clone(), real);
                }
                Err(why) => awaited.push(format!("{}: {why}", in_words(planned))),
            }
        }
        Ok((standing, awaited))
    }

    /// The real node, ready and marked, or what is still missing.
    async fn ready(
        &self,
        adder: &dyn Adder,
        planned: &AddedNode,
        taken: &BTreeSet<Name>,
        drivers: &BTreeSet<Name>,
    ) -> Result<Result<Name, String>, Stop> {
        let node = match adder.come(planned, taken).await {
            Ok(node) => node,
            Err(why) => return Ok(Err(why)),
        };
        let name = Name::from(node.metadata.name.as_deref().unwrap_or_default());
        let lacks = match fit::lacks_now(planned, &node) {
            Some(why) => Some(why),
            None => drivers::missing(self.cluster, &name, drivers).await,
        };
        if let Some(why) = lacks {
            return Ok(Err(format!("{name} {why}")));
        }
        let stand_in = StandIn::new(&self.plan.name, &planned.node.name, self.until());
        if stand_in::read(&node).is_some_and(|found| found.is_same(&stand_in)) {
            return Ok(Ok(name));
        }
        match stand_in::mark(self.cluster, &node, &stand_in).await? {
            stand_in::Marked::Done => Ok(Ok(name)),
            stand_in::Marked::Changed => Ok(Err(format!("{name} has changed meanwhile"))),
        }
    }

    fn until(&self) -> Timestamp {
        let expected = SignedDuration::from_mins(i64::from(self.plan.summary.minutes_expected));
        let wait = SignedDuration::try_from(self.options.added_within).unwrap_or(MARKS_OUTLIVE);
        let lasts = expected.saturating_mul(2).saturating_add(wait).saturating_add(MARKS_OUTLIVE);
        Timestamp::now().checked_add(lasts).unwrap_or(Timestamp::MAX)
    }
}

/// The plan with real nodes in place of those that it wanted to buy.
pub(crate) fn with_real_nodes(plan: &Plan, real: &BTreeMap<Name, Name>) -> Plan {
    let mut plan = plan.clone();
    plan.nodes.add.retain(|added| !real.contains_key(&added.node.name));
    for step in &mut plan.migrations {
        if let Some(node) = real.get(&step.to_node) {
            step.to_node = node.clone();
        }
    }
    plan
}

/// Is somebody at work for the plan already?
pub(crate) async fn is_begun(cluster: &Cluster, plan: &Plan) -> Result<bool, ActError> {
    if plan.nodes.add.is_empty() {
        return Ok(false);
    }
    let of_plan = |found: &StandIn| found.plan == plan.name;
    let has_claim = release::claims_of_plans(cluster).await?.iter().any(|(_, found)| of_plan(found));
    Ok(has_claim || stand_in::all(&marks::written_on(cluster).await?).iter().any(|(_, found)| of_plan(found)))
}

/// Would whoever adds nodes be let to add these? Each that is not, and why.
pub(crate) async fn rehearse(cluster: &Cluster, plan: &Plan, addition: NodeAddition) -> Vec<(Name, String)> {
    let mut refused = Vec::new();
    if addition == NodeAddition::Karpenter {
        for planned in &plan.nodes.add {
            if let Err(why) = karpenter::rehearse(cluster, &plan.name, planned).await {
                refused.push((planned.node.name.clone(), why));
            }
        }
    }
    refused
}

/// `m6i.2xlarge in eu-west-1a, on-demand, of pool general`.
fn in_words(planned: &AddedNode) -> String {
    let pool = planned.node.node_pool().map_or_else(String::new, |pool| format!(", of pool {pool}"));
    format!("{} in {}, {}{pool}", planned.instance_type, planned.zone, planned.capacity_type)
}

#[cfg(test)]
mod tests {
    use model::{Landing, Method, Migration, Risk, WorkloadRef};

    /// A step of a pod whose uid is its name.
    pub(super) fn step(pod: &str, from: &str, to: &str) -> Migration {
        Migration {
            wave: 1,
            namespace: "d".into(),
            pod: pod.into(),
            uid: pod.into(),
            workload: WorkloadRef::default(),
            from_node: from.into(),
            to_node: to.into(),
            method: Method::Evict,
            landing: Landing::Unknown,
            risk: Risk::Low,
            risk_reasons: Vec::new(),
            reason: String::new(),
        }
    }
}
