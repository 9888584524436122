//! Emptying nodes one after the other, those first that hold least for what they cost, as long as one can be emptied.

use model::UsdPerHour;
use rustc_hash::FxHashMap;

use crate::cluster::{CPU, MEMORY};
use crate::state::{Asks, Holds};

use super::pending;
use super::placement::Placement;
use super::strategy::Attempt;

/// How many times all nodes are tried; each pass works on the result of the one before, and two are usually enough.
const MOST_PASSES: usize = 16;

/// What emptying a node takes.
#[derive(Clone, Copy)]
pub(super) struct Emptied {
    /// How many pods were elsewhere than they had been, before.
    pub moves_before: usize,
    /// And how many are with it.
    pub moves_after: usize,
    /// What the preferences weigh that its pods had there and do not have where they go.
    pub broken: i64,
}

/// Chooses where pods go.
pub trait Chooser {
    /// The node that takes all these pods, which have been lifted.
    fn choose(&self, placement: &Placement<'_>, pods: &[u32]) -> Option<usize> {
        self.choose_where(placement, pods, &|_| true)
    }

    /// The same, of the nodes for which the test holds.
    fn choose_where(&self, placement: &Placement<'_>, pods: &[u32], test: &dyn Fn(usize) -> bool) -> Option<usize>;

    /// What is on the node has changed, or it was cordoned, or it is open again.
    fn changed(&mut self, placement: &Placement<'_>, node: usize);
}

/// Empties as many nodes as it can, by rank, and best onto nodes that stay.
pub(super) fn drain<'a, C: Chooser>(
    placement: &mut Placement<'a>,
    attempt: &Attempt,
    rank: &dyn Fn(usize) -> i64,
    stays: Option<&dyn Fn(usize) -> bool>,
    chooser_for: &impl Fn(&Placement<'a>) -> C,
) {
    for _ in 0..MOST_PASSES {
        let mut chooser = chooser_for(placement);
        let mut hopeless = Hopeless::default();
        let before = placement.removed.len();
        for node in candidates(placement, attempt, rank) {
            if placement.problem.is_over() {
                return;
            }
            if !placement.state.is_closed(node) {
                let problem = placement.problem;
                let is_allowed = |emptied: &Emptied| {
                    let saved = problem.saved_by(node, emptied.broken);
                    attempt.limits.allow(saved, emptied.moves_before, emptied.moves_after)
                };
                drain_node(placement, &mut chooser, &mut hopeless, stays, node, &is_allowed);
            }
        }
        if placement.removed.len() == before {
            break;
        }
    }
}

/// Nodes that could go, by rank, and of one rank those first that hold least for each dollar they cost; where moves are
/// limited, those first that have fewest pods for it. (Whether a pod there has moved before does not count: planning on
/// the planned state must see the same order.)
pub(super) fn candidates(placement: &Placement<'_>, attempt: &Attempt, rank: &dyn Fn(usize) -> i64) -> Vec<usize> {
    let problem = placement.problem;
    let mut candidates: Vec<((bool, i64), f64, usize)> = Vec::new();
    for node in 0..problem.cluster.nodes() {
        let Some(price) = problem.price(node) else { continue };
        let is_pinned = placement.pods_on[node]
            .iter()
            .any(|pod| !problem.goes_with_node(*pod as usize) && problem.pod_blockers[*pod as usize].is_some());
        if problem.node_blockers[node].is_some() || is_pinned || attempt.kept.contains(&(node as u32)) {
            continue;
        }
        let movable = placement.pods_on[node].iter().filter(|pod| !problem.goes_with_node(**pod as usize));
        let (rank, load) = if attempt.limits.are_set() || attempt.fewest_pods {
            (0, movable.filter(|pod| problem.cluster.pods[**pod as usize].node.is_some()).count() as f64)
        } else {
            (rank(node), problem.size_of_pods(movable.copied()))
        };
        candidates.push(((attempt.last.contains(&(node as u32)), rank), load / price.dollars(), node));
    }
    candidates.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    candidates.into_iter().map(|(.., node)| node).collect()
}

/// What it would take to empty the node too; `None` where its pods do not all fit elsewhere. Nothing is changed.
pub(super) fn taken_to_empty(
    placement: &mut Placement<'_>,
    chooser: &mut impl Chooser,
    node: usize,
) -> Option<Emptied> {
    let taken = std::cell::Cell::new(None);
    let refuse = |emptied: &Emptied| {
        taken.set(Some(*emptied));
        false
    };
    drain_node(placement, chooser, &mut Hopeless::default(), None, node, &refuse);
    taken.into_inner()
}

/// Empties the node where all that is on it fits elsewhere at no loss, or leaves things as they were.
pub(super) fn empty(placement: &mut Placement<'_>, chooser: &mut impl Chooser, node: usize) -> bool {
    let problem = placement.problem;
    let accept = |emptied: &Emptied| problem.saved_by(node, emptied.broken) >= UsdPerHour::ZERO;
    drain_node(placement, chooser, &mut Hopeless::default(), None, node, &accept)
}

/// Moves everything off the node, or leaves things as they were. `accept` is asked what it takes.
fn drain_node(
    placement: &mut Placement<'_>,
    chooser: &mut impl Chooser,
    hopeless: &mut Hopeless,
    stays: Option<&dyn Fn(usize) -> bool>,
    node: usize,
    accept: &dyn Fn(&Emptied) -> bool,
) -> bool {
    let problem = placement.problem;
    let moves_before = placement.moves;
    let units = units_to_move(placement, node);
    if units.iter().any(|unit| hopeless.knows(placement, unit, node)) {
        return false;
    }
    let broken_before = placement.broken_by(units.iter().flatten().copied());
    placement.state.cordon(node, &placement.on_node(node));
    chooser.changed(placement, node);
    let mut moved: Vec<u32> = Vec::new();
    for unit in units {
        for pod in &unit {
            placement.lift(*pod as usize);
        }
        let Some(target) = choose_near(placement, chooser, &unit, stays) else {
            moved.extend(&unit);
            undo(placement, chooser, node, &moved);
            hopeless.learn(placement, chooser, &unit, node);
            return false;
        };
        for pod in &unit {
            placement.set(*pod as usize, target);
        }
        chooser.changed(placement, target);
        moved.extend(unit);
    }
    debug_assert!(placement.pods_on[node].iter().all(|pod| problem.goes_with_node(*pod as usize)));
    let broken = placement.broken_by(moved.iter().copied()) - broken_before;
    let emptied = Emptied { moves_before, moves_after: placement.moves, broken };
    let Some(Ok(touched)) = accept(&emptied).then(|| pending::keep_room(placement)) else {
        undo(placement, chooser, node, &moved);
        return false;
    };
    touched.into_iter().for_each(|touched| chooser.changed(placement, touched));
    if problem.has_pending {
        // Room kept for pending pods may have moved, and so may have made room.
        *hopeless = Hopeless::default();
    }
    placement.remove_node(node);
    true
}

/// The pods to move off a node, largest first; those that must stay together in one unit.
pub(super) fn units_to_move(placement: &Placement<'_>, node: usize) -> Vec<Vec<u32>> {
    let problem = placement.problem;
    let mut units: Vec<Vec<u32>> = Vec::new();
    for pod in placement.pods_on[node].iter().filter(|pod| !problem.goes_with_node(**pod as usize)) {
        match &problem.together[*pod as usize] {
            None => units.push(vec![*pod]),
            Some(unit) if unit[0] == *pod => units.push(unit.clone()),
            Some(_) => {}
        }
    }
    let size = |unit: &Vec<u32>| unit.iter().map(|pod| problem.pod_size(*pod as usize)).sum::<f64>();
    units.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
    units
}

/// Pods that are spread over zones, and ready ones of several, stay in their zone where they can: such a move is legal
/// whatever else moves, and a later one from there is too. Nodes that are thought to stay come before others, and before
/// all else those where every preference holds.
pub(super) fn choose_near(
    placement: &Placement<'_>,
    chooser: &impl Chooser,
    unit: &[u32],
    stays: Option<&dyn Fn(usize) -> bool>,
) -> Option<usize> {
    let problem = placement.problem;
    let cluster = problem.cluster;
    let homes: Vec<_> = unit
        .iter()
        .filter_map(|pod| Some((*pod as usize, cluster.pods[*pod as usize].node? as usize)))
        .filter(|(pod, _)| !cluster.class_of(*pod).spread.is_empty() || problem.replicated.workload_of(*pod).is_some())
        .collect();
    let survives = |node: usize| placement.survives(unit, node);
    let is_near = |node: usize| {
        homes.iter().all(|(pod, home)| problem.is_near(*pod, cluster.class_of(*pod), *home, node)) && survives(node)
    };
    let has_preferences = |pod: &&u32| cluster.class_of(**pod as usize).preferred.is_some();
    let choosy: Vec<_> = unit.iter().filter(has_preferences).map(|pod| cluster.class_of(*pod as usize)).collect();
    let can_hold = choosy.iter().all(|class| class.preferred.as_ref().is_none_or(|one| one.some_node_suits));
    let is_priced = problem.policy.preference_price > UsdPerHour::ZERO;
    if is_priced && can_hold && !choosy.is_empty() {
        let state = &placement.state;
        let keeps = |node: usize| choosy.iter().all(|class| state.broken(class, node, Asks::Newcomer) == 0);
        let near = || chooser.choose_where(placement, unit, &|node| is_near(node) && keeps(node));
        let stays = stays.and_then(|stays| {
            chooser.choose_where(placement, unit, &|node| stays(node) && is_near(node) && keeps(node))
        });
        if let Some(node) = stays.or_else(near) {
            return Some(node);
        }
    }
    let near_and_stays =
        stays.and_then(|stays| chooser.choose_where(placement, unit, &|node| stays(node) && is_near(node)));
    let near = || if homes.is_empty() { None } else { chooser.choose_where(placement, unit, &is_near) };
    near_and_stays.or_else(near).or_else(|| chooser.choose_where(placement, unit, &survives))
}

/// Classes of pods, of one zone where they must stay in it, that no node takes but, for all we know, the one that a pod
/// of theirs was lifted from. Holds within a pass for classes whose filters look at one node alone: room only shrinks
/// while nodes are emptied.
#[derive(Default)]
struct Hopeless {
    from: FxHashMap<(u32, Option<u32>), u32>,
}

impl Hopeless {
    fn knows(&self, placement: &Placement<'_>, unit: &[u32], node: usize) -> bool {
        let [pod] = unit else { return false };
        let cluster = placement.problem.cluster;
        let number = cluster.pods[*pod as usize].class;
        let key = (number, placement.problem.zone_kept(*pod as usize));
        let Some(except) = self.from.get(&key).map(|except| *except as usize) else { return false };
        let takes_it = placement.problem.targets.contains(except)
            && placement.state.fits_alone(&cluster.classes[number as usize], except);
        except == node || !takes_it
    }

    /// Asks again, everything being back in place, whether any node would take the pod.
    fn learn(&mut self, placement: &mut Placement<'_>, chooser: &impl Chooser, unit: &[u32], node: usize) {
        let [pod] = unit else { return };
        let cluster = placement.problem.cluster;
        let class = cluster.class_of(*pod as usize);
        if class.looks_at_others() || !class.single_pod_claims.is_empty() {
            return;
        }
        // Its own node takes it back, so the question is whether another one comes first.
        placement.lift(*pod as usize);
        let fits_elsewhere = chooser.choose_where(placement, unit, &|other| other != node).is_some();
        placement.set(*pod as usize, node);
        if !fits_elsewhere {
            let key = (cluster.pods[*pod as usize].class, placement.problem.zone_kept(*pod as usize));
            self.from.insert(key, node as u32);
        }
    }
}

/// Puts pods back on the node they were taken from, and opens it again.
fn undo(placement: &mut Placement<'_>, chooser: &mut impl Chooser, node: usize, moved: &[u32]) {
    for pod in moved.iter().rev() {
        let target = placement.at[*pod as usize];
        placement.lift(*pod as usize);
        placement.set(*pod as usize, node);
        if let Some(target) = target {
            chooser.changed(placement, target as usize);
        }
    }
    placement.state.uncordon(node, &placement.on_node(node));
    chooser.changed(placement, node);
}

/// Do all these lifted pods fit on the node together?
pub(super) fn all_fit(placement: &Placement<'_>, pods: &[u32], node: usize) -> bool {
    let problem = placement.problem;
    let zones_allow = || pods.iter().all(|pod| problem.zone_allows(problem.zone_kept(*pod as usize), node));
    if !problem.targets.contains(node) || !zones_allow() {
        return false;
    }
    match pods {
        [] => true,
        [pod] => placement.fits(*pod as usize, node),
        [first, rest @ ..] => {
            // Units of several pods are rare: a trial on a copy keeps the common case simple.
            if !has_room_for_all(placement, pods, node) || !placement.fits(*first as usize, node) {
                return false;
            }
            let mut trial = placement.state.clone();
            trial.put(*first as usize, node, Holds::Requests);
            rest.iter().all(|pod| {
                let fits = trial.fits(placement.problem.cluster.class_of(*pod as usize), node);
                trial.put(*pod as usize, node, Holds::Requests);
                fits
            })
        }
    }
}

fn has_room_for_all(placement: &Placement<'_>, pods: &[u32], node: usize) -> bool {
    let cluster = placement.problem.cluster;
    [CPU, MEMORY].iter().all(|resource| {
        let wanted: i64 = pods.iter().map(|pod| cluster.request(cluster.class_of(*pod as usize), *resource)).sum();
        wanted <= placement.state.free(node, *resource)
    })
}
