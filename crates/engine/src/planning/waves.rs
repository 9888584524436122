//! From a placement to waves: an order in which every pod can go, whatever order a wave's own pods go in.
//!
//! Two counts stand for all orders of a wave. `holding` has the wave's arrivals and still its departures: room, ports,
//! volumes and anti-affinity are asked of it. `leaving` has neither: what a required affinity rests on, and how empty
//! the emptiest domain of a spread can get, are asked of it.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cluster::{CPU, Class, MEMORY, SpreadUse};
use crate::state::{Holds, State};

use super::Problem;
use super::allowance::Allowance;
use super::circles::{Circle, circles};
use super::drain::units_to_move;
use super::pending;
use super::placement::Placement;
use super::replan::Scope;
use super::survival::Survival;

/// Pods that move together: one, or users of one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The pods.
    pub pods: Vec<u32>,
    /// Where they are.
    pub from: u32,
    /// Where they go.
    pub to: u32,
}

/// What became of ordering a placement.
pub struct Ordered {
    /// Waves in order.
    pub waves: Vec<Vec<Move>>,
    /// Moves for which no legal moment was found.
    pub stuck: Vec<Move>,
    /// Those of them that only wait for each other.
    pub circles: Vec<Circle>,
}

/// Orders the moves that lead to the placement: in as few waves as can be, or else with as few stuck as can be.
pub fn order(problem: &Problem<'_>, goal: &Placement<'_>) -> Ordered {
    let pending = if problem.has_pending { pending::Kept::new(&pending::start(problem)) } else { None };
    let free = order_by(problem, goal, Turns::Free, pending.clone());
    if free.stuck.is_empty() {
        return free;
    }
    let others = [Turns::RoomFirst, Turns::Kept].map(|turns| order_by(problem, goal, turns, pending.clone()));
    others.into_iter().fold(free, |best, other| if other.stuck.len() < best.stuck.len() { other } else { best })
}

fn order_by(problem: &Problem<'_>, goal: &Placement<'_>, turns: Turns, mut pending: Option<pending::Kept>) -> Ordered {
    let mut sequence = Sequence::new(problem, goal);
    let mut waves = Vec::new();
    let mut waiting = moves_to(problem, goal);
    while !waiting.is_empty() {
        let mut wave;
        (wave, waiting) = sequence.next_wave_with_room(waiting, turns, &mut pending);
        if wave.is_empty() && turns != Turns::Free {
            (wave, waiting) = sequence.next_wave_with_room(waiting, Turns::Free, &mut pending);
        }
        if wave.is_empty() {
            break;
        }
        waves.push(wave);
    }
    let circles = circles(problem, &mut sequence.holding, &waiting);
    Ordered { waves, stuck: waiting, circles }
}

/// The moves: first those between nodes that stay, which make room while there is most of it; then node by node in the
/// order of their removal, largest first.
fn moves_to(problem: &Problem<'_>, goal: &Placement<'_>) -> Vec<Move> {
    let mut moves = Vec::new();
    for (pod, at) in goal.at.iter().enumerate() {
        if let (Some(from), Some(to)) = (problem.cluster.pods[pod].node, *at)
            && from != to
            && !goal.state.is_closed(from as usize)
        {
            moves.push(Move { pods: vec![pod as u32], from, to });
        }
    }
    let start = Placement::of_snapshot(problem);
    for node in &goal.removed {
        for pods in units_to_move(&start, *node as usize) {
            if let Some(to) = goal.at[pods[0] as usize] {
                moves.push(Move { pods, from: *node, to });
            }
        }
    }
    moves
}

/// Do pods that are pending keep their room all the way through these waves?
pub(super) fn keep_room(problem: &Problem<'_>, goal: &Placement<'_>, waves: &[Vec<Move>]) -> bool {
    let Some(mut pending) = pending::Kept::new(&pending::start(problem)) else { return true };
    let mut sequence = Sequence::new(problem, goal);
    let nothing = [Vec::new()];
    // Nodes that are empty already go without a wave.
    let waves = if waves.is_empty() { &nothing } else { waves };
    waves.iter().all(|steps| {
        let mut wave = Wave::default();
        for (step, pod) in steps.iter().flat_map(|step| step.pods.iter().map(move |pod| (step, *pod))) {
            sequence.leaving.take(pod as usize, step.from as usize, Holds::AsSeen);
            sequence.holding.put(pod as usize, step.to as usize, Holds::Requests);
            wave.members.push(Member { pod, from: step.from, to: step.to, is_first_of_group: false });
        }
        sequence.finish(&wave);
        pending.have_room(problem, &mut sequence.leaving)
    })
}

/// Whether moves that bear on one spread keep the order in which they were found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turns {
    /// They do: in it each was legal, and out of it the last of them could find every way closed. Where a pod that was
    /// sent on closes the order itself, since it goes straight to its last node, any that is legal goes.
    Kept,
    /// Any that is legal now goes, which makes the widest waves.
    Free,
    /// Moves between nodes that stay go first, all of them, as long as one is legal: the nodes where they lead are never
    /// again as empty, and two that want each other's room would wait for ever.
    RoomFirst,
}

/// So often a wave is made narrower that would leave pending pods without room, before none is found.
const MOST_NARROWED: usize = 64;

/// Waves are admitted to it move by move, one wave after the other.
#[derive(Clone)]
pub(super) struct Sequence<'p, 'a> {
    pub problem: &'p Problem<'a>,
    pub holding: State<'p, 'a>,
    pub leaving: State<'p, 'a>,
    pub survival: Survival,
    /// Nodes to remove, with how many pods each has left to move.
    pub left_on: FxHashMap<u32, usize>,
    /// What is asked about, where it is not everything.
    pub scope: Option<&'p Scope>,
}

/// One pod of the wave being made.
pub(super) struct Member {
    pub pod: u32,
    pub from: u32,
    pub to: u32,
    /// Its required affinity holds only because nobody of the group is anywhere.
    is_first_of_group: bool,
}

/// The zones that a pod leaves and goes to, where its nodes have one.
type BetweenZones = (Option<u32>, Option<u32>);

/// A wave being made.
#[derive(Default)]
pub(super) struct Wave {
    pub members: Vec<Member>,
    by_spread: FxHashMap<u32, Vec<usize>>,
    by_affinity: FxHashMap<u32, Vec<usize>>,
    /// From zone to zone, by workload that is to survive the loss of one.
    by_workload: FxHashMap<u32, Vec<BetweenZones>>,
}

impl<'p, 'a> Sequence<'p, 'a> {
    pub(super) fn new(problem: &'p Problem<'a>, goal: &Placement<'_>) -> Sequence<'p, 'a> {
        let cluster = problem.cluster;
        let mut state = State::of_snapshot(cluster);
        state.reserve_headroom(problem.policy.headroom_per_mille);
        let mut left_on = FxHashMap::default();
        for node in &goal.removed {
            let pods = &cluster.pods_on[*node as usize];
            let on_node: Vec<(usize, Holds)> = pods.iter().map(|pod| (*pod as usize, Holds::AsSeen)).collect();
            state.cordon(*node as usize, &on_node);
            let movable = pods.iter().filter(|pod| !problem.goes_with_node(**pod as usize)).count();
            left_on.insert(*node, movable);
        }
        let leaving = state.clone();
        let mut reserved: FxHashMap<u32, [i64; 2]> = FxHashMap::default();
        for (pod, at) in goal.at.iter().enumerate() {
            // Room kept for a pending pod is kept all the way; that the pod comes is not certain.
            if let (None, Some(node)) = (cluster.pods[pod].node, at) {
                state.put(pod, *node as usize, Holds::Reserved);
                let (class, sum) = (cluster.class_of(pod), reserved.entry(*node).or_default());
                [CPU, MEMORY].into_iter().zip(sum).for_each(|(resource, sum)| *sum += cluster.request(class, resource));
            }
        }
        // Headroom is kept from what moves, not from what waits: the placement had it so.
        for (node, reserved) in reserved {
            state.reserve_within_headroom(node as usize, reserved, problem.policy.headroom_per_mille);
        }
        let survival = Survival::of_snapshot(cluster, &problem.zones, &problem.replicated);
        Sequence { problem, leaving, holding: state, survival, left_on, scope: None }
    }

    /// The same as `next_wave`, but only as many as leave pods that are pending the room that they have.
    fn next_wave_with_room(
        &mut self,
        mut waiting: Vec<Move>,
        turns: Turns,
        pending: &mut Option<pending::Kept>,
    ) -> (Vec<Move>, Vec<Move>) {
        let Some(pending) = pending else { return self.next_wave(waiting, turns, usize::MAX) };
        let (mut most, mut aside) = (usize::MAX, Vec::new());
        for _ in 0..MOST_NARROWED {
            let mut next = self.clone();
            let (wave, mut rest) = next.next_wave(waiting.clone(), turns, most);
            if wave.is_empty() {
                break;
            }
            if pending.have_room(self.problem, &mut next.leaving) {
                *self = next;
                rest.extend(aside);
                return (wave, rest);
            }
            most = (wave.len() / 2).max(1);
            if wave.len() == 1 {
                waiting.retain(|step| *step != wave[0]);
                aside.extend(wave);
            }
        }
        waiting.extend(aside);
        (Vec::new(), waiting)
    }

    /// Takes as many of the waiting moves as one wave may have, up to so many; gives them and the rest.
    fn next_wave(&mut self, waiting: Vec<Move>, turns: Turns, most: usize) -> (Vec<Move>, Vec<Move>) {
        let mut allowance = Allowance::new(self.problem.snapshot(), &self.problem.evictable);
        let mut wave = Wave::default();
        let (mut taken, mut rest) = (Vec::new(), Vec::new());
        let mut waited_for: FxHashSet<u32> = FxHashSet::default();
        let stays = |step: &Move| !self.holding.is_closed(step.from as usize);
        let some_make_room = waiting.iter().any(stays);
        for step in waiting {
            let cluster = self.problem.cluster;
            let groups = || {
                let groups = step.pods.iter().flat_map(|pod| cluster.class_of(*pod as usize).spread_groups());
                groups.filter(|group| cluster.spread_groups[*group as usize].is_required)
            };
            let is_in_turn = match turns {
                Turns::Free => true,
                Turns::Kept => !groups().any(|group| waited_for.contains(&group)),
                Turns::RoomFirst => !some_make_room || !self.holding.is_closed(step.from as usize),
            };
            if is_in_turn && taken.len() < most && self.admit(&mut wave, &mut allowance, &step) {
                taken.push(step);
            } else {
                waited_for.extend(groups());
                rest.push(step);
            }
        }
        if !wave.members.is_empty() {
            self.finish(&wave);
        }
        (taken, rest)
    }

    /// Adds a move to the wave if the wave stays legal in any order.
    pub(super) fn admit(&mut self, wave: &mut Wave, allowance: &mut Allowance<'_>, step: &Move) -> bool {
        let mut allowed = 0;
        for pod in &step.pods {
            if !allowance.take(*pod as usize) {
                break;
            }
            allowed += 1;
        }
        let mut added = 0;
        if allowed == step.pods.len() {
            for pod in &step.pods {
                if !self.add(wave, *pod, step.from, step.to) {
                    break;
                }
                added += 1;
            }
        }
        if added == step.pods.len() {
            return true;
        }
        for _ in 0..added {
            self.drop_last(wave);
        }
        for pod in &step.pods[..allowed] {
            allowance.give_back(*pod as usize);
        }
        false
    }

    fn add(&mut self, wave: &mut Wave, pod: u32, from: u32, to: u32) -> bool {
        let class = self.problem.cluster.class_of(pod as usize);
        let (number, origin, target) = (pod as usize, from as usize, to as usize);
        self.holding.take(number, origin, Holds::AsSeen);
        self.leaving.take(number, origin, Holds::AsSeen);
        let fits = self.problem.cluster.eligible(class).contains(target)
            && !self.holding.is_closed(target)
            && (!self.asks(|scope| scope.nodes.contains(&target))
                || (self.holding.has_room(class, target) && self.holding.devices_allow(class, target)))
            && match self.scope {
                None => self.holding.anti_affinity_allows(class, target),
                Some(scope) => self.holding.terms_allow(class, target, &|term| scope.terms.contains(&term)),
            };
        let affinity = if fits { self.affinity_holds(class, target) } else { None };
        self.holding.put(number, origin, Holds::AsSeen);
        let Some(is_first_of_group) = affinity else {
            self.leaving.put(number, origin, Holds::AsSeen);
            return false;
        };
        self.holding.put(number, target, Holds::Requests);
        let at = wave.members.len();
        wave.members.push(Member { pod, from, to, is_first_of_group });
        for constraint in &class.spread {
            wave.by_spread.entry(constraint.group).or_default().push(at);
        }
        if let Some((group, _)) = class.affinity {
            wave.by_affinity.entry(group).or_default().push(at);
        }
        let replicated = &self.problem.replicated;
        let workload = replicated.workload_of(number);
        if let Some(workload) = workload {
            let zones = &self.problem.zones;
            wave.by_workload.entry(workload).or_default().push((zones.of(origin), zones.of(target)));
        }
        let workload = workload.filter(|workload| self.asks(|scope| scope.survivors.contains(workload)));
        let outlives = |workload| self.survival.outlives(replicated, workload, &wave.by_workload[&workload]);
        if workload.is_none_or(outlives) && self.all_hold(wave, class) && self.may_come_before(wave, class, target) {
            return true;
        }
        self.drop_last(wave);
        false
    }

    /// Is this asked about?
    fn asks(&self, part: impl Fn(&Scope) -> bool) -> bool {
        self.scope.is_none_or(part)
    }

    /// With the pod out of both counts: `Some(true)` where its affinity holds as the first of its group.
    fn affinity_holds(&self, class: &Class, target: usize) -> Option<bool> {
        let Some((group, selects_itself)) = class.affinity else { return Some(false) };
        if !self.asks(|scope| scope.affinity.contains(&group)) {
            return Some(false);
        }
        if self.leaving.affinity_total(group) > 0 {
            return self.leaving.affinity_allows(class, target).then_some(false);
        }
        // Nobody is left for certain: legal only as the first, and only if nobody arrives or lingers either.
        let is_first =
            selects_itself && self.holding.affinity_total(group) == 0 && self.holding.affinity_allows(class, target);
        is_first.then_some(true)
    }

    /// Would the newest one, there, keep no other of the wave away that came after it? Mostly that is what was asked when
    /// the newest came; but a term that selects a namespace without labels may see a pod that is there though that pod
    /// would not have minded coming (`cluster::groups`).
    fn may_come_before(&self, wave: &Wave, newest: &Class, target: usize) -> bool {
        let holders = newest.counted_in_anti_affinity.iter().filter(|term| !newest.repelled_by.contains(term));
        let mut near = holders.filter(|term| self.holding.has_holder_near(**term, target));
        near.all(|term| {
            wave.members.iter().all(|member| {
                let class = self.problem.cluster.class_of(member.pod as usize);
                !class.anti_affinity.contains(term) || !self.holding.share_domain(*term, member.to as usize, target)
            })
        })
    }

    /// Takes the last member out again.
    pub(super) fn drop_last(&mut self, wave: &mut Wave) {
        let Some(member) = wave.members.pop() else { return };
        let class = self.problem.cluster.class_of(member.pod as usize);
        self.holding.take(member.pod as usize, member.to as usize, Holds::Requests);
        self.leaving.put(member.pod as usize, member.from as usize, Holds::AsSeen);
        for constraint in &class.spread {
            wave.by_spread.entry(constraint.group).or_default().pop();
        }
        if let Some((group, _)) = class.affinity {
            wave.by_affinity.entry(group).or_default().pop();
        }
        if let Some(workload) = self.problem.replicated.workload_of(member.pod as usize) {
            wave.by_workload.entry(workload).or_default().pop();
        }
    }

    /// Do all members whose rules the newest one bears on still hold, in any order?
    fn all_hold(&self, wave: &Wave, newest: &Class) -> bool {
        let own = newest.spread.iter().map(|constraint| constraint.group);
        let spread_groups: FxHashSet<u32> = newest.counted_in_spread.iter().copied().chain(own).collect();
        let asked = spread_groups.iter().filter(|group| self.asks(|scope| scope.spread.contains(*group)));
        let spread_holds = asked.into_iter().all(|group| {
            let members = wave.by_spread.get(group).map_or(&[][..], Vec::as_slice);
            members.iter().all(|at| {
                let member = &wave.members[*at];
                let class = self.problem.cluster.class_of(member.pod as usize);
                class
                    .spread
                    .iter()
                    .filter(|constraint| constraint.group == *group)
                    .all(|constraint| self.spread_holds(constraint, member, class))
            })
        });
        let newest_at = wave.members.len() - 1;
        spread_holds
            && newest.counted_in_affinity.iter().filter(|group| self.asks(|scope| scope.affinity.contains(*group))).all(
                |group| {
                    let members = wave.by_affinity.get(group).map_or(&[][..], Vec::as_slice);
                    members.iter().filter(|at| **at != newest_at).all(|at| {
                        let member = &wave.members[*at];
                        let class = self.problem.cluster.class_of(member.pod as usize);
                        // A first of its group is no first any more where another may come before it.
                        !member.is_first_of_group && self.leaving.affinity_allows(class, member.to as usize)
                    })
                },
            )
    }

    /// Worst case over the orders of the wave: all arrivals in the target's domain and no departure from it, against
    /// the emptiest other domain after all departures and no arrival.
    fn spread_holds(&self, constraint: &SpreadUse, member: &Member, class: &Class) -> bool {
        let Some(count) = self.holding.spread_count(constraint.group, member.to as usize) else { return false };
        let Some(minimum) = self.leaving.spread_minimum_of_others(constraint, member.to as usize) else { return true };
        let is_counted = class.counted_in_spread.contains(&constraint.group);
        // `holding` has the member twice where it stays within the domain: once where it was, once where it goes.
        let lingers = is_counted
            && self.holding.counts_in_spread(constraint.group, member.from as usize)
            && self.holding.is_same_domain(constraint.group, member.from as usize, member.to as usize);
        // Not counted itself though its selector selects it: its node takes no part.
        let itself = constraint.selects_itself && !self.holding.counts_in_spread(constraint.group, member.to as usize);
        let uncounted_self = constraint.selects_itself && !is_counted;
        let count = i64::from(count) - i64::from(lingers) + i64::from(itself || uncounted_self);
        count - i64::from(minimum) <= constraint.max_skew
    }

    /// The wave is over: departures let go, arrivals count, emptied nodes are gone.
    pub(super) fn finish(&mut self, wave: &Wave) {
        let mut emptied = Vec::new();
        for (workload, moves) in &wave.by_workload {
            moves.iter().for_each(|(from, to)| self.survival.moved(*workload, *from, *to));
        }
        for member in &wave.members {
            self.holding.take(member.pod as usize, member.from as usize, Holds::AsSeen);
            self.leaving.put(member.pod as usize, member.to as usize, Holds::Requests);
            if let Some(left) = self.left_on.get_mut(&member.from) {
                *left -= 1;
                if *left == 0 {
                    emptied.push(member.from);
                }
            }
        }
        // Those that were empty from the start count as domains until the first wave is over.
        emptied.extend(self.left_on.iter().filter(|(_, left)| **left == 0).map(|(node, _)| *node));
        emptied.sort_unstable();
        self.remove_emptied(&emptied);
    }

    fn remove_emptied(&mut self, nodes: &[u32]) {
        for node in nodes {
            if self.left_on.get(node) != Some(&0) {
                continue;
            }
            for state in [&mut self.holding, &mut self.leaving] {
                for pod in &self.problem.cluster.pods_on[*node as usize] {
                    if self.problem.goes_with_node(*pod as usize) {
                        state.take(*pod as usize, *node as usize, Holds::AsSeen);
                    }
                }
                state.remove_node(*node as usize);
            }
            self.left_on.remove(node);
        }
    }
}
