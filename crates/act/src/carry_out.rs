//! A plan, wave by wave: observe, check, ask, act, wait, and look where things went.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use check::{Fault, Rule};
use futures_util::{FutureExt, StreamExt};
use jiff::SignedDuration;
use model::{Migration, Name, Phase, Plan, Pod, Policy, Snapshot, Workload, WorkloadRef};
use tracing::{Instrument, debug_span};

use crate::addition::stand_in::StandIn;
use crate::addition::{self, Adding, with_real_nodes};
use crate::cluster::Cluster;
use crate::error::ActError;
use crate::gate::{Gate, Verdict};
use crate::hints::{self, Hints};
use crate::marks::{self, Cordon};
use crate::node_claims::NODE_POOL;
use crate::options::{NodeRemoval, Options};
use crate::pods::{Pods, Watched};
use crate::progress::{Done, Ending, Listener, Progress, StepDone};
use crate::protection;
use crate::rehearsal::{faults, judge_is_possible, somebody_adds_nodes};
use crate::remaining::remaining;
use crate::removal::{Removed, remove};
use crate::undo::{lift_cordons, undo};

/// Status of workloads and budgets follows the pods' within seconds, mostly; what is illegal for longer than this is so.
/// A budget counts an evicted pod as about to go for two minutes, by its name: a StatefulSet's that is back before the
/// disruption controller looked is counted so (`DeletionTimeout`, k8s.io/kubernetes/pkg/controller/disruption).
const STATUS_WITHIN: Duration = Duration::from_secs(150);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often somebody who waits is told what for.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Cordons outlive what the plan expects by this.
const CORDONS_OUTLIVE: SignedDuration = SignedDuration::from_hours(2);
/// Nodes cordoned or taken away at once; the pace of writes bounds them further.
const NODES_AT_ONCE: usize = 4;
/// Whatever a plan says of itself.
const CORDONS_LAST: SignedDuration = SignedDuration::from_hours(72);

/// Carries the plan out. Nothing is done where the check does not pass it; where it cannot go on, it is rolled back.
pub async fn carry_out(
    cluster: &Cluster,
    plan: &Plan,
    policy: &Policy,
    options: &Options,
    gate: &dyn Gate,
    listener: Listener<'_>,
) -> Result<Ending, ActError> {
    let (snapshot, prices) = cluster.observe().await?;
    judge_is_possible(&snapshot)?;
    somebody_adds_nodes(plan, options)?;
    let rest = remaining(plan, &snapshot, &BTreeMap::new());
    let faults = faults(&snapshot, &prices, policy, &rest.plan);
    // Where an earlier run was stopped, pods may be on their way yet: they are given their time.
    let is_resumed = is_begun(cluster, plan).await? || addition::is_begun(cluster, plan).await?;
    if !faults.is_empty() && !is_resumed {
        return Err(ActError::NotLegal { faults });
    }
    if let Some(threshold) = options.threshold.as_ref().filter(|_| !is_resumed) {
        threshold.allows_to_begin().await?;
    }
    let added = Adding { cluster, plan, options, gate, listener }.add(&snapshot).await;
    let (plan, added) = match added {
        Ok(added) => (&with_real_nodes(plan, &added), Ok(added)),
        Err(stop) => (plan, Err(stop)),
    };
    let mut run = Execution {
        graces: snapshot.pods.iter().map(|pod| (pod.uid.clone(), pod.spec.termination_grace_seconds)).collect(),
        cluster,
        plan,
        policy,
        options,
        gate,
        listener,
        hints: Some(Hints::new(cluster, &plan.name)),
        kept: BTreeMap::new(),
        emptied: plan.nodes.remove.iter().filter(|node| snapshot.node(node).is_none()).cloned().collect(),
        told_emptied: BTreeSet::new(),
        steps: BTreeMap::new(),
        replacements: BTreeSet::new(),
        of_karpenter: {
            let nodes = snapshot.nodes.iter().filter(|node| node.labels.get(NODE_POOL).is_some());
            nodes.map(|node| node.name.clone()).collect()
        },
        added: added.as_ref().map_or_else(|_| Vec::new(), |added| added.clone().into_iter().collect()),
    };
    for step in &rest.gone {
        run.done(step, Done::Gone);
    }
    let (mut rolled_back, mut paused) = (None, None);
    let went = match added {
        Ok(_) => run.go(rest.plan, is_resumed, Watched::begin(cluster).await?).await,
        Err(stop) => Err(stop),
    };
    match went {
        Ok(()) => run.release_nodes().await,
        Err(Stop::RollBack(reason)) => {
            listener(Progress::RollingBack(&reason));
            run.roll_back().await?;
            rolled_back = Some(reason);
        }
        Err(Stop::Pause(reason)) => {
            listener(Progress::Pausing(&reason));
            lift_cordons(cluster, &plan.name).await?;
            paused = Some(reason);
        }
        Err(Stop::Failed(error)) => {
            // As much as can be is taken back; the first error is the one to tell.
            let _ = run.roll_back().await;
            return Err(error);
        }
    }
    Ok(Ending { rolled_back, paused, ..run.ending().await })
}

/// Why it does not go on.
pub(crate) enum Stop {
    RollBack(String),
    Pause(String),
    Failed(ActError),
}

impl From<ActError> for Stop {
    fn from(error: ActError) -> Stop {
        Stop::Failed(error)
    }
}

pub(crate) struct Execution<'e> {
    pub(crate) cluster: &'e Cluster,
    pub(crate) plan: &'e Plan,
    pub(crate) policy: &'e Policy,
    pub(crate) options: &'e Options,
    gate: &'e dyn Gate,
    pub(crate) listener: Listener<'e>,
    /// `None` where the API server gives none.
    pub(crate) hints: Option<Hints<'e>>,
    /// Nodes that stay after all.
    kept: BTreeMap<Name, String>,
    /// Nodes that went, those that an earlier run or somebody else took among them.
    emptied: BTreeSet<Name>,
    /// Nodes of which it was told that they are empty.
    told_emptied: BTreeSet<Name>,
    /// What became of steps, by the uid of their pod.
    pub(crate) steps: BTreeMap<Name, StepDone>,
    /// Grace periods in seconds, by the uid of the pod.
    pub(crate) graces: HashMap<Name, i64>,
    /// Pods that came in place of others, by uid.
    pub(crate) replacements: BTreeSet<Name>,
    /// Nodes of Karpenter's pools.
    of_karpenter: BTreeSet<Name>,
    /// Nodes that were added: the plan's name for each, and its own.
    added: Vec<(Name, Name)>,
}

impl Execution<'_> {
    async fn go(&mut self, rest: Plan, is_resumed: bool, pods: Watched) -> Result<(), Stop> {
        self.cordon_all(&rest).await?;
        self.protect_targets(&rest).await?;
        if is_resumed {
            self.let_finish(&pods).await?;
        }
        // Nodes that are gone cannot come back.
        self.threshold_lets_go_on().await?;
        self.take_away_emptied(&pods).await?;
        while let Some(rest) = self.legal_rest().await? {
            self.threshold_lets_go_on().await?;
            let left = rest.migrations.last().map_or(0, |step| step.wave);
            let wave: Vec<Migration> = rest.migrations.into_iter().filter(|step| step.wave == 1).collect();
            match self.gate.before(&wave).await {
                Verdict::GoOn => {}
                Verdict::Pause(reason) => return Err(Stop::Pause(reason)),
                Verdict::Stop(reason) => return Err(Stop::RollBack(reason)),
            }
            (self.listener)(Progress::Wave { left, pods: wave.len() });
            let span = debug_span!("wave", steps = wave.len());
            self.wave(&wave, &pods).instrument(span).await?;
            self.threshold_lets_go_on().await?;
            self.take_away_emptied(&pods).await?;
            self.replacements_are_well(&pods)?;
            if left > 1 {
                self.cool_down().await?;
            }
        }
        self.gate.all_moved().await;
        self.replacements_are_well(&pods)?;
        self.take_away_the_rest(&pods).await
    }

    /// Pods that cannot live where they were moved to are a reason to move no more.
    fn replacements_are_well(&self, pods: &Watched) -> Result<(), Stop> {
        let Some(most) = self.options.most_troubled_percent else { return Ok(()) };
        let troubled: Vec<String> = pods.now(|pods| {
            let there = self.replacements.iter().filter_map(|uid| pods.by_uid.get(uid));
            let is_troubled = |pod: &&crate::pods::Seen| pod.restarts > 0 || (!pod.ready && !pod.terminating);
            there.filter(is_troubled).map(|pod| pod.key.clone()).collect()
        });
        if troubled.len() * 100 <= most as usize * self.replacements.len() {
            return Ok(());
        }
        let (count, all) = (troubled.len(), self.replacements.len());
        Err(Stop::RollBack(format!("{count} of {all} replacements start again or are not ready, as {}", troubled[0])))
    }

    /// What an earlier run began comes to its end first, as it would have then, with the hints that it gave: what it
    /// evicted is gone, has been made anew, and has a node. Where that does not come true the rest is judged as it is.
    async fn let_finish(&self, pods: &Watched) -> Result<(), Stop> {
        let start = Instant::now();
        let leaves = |node: &Name| self.plan.migrations.iter().any(|step| step.from_node == *node);
        let is_quiet = |pods: &Pods| {
            pods.by_uid.values().all(|pod| match &pod.node {
                Some(node) => !pod.terminating || pod.stays_with_node || !leaves(node),
                None => pod.unschedulable.is_some() || pod.finished || pod.controller.is_none(),
            })
        };
        while start.elapsed() < STATUS_WITHIN {
            pods.until(STATUS_WITHIN, is_quiet).await;
            let (snapshot, _) = self.cluster.observe().await?;
            if self.is_staffed(&snapshot) && pods.now(is_quiet) {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Every workload that the plan moves has as many pods as it wants.
    fn is_staffed(&self, snapshot: &Snapshot) -> bool {
        let mut pods: HashMap<u32, i64> = HashMap::new();
        let is_live = |pod: &&Pod| !pod.terminating && !matches!(pod.phase, Phase::Succeeded | Phase::Failed);
        for workload in snapshot.pods.iter().filter(is_live).filter_map(|pod| pod.workload) {
            *pods.entry(workload).or_default() += 1;
        }
        let moves: BTreeSet<&WorkloadRef> = self.plan.migrations.iter().map(|step| &step.workload).collect();
        let has_all = |(at, workload): (usize, &Workload)| {
            let have = pods.get(&(at as u32)).copied().unwrap_or(0);
            !moves.contains(&workload.reference) || have >= workload.replicas.unwrap_or(0)
        };
        snapshot.workloads.iter().enumerate().all(has_all)
    }

    async fn cordon_all(&mut self, rest: &Plan) -> Result<(), Stop> {
        if rest.nodes.remove.is_empty() {
            return Ok(());
        }
        (self.listener)(Progress::Cordoning(&rest.nodes.remove));
        let (cluster, plan, last) = (self.cluster, &self.plan.name, self.marks_last());
        let cordon = |node: &Name| {
            let node = node.clone();
            async move { (marks::cordon(cluster, &node, plan, last).await, node) }.boxed()
        };
        let all: Vec<_> = rest.nodes.remove.iter().map(cordon).collect();
        let all: Vec<_> = futures_util::stream::iter(all).buffer_unordered(NODES_AT_ONCE).collect().await;
        for (cordoned, node) in all {
            match cordoned? {
                Cordon::Done | Cordon::Gone => {}
                Cordon::Lifted => return Err(Stop::RollBack(format!("somebody has uncordoned node {node}"))),
            }
        }
        Ok(())
    }

    /// Karpenter must not take away what pods are moved to. Nodes that were added are protected already.
    async fn protect_targets(&self, rest: &Plan) -> Result<(), Stop> {
        let is_added = |node: &Name| self.added.iter().any(|(_, added)| added == node);
        let is_karpenters = |node: &&Name| self.of_karpenter.contains(*node);
        let targets = protection::targets(rest).into_iter().filter(is_karpenters);
        for node in targets.filter(|node| !is_added(node)) {
            protection::protect(self.cluster, node, &self.plan.name, self.marks_last()).await?;
        }
        Ok(())
    }

    /// Twice what the plan expects, and more.
    fn marks_last(&self) -> SignedDuration {
        let expected = SignedDuration::from_mins(i64::from(self.plan.summary.minutes_expected)).min(CORDONS_LAST);
        expected * 2 + CORDONS_OUTLIVE
    }

    /// What is left of the plan and legal as things are; nodes that it cannot empty any more stay, and are uncordoned.
    /// Status that follows pods late is given its time. `None` where no step is left.
    async fn legal_rest(&mut self) -> Result<Option<Plan>, Stop> {
        let start = Instant::now();
        loop {
            let (snapshot, prices) = self.cluster.observe().await?;
            judge_is_possible(&snapshot)?;
            self.nobody_interferes(&snapshot).await?;
            let mut kept = self.kept.clone();
            loop {
                let rest = remaining(self.plan, &snapshot, &kept).plan;
                let faults = faults(&snapshot, &prices, self.policy, &rest);
                let Some(first) = faults.first() else {
                    self.keep(kept).await?;
                    return Ok(Some(rest).filter(|rest| !rest.migrations.is_empty()));
                };
                if follows_late(first.rule) && start.elapsed() < STATUS_WITHIN {
                    break;
                }
                match node_at_fault(&rest, first) {
                    Some(node) => kept.insert(node, first.to_string()),
                    None => return Err(Stop::RollBack(first.to_string())),
                };
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Somebody who lifts a cordon of ours wants the node.
    async fn nobody_interferes(&self, snapshot: &Snapshot) -> Result<(), Stop> {
        let is_ours = |name: &&Name| !self.kept.contains_key(*name);
        for name in self.plan.nodes.remove.iter().filter(is_ours) {
            if snapshot.node(name).is_some_and(|node| !node.unschedulable && !node.terminating) {
                return Err(Stop::RollBack(format!("somebody has uncordoned node {name}")));
            }
        }
        Ok(())
    }

    /// Nodes that stay after all take pods again.
    pub(crate) async fn keep(&mut self, kept: BTreeMap<Name, String>) -> Result<(), Stop> {
        for (node, reason) in kept {
            if self.kept.contains_key(&node) {
                continue;
            }
            (self.listener)(Progress::NodeStays { node: &node, reason: &reason });
            marks::uncordon(self.cluster, &node, &self.plan.name).await?;
            for step in self.plan.migrations.iter().filter(|step| step.from_node == node) {
                if !self.steps.contains_key(&step.uid) {
                    self.done(step, Done::Skipped(reason.clone()));
                }
            }
            self.kept.insert(node, reason);
        }
        Ok(())
    }

    /// The same once nothing is left to move: nodes that may not go yet are waited for, and then stay.
    async fn take_away_the_rest(&mut self, pods: &Watched) -> Result<(), Stop> {
        let (start, mut told) = (Instant::now(), None::<Instant>);
        loop {
            self.threshold_lets_go_on().await?;
            let held_back = self.take_away_emptied(pods).await?;
            let Some((node, reason)) = held_back.first_key_value() else { return Ok(()) };
            if start.elapsed() >= self.options.ready_within {
                return self.keep(held_back).await;
            }
            if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                let what = format!("{} emptied nodes to go, as {node}: {reason}", held_back.len());
                (self.listener)(Progress::Waiting { what: &what, since: start.elapsed() });
                told = Some(Instant::now());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Takes away the nodes on which nothing but daemons is left. Those that may not go yet, and why.
    async fn take_away_emptied(&mut self, pods: &Watched) -> Result<BTreeMap<Name, String>, Stop> {
        let mut held_back = BTreeMap::new();
        let going: Vec<Name> = self.plan.nodes.remove.iter().filter(|node| self.is_going(node)).cloned().collect();
        let going: Vec<Name> = going.into_iter().filter(|node| pods.now(|pods| pods.left_on(node)) == 0).collect();
        for node in &going {
            if self.told_emptied.insert(node.clone()) {
                (self.listener)(Progress::NodeEmptied(node));
                if self.options.removal != NodeRemoval::None {
                    (self.listener)(Progress::RemovingNode(node));
                }
            }
        }
        // A pool's budget is asked before each of its nodes.
        let at_once = if self.options.removal == NodeRemoval::Karpenter { 1 } else { NODES_AT_ONCE };
        let (cluster, plan, removal) = (self.cluster, &self.plan.name, self.options.removal);
        let take = |node: Name| async move { (remove(cluster, &node, plan, removal).await, node) }.boxed();
        let taken: Vec<_> = going.into_iter().map(take).collect();
        let taken: Vec<_> = futures_util::stream::iter(taken).buffer_unordered(at_once).collect().await;
        // What went has gone, whatever became of others.
        let mut problem = None;
        for (removed, node) in taken {
            match removed {
                Ok(Removed::Done) => {
                    self.emptied.insert(node);
                }
                Ok(Removed::Kept(reason)) => self.keep(BTreeMap::from([(node, reason)])).await?,
                Ok(Removed::Later(reason)) => {
                    held_back.insert(node, reason);
                }
                Err(error) => problem = problem.or(Some(error)),
            }
        }
        if let Some(error) = problem {
            return Err(error.into());
        }
        Ok(held_back)
    }

    fn is_going(&self, node: &Name) -> bool {
        !self.kept.contains_key(node) && !self.emptied.contains(node)
    }

    /// Every node that is still there takes pods again, those that were emptied and left too.
    async fn roll_back(&mut self) -> Result<(), ActError> {
        undo(self.cluster, &self.plan.name).await?;
        if self.options.removal == NodeRemoval::None {
            self.emptied.clear();
        }
        for node in self.plan.nodes.remove.iter().filter(|node| !self.emptied.contains(*node)) {
            self.kept.entry(node.clone()).or_insert_with(|| "the plan was rolled back".to_owned());
        }
        Ok(())
    }

    /// What was added or moved to is a node like any other from now on.
    async fn release_nodes(&self) {
        let is_ours = |stand_in: &StandIn| stand_in.plan == self.plan.name;
        let release = async {
            let nodes = marks::written_on(self.cluster).await?;
            let released = protection::release(self.cluster, &nodes, |by, _| by == self.plan.name).await;
            if !self.added.is_empty() {
                addition::release(self.cluster, &nodes, is_ours).await?;
            }
            released
        };
        if let Err(error) = release.await {
            (self.listener)(Progress::MarksLeft(&error.to_string()));
        }
    }

    pub(crate) fn done(&mut self, step: &Migration, done: Done) {
        let pod = format!("{}/{}", step.namespace, step.pod);
        let step = StepDone { uid: step.uid.clone(), pod, done };
        (self.listener)(Progress::Step(&step));
        self.steps.insert(step.uid.clone(), step);
    }

    async fn ending(self) -> Ending {
        // Whoever cannot take them back could hardly have given them; a preference for a node harms nobody.
        if let Err(problem) = hints::take_back(self.cluster, Some(&self.plan.name)).await {
            (self.listener)(Progress::WithoutHints(&problem));
        }
        Ending {
            rolled_back: None,
            paused: None,
            steps: self.steps.into_values().collect(),
            emptied: self.emptied.into_iter().collect(),
            added: self.added,
            kept: self.kept.into_iter().collect(),
        }
    }
}

/// Does it rest on the status of workloads and budgets, which their controllers write a moment after the pods change?
fn follows_late(rule: Rule) -> bool {
    use Rule::{BudgetExceeded, LastReadyPod, NotEvictable, PendingRoom, WorkloadQuarter, ZonesSurvived};
    matches!(rule, NotEvictable | BudgetExceeded | WorkloadQuarter | LastReadyPod | ZonesSurvived | PendingRoom)
}

/// Does any node bear the plan's mark?
async fn is_begun(cluster: &Cluster, plan: &Plan) -> Result<bool, ActError> {
    Ok(marks::marked(&marks::written_on(cluster).await?).iter().any(|marked| marked.plan == plan.name))
}

/// The node that has to stay for the rest to be legal.
fn node_at_fault(rest: &Plan, fault: &Fault) -> Option<Name> {
    match fault.step.and_then(|step| rest.migrations.get(step)) {
        Some(step) => Some(step.from_node.clone()),
        None => fault.node.clone().filter(|node| rest.nodes.remove.contains(node)),
    }
}
