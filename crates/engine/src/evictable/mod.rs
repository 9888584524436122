//! What may be evicted, and the typed reason where not.

mod annotations;
mod budgets;
mod node;
mod protected;
mod risk;
mod surge;
mod volumes;

use model::node::UNSCHEDULABLE_TAINT;
use model::{FindingCode, Method, Name, Pod, Policy, Risk, Rollout, Snapshot, SystemPods, TaintEffect, Time};

pub use budgets::Budgets;
pub(crate) use node::keeping_annotations;
pub use node::node_blocker;

/// Why a pod or a node stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blocker {
    /// The reason's type.
    pub code: FindingCode,
    /// The reason in words, lower case, no dot, about no pod in particular.
    pub reason: String,
    /// What would lift it, where something would.
    pub remedy: Option<String>,
}

impl Blocker {
    pub(crate) fn new(code: FindingCode, reason: impl Into<String>) -> Blocker {
        Blocker { code, reason: reason.into(), remedy: None }
    }

    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Blocker {
        Blocker { remedy: Some(remedy.into()), ..self }
    }
}

/// Everything the question needs, worked out once for a snapshot.
pub struct Evictable<'s> {
    snapshot: &'s Snapshot,
    /// The limits to keep.
    pub policy: &'s Policy,
    /// What was worked out.
    pub counts: Counted,
}

/// What the question needs that is worked out of a snapshot, and outlives it.
#[derive(Default)]
pub struct Counted {
    /// Which budgets cover which pod.
    pub budgets: Budgets,
    /// Pods of each workload that are ready, by index in `Snapshot::workloads`.
    pub ready: Vec<u32>,
    /// All its pods that are neither finished nor being deleted.
    seen: Vec<u32>,
    /// By pod: its new pod comes up before it goes.
    surges: Vec<bool>,
}

impl std::ops::Deref for Evictable<'_> {
    type Target = Counted;

    fn deref(&self) -> &Counted {
        &self.counts
    }
}

impl Counted {
    /// The pod at this place is a new one.
    pub(crate) fn insert(&mut self, snapshot: &Snapshot, at: usize) {
        self.budgets.insert(snapshot, at);
        self.surges.insert(at, false);
        self.count(&snapshot.pods[at], 1);
    }

    /// That pod is no more.
    pub(crate) fn remove(&mut self, at: usize, pod: &Pod) {
        self.budgets.remove(at);
        self.surges.remove(at);
        self.count(pod, -1);
    }

    /// How a pod moves may be otherwise than it was.
    pub(crate) fn set_surges(&mut self, at: usize, surges: bool) {
        self.surges[at] = surges;
    }

    fn count(&mut self, pod: &Pod, by: i32) {
        let Some(workload) = pod.workload.map(|workload| workload as usize).filter(|at| *at < self.seen.len()) else {
            return;
        };
        if !pod.terminating && !pod.is_finished() {
            self.seen[workload] = self.seen[workload].saturating_add_signed(by);
            if pod.ready {
                self.ready[workload] = self.ready[workload].saturating_add_signed(by);
            }
        }
    }
}

impl<'s> Evictable<'s> {
    /// Prepares the question for a snapshot.
    pub fn new(snapshot: &'s Snapshot, policy: &'s Policy) -> Evictable<'s> {
        let (mut ready, mut seen) = (vec![0; snapshot.workloads.len()], vec![0; snapshot.workloads.len()]);
        for pod in snapshot.pods.iter().filter(|pod| !pod.terminating && !pod.is_finished()) {
            let Some(workload) = pod.workload.map(|workload| workload as usize) else { continue };
            if workload < seen.len() {
                seen[workload] += 1;
                ready[workload] += u32::from(pod.ready);
            }
        }
        let budgets = Budgets::new(snapshot);
        let counts = Counted { budgets, ready, seen, surges: Vec::new() };
        let mut evictable = Evictable { snapshot, policy, counts };
        evictable.counts.surges = snapshot.pods.iter().map(|pod| evictable.no_surge(pod).is_none()).collect();
        evictable
    }

    /// With what was worked out before.
    pub(crate) fn of_counts(snapshot: &'s Snapshot, policy: &'s Policy, counts: Counted) -> Evictable<'s> {
        Evictable { snapshot, policy, counts }
    }

    /// Would the pod move by bringing the new one up first?
    pub(crate) fn would_surge(&self, pod: usize) -> bool {
        self.no_surge(&self.snapshot.pods[pod]).is_none()
    }

    /// Why the pod may not be evicted; `None` where it may. Asked of live pods on a node.
    pub fn blocker(&self, number: usize) -> Option<Blocker> {
        let pod = &self.snapshot.pods[number];
        self.by_kind(pod)
            .or_else(|| annotations::blocker(pod, self.snapshot.taken_at))
            .or_else(|| by_spec(pod))
            .or_else(|| volumes::blocker(self.snapshot, pod))
            .or_else(|| self.by_workload(pod))
            .or_else(|| self.by_budget(number, pod))
            .or_else(|| self.by_policy(number, pod))
    }

    /// The annotations of a pod that forbid its eviction.
    pub(crate) fn forbidding_annotations(&self, pod: &Pod) -> Vec<Name> {
        annotations::forbidding(pod, self.snapshot.taken_at).map(|(key, _)| key.into()).collect()
    }

    fn by_kind(&self, pod: &Pod) -> Option<Blocker> {
        use FindingCode as Code;
        if pod.is_static() {
            return Some(Blocker::new(Code::StaticPod, "it is static: its node runs it from a file"));
        }
        if pod.is_daemon() {
            return Some(Blocker::new(Code::DaemonSetPod, "a DaemonSet runs it on every node"));
        }
        if pod.terminating {
            return Some(Blocker::new(Code::TerminatingPod, "it is being deleted already"));
        }
        if pod.controller.is_none() {
            let blocker = Blocker::new(Code::BarePod, "it has no controller that would make it anew");
            return Some(blocker.remedy("run it by a Deployment, or delete it"));
        }
        let workload = self.snapshot.workload_of(pod);
        let is_job = pod.controller.as_ref().is_some_and(|owner| &*owner.kind == "Job");
        if is_job || workload.is_some_and(|workload| workload.is_job) {
            let blocker = Blocker::new(Code::JobPod, "a Job runs it, and would start it over");
            return Some(blocker.remedy("wait for the Job to finish"));
        }
        if workload.is_some_and(|workload| workload.owner_gone) {
            return Some(Blocker::new(Code::OwnerGone, "its owner is gone, so nothing would make it anew"));
        }
        None
    }

    fn by_workload(&self, pod: &Pod) -> Option<Blocker> {
        let Some(workload) = self.snapshot.workload_of(pod) else {
            return Some(Blocker::new(FindingCode::OwnerGone, "its owner could not be found"));
        };
        if let Rollout::InProgress(sign) = &workload.rollout {
            let reason = format!("its owner is in the middle of a rollout ({sign})");
            return Some(Blocker::new(FindingCode::RolloutInProgress, reason).remedy("wait for the rollout to finish"));
        }
        if pod.workload.is_none_or(|workload| self.ready.get(workload as usize).is_none_or(|ready| *ready == 0)) {
            return Some(Blocker::new(FindingCode::NoReadyReplica, "no replica of its workload is ready"));
        }
        None
    }

    fn by_budget(&self, number: usize, pod: &Pod) -> Option<Blocker> {
        let is_system = &*pod.namespace == "kube-system";
        if is_system && self.policy.system_pods == SystemPods::WithBudget && self.budgets.of(number).is_empty() {
            let reason = "it runs in kube-system without a PodDisruptionBudget";
            let remedy = format!("give {} a PodDisruptionBudget", self.workload_name(pod));
            return Some(Blocker::new(FindingCode::SystemPodWithoutBudget, reason).remedy(remedy));
        }
        let blocker = self.budgets.blocker(self.snapshot, number)?;
        let asks_the_budget = self.method(number) == Method::Evict || blocker.code == FindingCode::BudgetDoubled;
        asks_the_budget.then(|| self.unless_it_surged(pod, blocker))
    }

    /// Of a pod that is alone, with why it cannot do without a pause.
    fn unless_it_surged(&self, pod: &Pod, blocker: Blocker) -> Blocker {
        match self.no_surge(pod).filter(|_| self.replicas(pod) <= 1) {
            Some(why) => Blocker { reason: format!("{}; {why}", blocker.reason), ..blocker },
            None => blocker,
        }
    }

    fn by_policy(&self, number: usize, pod: &Pod) -> Option<Blocker> {
        use FindingCode as Code;
        let policy = self.policy;
        if let Some(blocker) = protected::pod_blocker(self.snapshot, &policy.protected, pod) {
            return Some(blocker);
        }
        if policy.system_pods == SystemPods::None && &*pod.namespace == "kube-system" {
            return Some(Blocker::new(Code::SystemPod, "the policy keeps pods of kube-system"));
        }
        if policy.keep_empty_dir && volumes::has_empty_dir(pod) {
            return Some(Blocker::new(Code::EmptyDirVolume, "the policy keeps pods with emptyDir volumes"));
        }
        if policy.keep_without_budget && self.budgets.of(number).is_empty() {
            let blocker = Blocker::new(Code::WithoutBudget, "the policy keeps pods without a budget");
            return Some(blocker.remedy(format!("give {} a PodDisruptionBudget", self.workload_name(pod))));
        }
        let (replicas, fewest) = (self.replicas(pod), policy.fewest_replicas);
        if replicas.max(1) < fewest && self.method(number) == Method::Evict {
            let reason =
                format!("the policy keeps workloads of fewer than {fewest} replicas, and this one has {replicas}");
            let blocker = Blocker::new(Code::FewReplicas, reason).remedy("run more replicas");
            return Some(self.unless_it_surged(pod, blocker));
        }
        let is_young = |created: Time| self.snapshot.taken_at.seconds_since(created) < policy.least_age_seconds;
        if pod.created.is_some_and(is_young) {
            let blocker = Blocker::new(Code::TooYoung, "it is younger than the policy wants a pod to be that moves");
            return Some(blocker.remedy("plan again later"));
        }
        self.by_risk(number)
    }

    fn by_risk(&self, number: usize) -> Option<Blocker> {
        if self.policy.most_risk == Risk::High {
            return None;
        }
        let (risk, reasons) = self.risk(number);
        if risk <= self.policy.most_risk {
            return None;
        }
        let name = |risk: Risk| format!("{risk:?}").to_lowercase();
        let why = reasons.first().map_or("", String::as_str);
        let (risk, most) = (name(risk), name(self.policy.most_risk));
        let reason = format!("its move is of {risk} risk, and the policy allows {most}: {why}");
        Some(Blocker::new(FindingCode::TooRisky, reason))
    }

    /// How many replicas its workload should have, or has where it does not say.
    pub fn replicas(&self, pod: &Pod) -> i64 {
        let asked = self.snapshot.workload_of(pod).and_then(|workload| workload.replicas);
        let seen = pod.workload.and_then(|workload| self.seen.get(workload as usize)).copied().unwrap_or(0);
        asked.unwrap_or(i64::from(seen))
    }

    fn workload_name(&self, pod: &Pod) -> String {
        self.snapshot.workload_of(pod).map_or_else(|| pod.key(), |workload| workload.reference.to_string())
    }
}

/// What the spec asks that we do not model, or that would bring the pod back.
fn by_spec(pod: &Pod) -> Option<Blocker> {
    use FindingCode as Code;
    let spec = &pod.spec;
    if spec.has_resource_claims {
        return Some(Blocker::new(Code::ResourceClaims, "it uses resource claims, which are not modelled"));
    }
    if let Some(gang) = &spec.gang {
        return Some(Blocker::new(Code::GangScheduled, format!("it belongs to the gang {gang}, which moves as one")));
    }
    if !spec.scheduling_gates.is_empty() {
        return Some(Blocker::new(Code::SchedulingGated, "it waits behind a scheduling gate"));
    }
    if &*spec.scheduler_name != "default-scheduler" {
        let reason = format!("the scheduler {} places it, whose rules are not modelled", spec.scheduler_name);
        return Some(Blocker::new(Code::OtherScheduler, reason));
    }
    let tolerates_cordon = spec
        .tolerations
        .iter()
        .any(|toleration| toleration.tolerates(UNSCHEDULABLE_TAINT, "", TaintEffect::NoSchedule));
    if tolerates_cordon {
        let blocker = Blocker::new(Code::ToleratesCordon, "it tolerates a cordon, so it could come back to its node");
        return Some(blocker.remedy("narrow its tolerations"));
    }
    None
}

/// The names of pods that share a claim which only one node may use, by claim.
pub(crate) fn single_node_claims(snapshot: &Snapshot) -> std::collections::BTreeMap<(Name, Name), Vec<u32>> {
    volumes::single_node_claims(snapshot)
}
