//! Makes a plan legal again after a change: steps whose rule no longer holds go later, or elsewhere, or their node stays.

use rustc_hash::FxHashMap;

use crate::planning::best_fit::ByRoom;
use crate::planning::drain::{self, Chooser};
use crate::planning::waves::Move;
use crate::state::Holds;

use super::Why;
use super::change::Touched;
use super::kept::Live;
use super::scope::Scope;
use super::walk::walk;

/// Each time fewer steps are asked about; where some are still not legal after so many times, all is planned anew.
const MOST_TIMES: usize = 24;
/// A pod is sent to no more targets than these, one after the other.
const MOST_TARGETS: usize = 3;

/// No more pods than these are sent elsewhere to make room for others.
const MOST_SENT_AWAY: usize = 100;

/// What was done for a step so far.
#[derive(Default)]
struct Tried {
    /// It waits for the last wave.
    is_late: bool,
    targets: Vec<u32>,
}

/// A plan being mended.
pub(super) struct Mending<'l, 'p> {
    live: &'l mut Live<'p>,
    scope: Scope,
    chooser: ByRoom,
    tried: FxHashMap<u32, Tried>,
    sent_away: usize,
    /// Pods whose step is another one, or none.
    pub changed: Vec<u32>,
    /// Nodes that go or stay, other than before.
    pub nodes: Vec<usize>,
}

impl<'l, 'p> Mending<'l, 'p> {
    pub(super) fn new(live: &'l mut Live<'p>, touched: &Touched) -> Mending<'l, 'p> {
        let mut scope = touched.scope.clone();
        touched.pods.iter().for_each(|pod| scope.touch_pod(live.problem, *pod as usize));
        let chooser = ByRoom::new(&live.goal);
        Mending {
            live,
            scope,
            chooser,
            tried: FxHashMap::default(),
            sent_away: 0,
            changed: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// What may not move any more stays, what must move goes, and everything has its moment.
    pub(super) fn mend(&mut self, touched: &Touched) -> Result<(), Why> {
        let problem = self.live.problem;
        self.keep_reservations(touched)?;
        if let Some(pod) = touched.pod {
            self.keep_room_for(pod)?;
            self.send_as_before(pod, touched.step);
        }
        for pod in &touched.pods {
            let number = *pod as usize;
            let Some(home) = problem.cluster.pods[number].node else { continue };
            let is_removed = self.live.goal.removed.contains(&home);
            let (is_blocked, goes_with_node) = (problem.pod_blockers[number].is_some(), problem.goes_with_node(number));
            if is_removed && is_blocked && !goes_with_node {
                self.keep_node(home as usize);
            } else if is_blocked && self.live.goal.at[number] != Some(home) && !goes_with_node {
                self.send_home(*pod)?;
            } else if is_removed && !goes_with_node && self.live.goal.at[number] == Some(home) {
                self.send_elsewhere(*pod)?;
            }
        }
        for node in &touched.nodes {
            if problem.node_blockers[*node].is_some() && self.live.goal.removed.contains(&(*node as u32)) {
                self.keep_node(*node);
            }
        }
        for _ in 0..MOST_TIMES {
            let refused = walk(self.live, &self.scope);
            if refused.is_empty() {
                self.tell_again(&touched.pods);
                return Ok(());
            }
            self.answer(&refused)?;
        }
        Err("no legal way was found in time")
    }

    /// How these pods move, and at what risk, may be otherwise than it was.
    fn tell_again(&mut self, pods: &[u32]) {
        for (wave, seconds) in self.live.waves.iter().zip(&mut self.live.seconds) {
            let told = wave.iter().flat_map(|step| &step.pods).filter(|pod| pods.binary_search(pod).is_ok());
            for pod in told {
                *seconds = None;
                self.changed.push(*pod);
            }
        }
    }

    /// Other pods that wait keep their room, or get other room; what comes free is theirs first.
    fn keep_reservations(&mut self, touched: &Touched) -> Result<(), Why> {
        let problem = self.live.problem;
        if !problem.has_pending {
            return Ok(());
        }
        let cluster = problem.cluster;
        let classes = self.scope.classes(cluster);
        let is_other = |pod: &usize| cluster.pods[*pod].node.is_none() && touched.pod != Some(*pod as u32);
        for pod in (0..cluster.pods.len()).filter(is_other) {
            let (number, at) = (cluster.pods[pod].class as usize, self.live.goal.at[pod].map(|at| at as usize));
            let class = &cluster.classes[number];
            let waits = problem.snapshot().pods[pod].is_unbound();
            if waits && classes[number] {
                return Err("a pod waits for room that looks at others like the changed one");
            }
            let fits =
                |node: &usize| cluster.eligible(class).contains(*node) && self.live.holding.has_room(class, *node);
            match at {
                None if waits && (class.looks_at_others() || touched.nodes.iter().any(fits)) => {
                    return Err("a pod waits for room, and may have some now");
                }
                Some(at) if touched.nodes.contains(&at) => {
                    let state = &self.live.holding;
                    let is_overfull = (0..cluster.resources).any(|resource| state.free(at, resource) < 0);
                    if state.is_closed(at) || is_overfull {
                        self.live.holding.take(pod, at, Holds::Reserved);
                        self.live.goal.lift(pod);
                        self.chooser.changed(&self.live.goal, at);
                        self.keep_room_for(pod as u32)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A pod that waits for a node gets room, from the beginning to the end.
    fn keep_room_for(&mut self, pod: u32) -> Result<(), Why> {
        let problem = self.live.problem;
        let waiting = &problem.snapshot().pods[pod as usize];
        if !waiting.is_unbound() || waiting.terminating || waiting.spec.has_resource_claims {
            return Ok(());
        }
        if problem.policy.headroom_per_mille > 0 {
            return Err("a pod waits for room, which it may have within the headroom");
        }
        let class = problem.cluster.class_of(pod as usize);
        let has_room_now = |node: usize| self.live.holding.fits(class, node);
        let target = self.chooser.choose_where(&self.live.goal, &[pod], &has_room_now);
        let target = target.ok_or("a pod waits for room, and finds none")?;
        self.live.goal.set(pod as usize, target);
        self.live.holding.put(pod as usize, target, Holds::Reserved);
        self.chooser.changed(&self.live.goal, target);
        self.touch(pod);
        Ok(())
    }

    /// A pod that is otherwise than it was goes where it was to go, where it still fits.
    fn send_as_before(&mut self, pod: u32, step: Option<(usize, u32)>) {
        let (number, problem) = (pod as usize, self.live.problem);
        let (Some((wave, to)), Some(home)) = (step, problem.cluster.pods[number].node) else { return };
        let may_move = problem.pod_blockers[number].is_none() && problem.together[number].is_none();
        if !may_move || self.live.goal.at[number] != Some(home) || home == to {
            return;
        }
        self.live.goal.lift(number);
        let goal = &self.live.goal;
        let fits = drain::all_fit(goal, &[pod], to as usize) && goal.survives(&[pod], to as usize);
        self.live.goal.set(number, if fits { to } else { home } as usize);
        for node in [home, to] {
            self.chooser.changed(&self.live.goal, node as usize);
        }
        if fits {
            self.live.waves[wave].push(Move { pods: vec![pod], from: home, to });
            self.live.seconds[wave] = None;
            self.touch(pod);
        }
    }

    /// Steps that are not legal in their wave go in a later one, else to another target, else not at all.
    fn answer(&mut self, refused: &[Move]) -> Result<(), Why> {
        let mut late: Vec<Move> = Vec::new();
        for step in refused {
            let [pod] = *step.pods else { return Err("pods that move together cannot any more") };
            let tried = self.tried.entry(pod).or_default();
            if !std::mem::replace(&mut tried.is_late, true) {
                self.take_step(pod);
                late.push(step.clone());
            } else if self.live.problem.pod_blockers[pod as usize].is_some() {
                return Err("a pod that may not move any more was in a step");
            } else {
                self.take_step(pod);
                self.send_elsewhere(pod)?;
            }
        }
        if !late.is_empty() {
            self.live.push_wave(late);
        }
        Ok(())
    }

    /// Takes the pod's step out.
    fn take_step(&mut self, pod: u32) {
        self.touch(pod);
        self.live.drop_step(pod);
    }

    /// What the pod is counted in, and where it is and goes, is asked about.
    fn touch(&mut self, pod: u32) {
        let problem = self.live.problem;
        self.scope.touch_pod(problem, pod as usize);
        let places = [problem.cluster.pods[pod as usize].node, self.live.goal.at[pod as usize]];
        self.scope.nodes.extend(places.into_iter().flatten().map(|node| node as usize));
        self.changed.push(pod);
    }

    /// The pod gets a step to wherever it is best now, or its node stays.
    fn send_elsewhere(&mut self, pod: u32) -> Result<(), Why> {
        let number = pod as usize;
        let problem = self.live.problem;
        let Some(home) = problem.cluster.pods[number].node else { return Err("a pod without a node was in a step") };
        if problem.together[number].is_some() {
            return Err("pods that move together cannot any more");
        }
        if let Some(at) = self.live.goal.at[number] {
            self.live.goal.lift(number);
            self.chooser.changed(&self.live.goal, at as usize);
        }
        let targets = &self.tried.entry(pod).or_default().targets;
        let is_new = |node: usize| !targets.contains(&(node as u32));
        let target = (targets.len() < MOST_TARGETS)
            .then(|| drain::choose_near(&self.live.goal, &self.chooser, &[pod], Some(&is_new)))
            .flatten();
        let Some(target) = target.filter(|target| is_new(*target)) else {
            return self.stay(pod, home as usize);
        };
        self.live.goal.set(number, target);
        self.chooser.changed(&self.live.goal, target);
        self.touch(pod);
        if target == home as usize {
            return Ok(());
        }
        let tried = self.tried.entry(pod).or_default();
        tried.targets.push(target as u32);
        tried.is_late = true;
        self.live.push_wave(vec![Move { pods: vec![pod], from: home, to: target as u32 }]);
        Ok(())
    }

    /// No way leads away from its node: the node stays.
    fn stay(&mut self, pod: u32, home: usize) -> Result<(), Why> {
        if self.live.goal.removed.contains(&(home as u32)) {
            self.keep_node(home);
            return Ok(());
        }
        self.send_home(pod)
    }

    /// A pod of a node that stays does too.
    fn send_home(&mut self, pod: u32) -> Result<(), Why> {
        let number = pod as usize;
        let Some(home) = self.live.problem.cluster.pods[number].node.map(|home| home as usize) else {
            return Err("a pod without a node was in a step");
        };
        self.take_step(pod);
        if let Some(at) = self.live.goal.at[number] {
            self.live.goal.lift(number);
            self.chooser.changed(&self.live.goal, at as usize);
        }
        self.live.goal.set(number, home);
        self.chooser.changed(&self.live.goal, home);
        self.touch(pod);
        self.make_room(home)
    }

    /// What comes to a node that is too full for it goes elsewhere.
    fn make_room(&mut self, node: usize) -> Result<(), Why> {
        let problem = self.live.problem;
        let resources = problem.cluster.resources;
        while (0..resources).any(|resource| self.live.goal.state.free(node, resource) < 0) {
            self.sent_away += 1;
            let home = |pod: u32| problem.cluster.pods[pod as usize].node;
            let comes = |pod: &&u32| home(**pod).is_some_and(|home| home as usize != node);
            let arrivals = self.live.goal.pods_on[node].iter().filter(comes);
            let largest = arrivals.max_by(|a, b| {
                let size = |pod: u32| problem.pod_size(pod as usize);
                size(**a).total_cmp(&size(**b)).then(b.cmp(a))
            });
            let Some(pod) = largest.copied().filter(|_| self.sent_away < MOST_SENT_AWAY) else {
                return Err("the room that a pod was to leave is taken");
            };
            self.take_step(pod);
            self.tried.entry(pod).or_default().targets.push(node as u32);
            self.send_elsewhere(pod)?;
        }
        Ok(())
    }

    /// The node does not go, and nothing leaves it.
    fn keep_node(&mut self, node: usize) {
        let problem = self.live.problem;
        let own = problem.cluster.pods_on[node].clone();
        for pod in own.iter().filter(|pod| !problem.goes_with_node(**pod as usize)) {
            self.take_step(*pod);
        }
        let seen: Vec<(usize, Holds)> = own.iter().map(|pod| (*pod as usize, Holds::AsSeen)).collect();
        self.live.holding.uncordon(node, &seen);
        self.live.leaving.uncordon(node, &seen);
        self.live.goal.return_node(node);
        for pod in own.iter().filter(|pod| !problem.goes_with_node(**pod as usize)) {
            let number = *pod as usize;
            if let Some(at) = self.live.goal.at[number] {
                self.live.goal.lift(number);
                self.chooser.changed(&self.live.goal, at as usize);
            }
            self.live.goal.set(number, node);
            self.touch(*pod);
        }
        if self.live.cordoned.contains(&(node as u32)) {
            let planned = self.live.goal.on_node(node);
            self.live.holding.cordon(node, &seen);
            self.live.leaving.cordon(node, &seen);
            self.live.goal.state.cordon(node, &planned);
        }
        self.chooser.changed(&self.live.goal, node);
        self.domains_of(node);
        self.nodes.push(node);
    }

    /// Whether the node is there bears on everything that is spread over its domains.
    fn domains_of(&mut self, node: usize) {
        self.scope.nodes.insert(node);
        let groups = 0..self.live.problem.cluster.spread_groups.len() as u32;
        self.scope.spread.extend(groups.filter(|group| self.live.goal.state.is_domain_of(*group, node)));
    }

    /// Empties the node too, where it can, all in one wave after the others.
    pub(super) fn empty(&mut self, node: usize) -> bool {
        let problem = self.live.problem;
        if self.live.goal.state.is_closed(node) || problem.node_blockers[node].is_some() {
            return false;
        }
        let stays = |pod: &&u32| !problem.goes_with_node(**pod as usize);
        let on_it: Vec<u32> = self.live.goal.pods_on[node].iter().filter(stays).copied().collect();
        let is_alone =
            |pod: &u32| problem.pod_blockers[*pod as usize].is_none() && problem.together[*pod as usize].is_none();
        if problem.price(node).is_none() || !on_it.iter().all(is_alone) {
            return false;
        }
        if !drain::empty(&mut self.live.goal, &mut self.chooser, node) {
            return false;
        }
        let waves = (self.live.waves.clone(), self.live.seconds.clone());
        let before = (self.scope.clone(), self.changed.len());
        let mut wave = Vec::new();
        for pod in &on_it {
            self.take_step(*pod);
            if let (Some(from), Some(to)) = (problem.cluster.pods[*pod as usize].node, self.live.goal.at[*pod as usize])
                && from != to
            {
                wave.push(Move { pods: vec![*pod], from, to });
            }
        }
        let seen: Vec<(usize, Holds)> =
            problem.cluster.pods_on[node].iter().map(|pod| (*pod as usize, Holds::AsSeen)).collect();
        self.live.holding.cordon(node, &seen);
        self.live.leaving.cordon(node, &seen);
        self.domains_of(node);
        self.live.push_wave(wave);
        if walk(self.live, &self.scope).is_empty() {
            self.nodes.push(node);
            return true;
        }
        (self.live.waves, self.live.seconds) = waves;
        self.scope = before.0;
        self.changed.truncate(before.1);
        self.live.holding.uncordon(node, &seen);
        self.live.leaving.uncordon(node, &seen);
        self.live.goal.return_node(node);
        for pod in &on_it {
            let number = *pod as usize;
            if let Some(at) = self.live.goal.at[number] {
                self.live.goal.lift(number);
                self.chooser.changed(&self.live.goal, at as usize);
            }
            self.live.goal.set(number, node);
        }
        self.chooser.changed(&self.live.goal, node);
        false
    }
}
