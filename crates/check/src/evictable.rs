//! What may not be evicted, by default and by policy, each with its reason.

mod annotations;
mod protected;
mod risk;
mod surge;

use std::fmt;

use model::{
    DisruptionsSpent, Method, Name, Pod, PodDisruptionBudget, Policy, Risk, Rollout, Snapshot, SystemPods, Volume,
};
use rustc_hash::FxHashMap;

use crate::filters::is_node_local;
use crate::filters::node::tolerates_cordon;

pub(crate) use annotations::{forbids_eviction, forbids_removal};
pub(crate) use protected::is_protected;

/// Why a pod may not be evicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// It has finished: there is nothing to move.
    Finished,
    /// It is being deleted already.
    Terminating,
    /// It is on no node.
    NotOnNode,
    /// It is static, or the mirror of a static pod.
    Static,
    /// A DaemonSet runs it.
    DaemonSet,
    /// Nothing would make it anew.
    Bare,
    /// It belongs to a Job.
    Job,
    /// An annotation forbids it.
    Annotation(Name),
    /// Its owner is gone or being deleted.
    OwnerGone,
    /// Its owner is in the middle of a rollout, with what shows it.
    RolloutInProgress(String),
    /// No pod of its workload is ready.
    NoReadyReplica,
    /// A hostPath volume.
    HostPath(Name),
    /// A volume that lives on its node.
    NodeLocalVolume(Name),
    /// A generic ephemeral volume, which is made anew with the pod in a place not known.
    EphemeralClaim(Name),
    /// A claim that is not there.
    ClaimMissing(Name),
    /// It tolerates a cordon, so it could come back.
    ToleratesCordon,
    /// Its new pod cannot come up before it goes, with the reason.
    CannotSurge(&'static str),
    /// It has resource claims, which are not modelled.
    ResourceClaims,
    /// It belongs to a gang, which is not modelled.
    Gang(Name),
    /// Another scheduler places it.
    OtherScheduler(Name),
    /// It waits behind a scheduling gate.
    Gated(Name),
    /// It is a kube-system pod without a budget.
    SystemPodWithoutBudget,
    /// The policy keeps kube-system pods.
    SystemPodKept,
    /// The policy keeps pods with emptyDir volumes.
    EmptyDirKept(Name),
    /// The policy keeps pods of workloads with so few replicas.
    FewReplicasKept(i64),
    /// The policy keeps pods without a budget.
    WithoutBudgetKept,
    /// The policy keeps pods of so few seconds.
    TooYoung(i64),
    /// The policy protects its namespace.
    NamespaceProtected(Name),
    /// The policy protects its workload.
    WorkloadProtected(String),
    /// The policy protects its node.
    NodeProtected(Name),
    /// The policy allows no step of this risk.
    TooRisky(Risk),
    /// More than one budget covers it, by their names: the eviction API refuses.
    BudgetDoubled(String),
    /// The status of its budget is older than its spec.
    BudgetNotObserved(String),
    /// Its budget allows no disruption.
    BudgetExhausted(String),
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Blocker::Finished => f.write_str("it has finished"),
            Blocker::Terminating => f.write_str("it is being deleted"),
            Blocker::NotOnNode => f.write_str("it is on no node"),
            Blocker::Static => f.write_str("it is a static pod"),
            Blocker::DaemonSet => f.write_str("a DaemonSet runs it"),
            Blocker::Bare => f.write_str("it has no controller that would make it anew"),
            Blocker::Job => f.write_str("it belongs to a Job"),
            Blocker::Annotation(key) => write!(f, "annotation {key} forbids it"),
            Blocker::OwnerGone => f.write_str("its owner is gone"),
            Blocker::RolloutInProgress(shown) => write!(f, "its owner is in the middle of a rollout: {shown}"),
            Blocker::NoReadyReplica => f.write_str("no pod of its workload is ready"),
            Blocker::HostPath(volume) => write!(f, "hostPath volume {volume}"),
            Blocker::NodeLocalVolume(volume) => write!(f, "volume {volume} lives on its node"),
            Blocker::EphemeralClaim(volume) => {
                write!(f, "generic ephemeral volume {volume} is made anew with the pod, in a place not known")
            }
            Blocker::ClaimMissing(claim) => write!(f, "claim {claim} is not there"),
            Blocker::ToleratesCordon => f.write_str("it tolerates a cordon, so it could come back"),
            Blocker::CannotSurge(why) => write!(f, "its new pod cannot come up first: {why}"),
            Blocker::ResourceClaims => f.write_str("it has resource claims, which are not modelled"),
            Blocker::Gang(gang) => write!(f, "it belongs to gang {gang}, which is not modelled"),
            Blocker::OtherScheduler(name) => write!(f, "scheduler {name} places it"),
            Blocker::Gated(gate) => write!(f, "it waits behind scheduling gate {gate}"),
            Blocker::SystemPodWithoutBudget => f.write_str("it is a kube-system pod without a budget"),
            Blocker::SystemPodKept => f.write_str("the policy keeps kube-system pods"),
            Blocker::EmptyDirKept(volume) => write!(f, "the policy keeps pods with emptyDir ({volume})"),
            Blocker::FewReplicasKept(replicas) => {
                write!(f, "the policy keeps workloads of so few replicas: {replicas}")
            }
            Blocker::WithoutBudgetKept => f.write_str("the policy keeps pods without a budget"),
            Blocker::TooYoung(age) => write!(f, "the policy keeps pods this young: {age} s"),
            Blocker::NamespaceProtected(namespace) => write!(f, "the policy protects namespace {namespace}"),
            Blocker::WorkloadProtected(workload) => write!(f, "the policy protects {workload}"),
            Blocker::NodeProtected(node) => write!(f, "the policy protects its node {node}"),
            Blocker::TooRisky(risk) => {
                write!(f, "the policy allows no step of {} risk", format!("{risk:?}").to_lowercase())
            }
            Blocker::BudgetDoubled(budgets) => write!(f, "more than one budget covers it: {budgets}"),
            Blocker::BudgetNotObserved(budget) => write!(f, "the status of budget {budget} is older than its spec"),
            Blocker::BudgetExhausted(budget) => write!(f, "budget {budget} allows no disruption"),
        }
    }
}

/// May this pod of the snapshot move, its budgets included? Counts the cluster anew: for many pods use
/// [`Evictions`].
pub fn evictable(snapshot: &Snapshot, policy: &Policy, pod: &Pod) -> Result<(), Blocker> {
    Evictions::new(snapshot, policy).evictable(pod)
}

/// What evictions depend on beyond the pod itself, counted once.
pub struct Evictions<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    budgets: FxHashMap<Name, Vec<&'a PodDisruptionBudget>>,
    /// By workload.
    ready: Vec<u32>,
    /// By workload.
    unfinished: Vec<u32>,
}

impl<'a> Evictions<'a> {
    /// Counts ready pods and sorts budgets by namespace.
    pub fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Evictions<'a> {
        let mut budgets: FxHashMap<Name, Vec<&PodDisruptionBudget>> = FxHashMap::default();
        for budget in &snapshot.budgets {
            budgets.entry(budget.namespace.clone()).or_default().push(budget);
        }
        let mut ready = vec![0; snapshot.workloads.len()];
        let mut unfinished = vec![0; snapshot.workloads.len()];
        // A pod that is being deleted is no replica any more, ready or not.
        for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished() && !pod.terminating) {
            let Some(workload) = pod.workload.map(|at| at as usize).filter(|at| *at < ready.len()) else { continue };
            unfinished[workload] += 1;
            ready[workload] += u32::from(pod.ready);
        }
        Evictions { snapshot, policy, budgets, ready, unfinished }
    }

    /// May the pod move, its budgets included: by eviction or, where its new pod comes up first, by surge? If not, why it
    /// may not be evicted.
    pub fn evictable(&self, pod: &Pod) -> Result<(), Blocker> {
        let by_eviction = self.pod_allows(pod, Method::Evict).and_then(|()| self.budgets_allow(pod));
        let is_covered_twice = || self.budgets_of(pod).len() > 1;
        by_eviction.or_else(|blocker| match self.pod_allows(pod, Method::Surge) {
            Ok(()) if !is_covered_twice() => Ok(()),
            _ => Err(blocker),
        })
    }

    /// The budgets that cover a pod.
    pub fn budgets_of(&self, pod: &Pod) -> Vec<&'a PodDisruptionBudget> {
        let of_namespace = self.budgets.get(&pod.namespace).into_iter().flatten();
        of_namespace.filter(|budget| budget.covers(pod)).copied().collect()
    }

    /// Pods of the workload that are ready.
    pub(crate) fn ready(&self, workload: u32) -> u32 {
        self.ready.get(workload as usize).copied().unwrap_or(0)
    }

    /// All but the budgets' own numbers.
    pub(crate) fn pod_allows(&self, pod: &Pod, method: Method) -> Result<(), Blocker> {
        let not = |blocker: Blocker| Err(blocker);
        if pod.is_finished() {
            return not(Blocker::Finished);
        }
        if pod.terminating {
            return not(Blocker::Terminating);
        }
        if let Some(gate) = pod.spec.scheduling_gates.first() {
            return not(Blocker::Gated(gate.clone()));
        }
        if pod.node.as_ref().is_none_or(|node| self.snapshot.node(node).is_none()) {
            return not(Blocker::NotOnNode);
        }
        if pod.is_static() {
            return not(Blocker::Static);
        }
        if pod.is_daemon() {
            return not(Blocker::DaemonSet);
        }
        let Some(controller) = &pod.controller else { return not(Blocker::Bare) };
        let workload = self.snapshot.workload_of(pod);
        if &*controller.kind == "Job" || workload.is_some_and(|workload| workload.is_job) {
            return not(Blocker::Job);
        }
        if let Some(key) = forbids_eviction(pod, self.snapshot.taken_at) {
            return not(Blocker::Annotation(key.into()));
        }
        if let Some(workload) = workload {
            if workload.owner_gone {
                return not(Blocker::OwnerGone);
            }
            if let Rollout::InProgress(shown) = &workload.rollout {
                return not(Blocker::RolloutInProgress(shown.clone()));
            }
        }
        if pod.workload.is_some_and(|workload| self.ready(workload) == 0) {
            return not(Blocker::NoReadyReplica);
        }
        self.volumes_allow(pod)?;
        if tolerates_cordon(&pod.spec) {
            return not(Blocker::ToleratesCordon);
        }
        if pod.spec.has_resource_claims {
            return not(Blocker::ResourceClaims);
        }
        if let Some(gang) = &pod.spec.gang {
            return not(Blocker::Gang(gang.clone()));
        }
        if !matches!(&*pod.spec.scheduler_name, "" | "default-scheduler") {
            return not(Blocker::OtherScheduler(pod.spec.scheduler_name.clone()));
        }
        if method == Method::Surge {
            surge::allows(self, pod)?;
        }
        self.policy_allows(pod, method)
    }

    fn volumes_allow(&self, pod: &Pod) -> Result<(), Blocker> {
        for volume in &pod.spec.volumes {
            match volume {
                Volume::HostPath { volume } => return Err(Blocker::HostPath(volume.clone())),
                Volume::Ephemeral { volume } => return Err(Blocker::EphemeralClaim(volume.clone())),
                Volume::EmptyDir { volume, .. } if self.policy.keep_empty_dir => {
                    return Err(Blocker::EmptyDirKept(volume.clone()));
                }
                _ => {}
            }
        }
        for claim in pod.claims() {
            let key = (pod.namespace.clone(), claim);
            let Some(claim) = self.snapshot.claims.get(&key) else { return Err(Blocker::ClaimMissing(key.1)) };
            let volume = self.snapshot.volumes.get(&claim.volume);
            if let Some(volume) = volume.filter(|volume| is_node_local(volume)) {
                return Err(Blocker::NodeLocalVolume(volume.name.clone()));
            }
        }
        Ok(())
    }

    /// The limits to keep.
    pub(crate) fn policy(&self) -> &'a Policy {
        self.policy
    }

    fn policy_allows(&self, pod: &Pod, method: Method) -> Result<(), Blocker> {
        protected::allows(self.snapshot, self.policy, pod)?;
        let has_budget = !self.budgets_of(pod).is_empty();
        if &*pod.namespace == "kube-system" {
            match self.policy.system_pods {
                SystemPods::None => return Err(Blocker::SystemPodKept),
                SystemPods::WithBudget if !has_budget => return Err(Blocker::SystemPodWithoutBudget),
                SystemPods::WithBudget | SystemPods::All => {}
            }
        }
        if self.policy.keep_without_budget && !has_budget {
            return Err(Blocker::WithoutBudgetKept);
        }
        // Scaled to zero it still has this one.
        let replicas = self.replicas(pod).unwrap_or(1).max(1);
        if method == Method::Evict && replicas < self.policy.fewest_replicas {
            return Err(Blocker::FewReplicasKept(replicas));
        }
        // Clocks differ: what seems to come from the future is new.
        let age = pod.created.map(|created| self.snapshot.taken_at.0.saturating_sub(created.0).max(0));
        if let Some(age) = age.filter(|age| *age < self.policy.least_age_seconds) {
            return Err(Blocker::TooYoung(age));
        }
        let risk = risk::of(self, pod, method);
        if risk > self.policy.most_risk {
            return Err(Blocker::TooRisky(risk));
        }
        Ok(())
    }

    /// The replicas that the pod's workload asks for, or those seen where it does not say.
    pub(crate) fn replicas(&self, pod: &Pod) -> Option<i64> {
        let workload = pod.workload? as usize;
        let asked = self.snapshot.workloads.get(workload).and_then(|workload| workload.replicas);
        asked.or_else(|| self.unfinished.get(workload).map(|count| i64::from(*count)))
    }

    fn budgets_allow(&self, pod: &Pod) -> Result<(), Blocker> {
        match self.budgets_of(pod).as_slice() {
            [] => Ok(()),
            [budget] if budget.spends(pod) == DisruptionsSpent::None => Ok(()),
            [budget] if budget.observed_generation < budget.generation => Err(Blocker::BudgetNotObserved(budget.key())),
            [budget] if allowance(budget) == 0 => Err(Blocker::BudgetExhausted(budget.key())),
            [_] => Ok(()),
            several => {
                let names: Vec<String> = several.iter().map(|budget| budget.key()).collect();
                Err(Blocker::BudgetDoubled(names.join(", ")))
            }
        }
    }
}

/// How many disruptions the eviction API grants from the budget's status.
pub(crate) fn allowance(budget: &PodDisruptionBudget) -> i64 {
    /// Above this many entries in status.disruptedPods the API refuses (MaxDisruptedPodSize).
    const MAX_DISRUPTED_PODS: i64 = 2_000;
    if budget.observed_generation < budget.generation || budget.disrupted_pods > MAX_DISRUPTED_PODS {
        return 0;
    }
    budget.disruptions_allowed.max(0)
}
