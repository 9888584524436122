//! Moves that find no moment only since they wait for each other's room.

use std::collections::{BTreeSet, VecDeque};

use crate::state::{Holds, State};

use super::Problem;
use super::waves::Move;

/// More stuck moves than this are not looked at for circles: something else is wrong with so many.
const MOST_MOVES: usize = 500;

/// Each move goes to where the next one leaves, and the last one to where the first one leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle {
    /// The moves, that of the first node in the snapshot's order first.
    pub moves: Vec<Move>,
}

/// The shortest circle of each stuck move that is in one. `holding` has every stuck pod where it was.
pub fn circles(problem: &Problem<'_>, holding: &mut State<'_, '_>, stuck: &[Move]) -> Vec<Circle> {
    let mut circles: Vec<Circle> = Vec::new();
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    for first in 0..stuck.len().min(MOST_MOVES) {
        if seen.contains(&first) {
            continue;
        }
        let Some(around) = shortest(stuck, first) else { continue };
        let mut moves: Vec<Move> = around.iter().map(|at| stuck[*at].clone()).collect();
        if wait_only_for_each_other(problem, holding, &moves) {
            let start = (0..moves.len()).min_by_key(|at| moves[*at].from).unwrap_or(0);
            moves.rotate_left(start);
            seen.extend(around);
            circles.push(Circle { moves });
        }
    }
    circles
}

/// The shortest way from the move's target back to where it leaves, along moves.
fn shortest(stuck: &[Move], first: usize) -> Option<Vec<usize>> {
    let mut came_from: Vec<Option<usize>> = vec![None; stuck.len()];
    let mut queue = VecDeque::from([first]);
    while let Some(at) = queue.pop_front() {
        if stuck[at].to == stuck[first].from {
            let mut around = vec![at];
            let mut back = at;
            while back != first {
                back = came_from[back]?;
                around.push(back);
            }
            around.reverse();
            return Some(around);
        }
        for next in 0..stuck.len() {
            if next != first && came_from[next].is_none() && stuck[next].from == stuck[at].to {
                came_from[next] = Some(at);
                queue.push_back(next);
            }
        }
    }
    None
}

/// None of them fits as things are, and all do once they have left.
fn wait_only_for_each_other(problem: &Problem<'_>, holding: &mut State<'_, '_>, moves: &[Move]) -> bool {
    let cluster = problem.cluster;
    let pods = || moves.iter().flat_map(|step| step.pods.iter().map(move |pod| (*pod as usize, step)));
    let fits_now = pods().any(|(pod, step)| {
        holding.take(pod, step.from as usize, Holds::AsSeen);
        let fits = holding.fits(cluster.class_of(pod), step.to as usize);
        holding.put(pod, step.from as usize, Holds::AsSeen);
        fits
    });
    if fits_now {
        return false;
    }
    pods().for_each(|(pod, step)| holding.take(pod, step.from as usize, Holds::AsSeen));
    let mut put = Vec::new();
    for (pod, step) in pods() {
        if !holding.fits(cluster.class_of(pod), step.to as usize) {
            break;
        }
        holding.put(pod, step.to as usize, Holds::Requests);
        put.push((pod, step.to as usize));
    }
    let all_fit = put.len() == pods().count();
    put.into_iter().for_each(|(pod, node)| holding.take(pod, node, Holds::Requests));
    pods().for_each(|(pod, step)| holding.put(pod, step.from as usize, Holds::AsSeen));
    all_fit
}
