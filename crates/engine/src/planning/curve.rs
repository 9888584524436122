//! Savings against moves: what plans of more and more moves save.

use model::{Policy, Prices, Snapshot, UsdPerHour};

use super::limits::Limits;
use super::{Problem, Reached, Strategy};
use crate::cluster::Cluster;

/// A plan with the nodes that are there, by its two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurvePoint {
    /// It moves no more pods than this: the limit that it was made under, since under a lower one, even that of what it
    /// does move, another may be found.
    pub moves: usize,
    /// What it saves.
    pub saved: UsdPerHour,
}

/// Plans are made of these parts of all moves, in percent.
const PARTS: [usize; 7] = [0, 10, 20, 35, 50, 65, 80];
/// So many more are made where the curve passes this part of all savings, in percent.
const CLOSER: usize = 3;
const MOST_OF_IT: i64 = 80;

/// Plans of ever more moves, each of which saves more than the one before.
pub fn curve(snapshot: &Snapshot, prices: &Prices, policy: &Policy, strategy: &dyn Strategy) -> Vec<CurvePoint> {
    let cluster = Cluster::new(snapshot);
    let problem = Problem::new(&cluster, prices, policy);
    let limits = Limits { most_moves: None, ..Limits::of(policy) };
    let within = |most: usize| {
        let reached = Reached::of(&problem, strategy, Limits { most_moves: Some(most), ..limits });
        CurvePoint { moves: most, saved: reached.placement.saved() }
    };
    let whole = Reached::of(&problem, strategy, limits).placement;
    let whole = CurvePoint { moves: whole.moves, saved: whole.saved() };
    let mut points: Vec<CurvePoint> = PARTS.iter().map(|part| within(whole.moves * part / 100)).collect();
    points.extend([within(whole.moves), whole]);
    points = rising(points);
    for _ in 0..CLOSER {
        let reaches = fewest_moves_for(&points, MOST_OF_IT).map_or(0, |reaches| reaches.moves);
        let falls_short = points.iter().rev().find(|point| point.moves < reaches).map_or(0, |point| point.moves);
        if reaches - falls_short < 2 {
            break;
        }
        points.push(within(falls_short.midpoint(reaches)));
        points = rising(points);
    }
    points
}

/// The point with the fewest moves that reaches this part, in percent, of all that is saved.
pub fn fewest_moves_for(points: &[CurvePoint], percent: i64) -> Option<CurvePoint> {
    let wanted = points.last()?.saved.share(percent, 100);
    points.iter().copied().find(|point| point.saved >= wanted)
}

/// By moves, without those that save no more than one of fewer moves.
fn rising(mut points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    points.sort_by_key(|point| (point.moves, std::cmp::Reverse(point.saved)));
    let mut most = None;
    points.retain(|point| {
        let saves_more = most.is_none_or(|most| point.saved > most);
        most = most.max(Some(point.saved));
        saves_more
    });
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(pairs: &[(usize, i64)]) -> Vec<CurvePoint> {
        let point = |(moves, saved): &(usize, i64)| CurvePoint { moves: *moves, saved: UsdPerHour::from_nanos(*saved) };
        pairs.iter().map(point).collect()
    }

    #[test]
    fn more_moves_never_save_less() {
        assert_eq!(
            rising(points(&[(9, 5), (3, 4), (0, 0), (5, 2), (9, 7), (12, 7)])),
            points(&[(0, 0), (3, 4), (9, 7)])
        );
    }

    #[test]
    fn the_fewest_moves_for_a_part_of_the_savings() {
        let all = points(&[(0, 10), (3, 80), (9, 100)]);
        assert_eq!(fewest_moves_for(&all, 80), Some(all[1]));
        assert_eq!(fewest_moves_for(&all, 81), Some(all[2]));
        assert_eq!(fewest_moves_for(&[], 80), None);
    }
}
