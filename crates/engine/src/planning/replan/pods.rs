//! One pod of what is kept: taken out, put in, and asked anew whether it may be evicted.

use std::sync::Arc;

use model::{Name, Pod, Policy, Prices, Snapshot};

use crate::cluster::CompiledPod;
use crate::planning::waves::Move;
use crate::state::Holds;

use super::Why;
use super::change::Touched;
use super::kept::{Kept, Left, Live};

/// Takes the pod out of all counts, and its step out of the waves.
pub(super) fn take_out(live: &mut Live<'_>, at: usize, touched: &mut Touched) -> Result<(), Why> {
    let problem = live.problem;
    let cluster = problem.cluster;
    if problem.together[at].is_some() {
        return Err("the pod shares a claim with another one");
    }
    if cluster.class_of(at).attaches.len() + cluster.class_of(at).uses_single_pod_claims.len() > 0 {
        return Err("the pod has volumes that are counted");
    }
    touched.scope.touch_pod(problem, at);
    let (home, planned) = (cluster.pods[at].node, live.goal.at[at]);
    touched.nodes.extend([home, planned].into_iter().flatten().map(|node| node as usize));
    match (home, planned) {
        (Some(home), _) => {
            live.holding.take(at, home as usize, Holds::AsSeen);
            live.leaving.take(at, home as usize, Holds::AsSeen);
            if let Some(workload) = problem.replicated.workload_of(at) {
                live.survival.moved(workload, problem.zones.of(home as usize), None);
            }
            touched.step = live.drop_step(at as u32).map(|(wave, step)| (wave, step.to));
            touched.dropped = touched.step.map(|_| key(&problem.snapshot().pods[at]));
        }
        (None, Some(kept_for_it)) => live.holding.take(at, kept_for_it as usize, Holds::Reserved),
        (None, None) => {}
    }
    live.goal.forget(at);
    Ok(())
}

/// Puts the pod into all counts, on its own node.
pub(super) fn put_in(live: &mut Live<'_>, at: usize, touched: &mut Touched) {
    let problem = live.problem;
    touched.scope.touch_pod(problem, at);
    let Some(home) = problem.cluster.pods[at].node.map(|home| home as usize) else { return };
    touched.nodes.push(home);
    live.holding.put(at, home, Holds::AsSeen);
    live.leaving.put(at, home, Holds::AsSeen);
    if let Some(workload) = problem.replicated.workload_of(at) {
        live.survival.moved(workload, None, problem.zones.of(home));
    }
    let goes_with_node = live.goal.removed.contains(&(home as u32)) && problem.goes_with_node(at);
    if !goes_with_node {
        live.goal.welcome(at, home);
    }
}

impl Live<'_> {
    /// One wave more, after all others.
    pub(super) fn push_wave(&mut self, wave: Vec<Move>) {
        self.waves.push(wave);
        self.seconds.push(None);
    }

    /// Takes the step of a pod out of the waves, where there is one; all pods that move with it stay too.
    pub(super) fn drop_step(&mut self, pod: u32) -> Option<(usize, Move)> {
        let home = self.problem.cluster.pods[pod as usize].node?;
        self.waves.iter_mut().enumerate().find_map(|(number, wave)| {
            let at = wave.iter().position(|step| step.from == home && step.pods.contains(&pod))?;
            self.seconds[number] = None;
            Some((number, wave.remove(at)))
        })
    }
}

impl Kept {
    /// After `take_out`: no place is its any more.
    pub(super) fn remove_pod(&mut self, at: usize, pod: &Pod) {
        let number = at as u32;
        let class = self.compiled.pods[at].class;
        self.left = Some(Left { pod: pod.clone(), class, ready: self.ready_of(pod.workload) });
        if let Some(home) = self.compiled.pods[at].node {
            self.compiled.pods_on[home as usize].retain(|other| *other != number);
        }
        self.compiled.pods.remove(at);
        self.workload_of.remove(at);
        self.counted.remove(at, pod);
        self.facts.pod_blockers.remove(at);
        self.facts.together.remove(at);
        self.facts.waits_for_others.remove(at);
        self.facts.replicated.remove(at);
        self.facts.zones.remove(at);
        self.goal.at.remove(at);
        self.renumber(|other| if other > number { other - 1 } else { other });
    }

    /// The snapshot has a new pod at this place.
    pub(super) fn insert_pod(&mut self, snapshot: &Snapshot, policy: &Policy, at: usize) -> Result<(), Why> {
        let (number, pod) = (at as u32, &snapshot.pods[at]);
        let known = snapshot.workloads.len().min(self.counted.ready.len());
        if pod.workload.is_some_and(|workload| workload as usize >= known) {
            return Err("the pod's workload is new");
        }
        let ready_before = match &self.left {
            Some(left) if left.pod.workload != pod.workload => return Err("the pod has another workload"),
            Some(left) => left.ready,
            None => self.ready_of(pod.workload),
        };
        self.renumber(|other| if other >= number { other + 1 } else { other });
        let class = self.class_of(snapshot, at).ok_or("no pod like it was there before")?;
        let home = pod.node.as_ref().filter(|_| !pod.is_finished());
        let home = home.and_then(|name| snapshot.nodes.binary_search_by(|node| node.name.cmp(name)).ok());
        let home = home.map(|home| home as u32);
        let held_extra = crate::cluster::held_extra(pod, &self.compiled.scalar_names);
        let compiled = CompiledPod { class, node: home, held_extra, terminating: pod.terminating };
        self.compiled.pods.insert(at, compiled);
        if let Some(home) = home {
            let pods = &mut self.compiled.pods_on[home as usize];
            let place = pods.partition_point(|other| *other < number);
            pods.insert(place, number);
        }
        self.workload_of.insert(at, pod.workload.unwrap_or(u32::MAX));
        self.counted.insert(snapshot, at);
        self.facts.pod_blockers.insert(at, None);
        self.facts.together.insert(at, None);
        self.facts.waits_for_others.insert(at, false);
        self.facts.replicated.insert(at, pod, home.is_some());
        let replicas = pod.workload.and_then(|workload| snapshot.workloads[workload as usize].replicas);
        if policy.keep_zones && replicas.is_none() {
            return Err("nobody knows how many replicas the pod should have");
        }
        self.facts.zones.insert(at, home.filter(|_| replicas.is_some_and(|replicas| replicas > 1)));
        self.goal.at.insert(at, None);
        if pod.is_unbound() {
            self.facts.has_pending = true;
        }
        self.survives_as_before(pod.workload, ready_before)
    }

    /// Whether a workload is to survive the loss of a zone is settled for all its pods at once.
    pub(super) fn survives_as_before(&self, workload: Option<u32>, ready_before: u32) -> Result<(), Why> {
        let ready = self.ready_of(workload);
        if (ready_before > 1) == (ready > 1) { Ok(()) } else { Err("the workload has one ready pod, or one no more") }
    }

    fn ready_of(&self, workload: Option<u32>) -> u32 {
        workload.and_then(|workload| self.counted.ready.get(workload as usize)).copied().unwrap_or(0)
    }

    /// The class of the pod at this place, which has none yet: that of a pod of its workload that filters cannot tell from
    /// it, or with other requests alone.
    fn class_of(&mut self, snapshot: &Snapshot, at: usize) -> Option<u32> {
        let pod = &snapshot.pods[at];
        let names = &self.compiled.scalar_names;
        let scalars = pod.requests.scalar.iter().chain(&pod.held.scalar);
        if pod.claims().next().is_some() || scalars.clone().any(|(name, _)| names.binary_search(name).is_err()) {
            return None;
        }
        let keys = &self.compiled.selected_keys;
        let is_like_it = |other: &Pod| {
            other.namespace == pod.namespace
                && (Arc::ptr_eq(&other.spec, &pod.spec) || other.spec == pod.spec)
                && keys.iter().all(|key| other.labels.get(key) == pod.labels.get(key))
        };
        let requests = crate::cluster::amounts(&pod.requests, names);
        let mut like_it: Option<u32> = None;
        for (number, other) in self.templates(pod.workload, at) {
            let class = match other {
                Some(other) if is_like_it(&snapshot.pods[other]) => number,
                _ => continue,
            };
            if self.compiled.classes[class as usize].requests == requests {
                return Some(class);
            }
            like_it = like_it.or(Some(class));
        }
        let like_it =
            like_it.or_else(|| self.left.as_ref().filter(|left| is_like_it(&left.pod)).map(|left| left.class))?;
        let mut class = self.compiled.classes[like_it as usize].clone();
        if class.requests == requests {
            return Some(like_it);
        }
        class.requests = requests;
        self.compiled.classes.push(class);
        Some(self.compiled.classes.len() as u32 - 1)
    }

    /// Pods of the workload by class, and by their places now that a new one is at this one.
    fn templates(&self, workload: Option<u32>, at: usize) -> Vec<(u32, Option<usize>)> {
        let now = |pod: u32| pod as usize + usize::from(pod as usize >= at);
        let pods = self.pods_of(workload).into_iter();
        pods.map(|pod| (self.compiled.pods[pod as usize].class, Some(now(pod)))).collect()
    }

    /// The pods of a workload.
    pub(super) fn pods_of(&self, workload: Option<u32>) -> Vec<u32> {
        let Some(workload) = workload else { return Vec::new() };
        let of_it = self.workload_of.iter().enumerate().filter(|(_, of)| **of == workload);
        of_it.map(|(pod, _)| pod as u32).collect()
    }

    /// Asks again of these pods whether they may be evicted.
    pub(super) fn renew_blockers(
        &mut self,
        snapshot: &Snapshot,
        prices: &Prices,
        policy: &Policy,
        pods: &[u32],
    ) -> Result<(), Why> {
        if pods.iter().any(|pod| self.facts.together[*pod as usize].is_some()) {
            return Err("a pod like it shares a claim with another one");
        }
        let surges = self.with(snapshot, prices, policy, |live| {
            let surges = |pod: &u32| live.problem.evictable.would_surge(*pod as usize);
            pods.iter().map(surges).collect::<Vec<bool>>()
        });
        pods.iter().zip(surges).for_each(|(pod, surges)| self.counted.set_surges(*pod as usize, surges));
        let blockers = self.with(snapshot, prices, policy, |live| {
            let problem = live.problem;
            let blocker = |pod: &u32| {
                let is_on_node = problem.cluster.pods[*pod as usize].node.is_some();
                problem.evictable.blocker(*pod as usize).filter(|_| is_on_node)
            };
            pods.iter().map(blocker).collect::<Vec<_>>()
        });
        pods.iter().zip(blockers).for_each(|(pod, blocker)| self.facts.pod_blockers[*pod as usize] = blocker);
        Ok(())
    }

    /// Everything that names pods by their places names them by others.
    fn renumber(&mut self, new: impl Fn(u32) -> u32) {
        let on_nodes = self.compiled.pods_on.iter_mut().chain(&mut self.goal.pods_on);
        let in_steps = self.waves.iter_mut().flatten().map(|step| &mut step.pods);
        let together = self.facts.together.iter_mut().flatten();
        on_nodes.chain(in_steps).chain(together).flatten().for_each(|pod| *pod = new(*pod));
    }
}

/// A pod's key.
pub(super) fn key(pod: &Pod) -> (Name, Name) {
    (pod.namespace.clone(), pod.name.clone())
}
