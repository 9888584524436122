//! The search: nodes chosen by linear programming, then large-neighbourhood search. See README.md.

mod exchange;
mod neighbourhood;
mod repack;
mod untangle;

use model::UsdPerHour;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::Problem;
use super::best_fit::{BestFit, ByRoom};
use super::drain::{candidates, drain};
use super::effort::Effort;
use super::pending;
use super::placement::Placement;
use super::strategy::{Attempt, Strategy};
use crate::bound;
use neighbourhood::Pools;

/// Seed of the choices; the same for every sweep, so that a sweep depends on nothing but the placement it begins with.
const SEED: u64 = 42;
/// So many pods are swept side by side, or those of one sweep where it has more.
const PODS_SWEPT: usize = 30_000;
/// No more sweeps than these are made side by side.
const MOST_VARIANTS: usize = 12;
/// A sweep that saves less than this part of the cost, in thousandths, is not worth what it moves, and is the last.
const WORTHWHILE_PER_MILLE: i64 = 1;
/// Sweeps never end this late; each works on the result of the one before.
const MOST_SWEEPS: usize = 64;
/// Groups of nodes whose kept shares differ by less are of one rank.
const GRAIN: f64 = 0.05;

/// Large-neighbourhood search.
pub struct Search;

impl Strategy for Search {
    fn name(&self) -> &'static str {
        "search"
    }

    fn describe(&self) -> &'static str {
        "chooses nodes by linear programming, and packs many of them anew together"
    }

    fn plainer(&self) -> Option<&'static dyn Strategy> {
        Some(&BestFit)
    }

    fn improve<'a>(&self, mut placement: Placement<'a>, attempt: &Attempt) -> Placement<'a> {
        for _ in 0..MOST_SWEEPS {
            if placement.problem.is_over() {
                break;
            }
            let shares = bound::shares_kept(&placement);
            let swept = (0..variants(placement.problem)).into_par_iter().map(|variant| {
                let mut next = placement.clone();
                sweep(&mut next, attempt, &shares, variant);
                next
            });
            // Of equals the one that moves least, then the first.
            let best = swept.min_by_key(|next| (std::cmp::Reverse(next.worth()), next.moves));
            match best.filter(|next| is_worthwhile(&placement, next, attempt)) {
                Some(next) => placement = next,
                None => break,
            }
        }
        placement
    }
}

/// How many sweeps are made side by side: small clusters differ much with the order of things, and cost little. Only
/// what may move counts, of which the planned state has as much.
fn variants(problem: &Problem<'_>) -> u64 {
    let free = free_pods(problem);
    let (swept, most) = match problem.work.effort {
        Effort::Quick => (0, 1),
        Effort::Normal => (PODS_SWEPT, MOST_VARIANTS),
        Effort::Thorough => (4 * PODS_SWEPT, 2 * MOST_VARIANTS),
    };
    (swept / free.max(1)).clamp(1, most) as u64
}

fn free_pods(problem: &Problem<'_>) -> usize {
    (0..problem.cluster.pods.len() as u32).filter(|pod| is_free(problem, *pod)).count()
}

/// How many neighbourhoods are tried for each node that could go, in a sweep.
fn tries(problem: &Problem<'_>) -> usize {
    match problem.work.effort {
        Effort::Quick => 1,
        Effort::Normal => 2,
        Effort::Thorough => 4,
    }
}

/// Tries to empty every node that could go, those first of which the relaxation keeps the smallest part. Every third
/// variant takes that part roughly, every third not at all; every second fills nodes that are thought to stay before
/// others; each draws its own neighbourhoods.
fn sweep(placement: &mut Placement<'_>, attempt: &Attempt, shares: &[Option<f64>], variant: u64) {
    let attempt = &Attempt { fewest_pods: variant % 4 == 3, ..attempt.clone() };
    let grain = [GRAIN, 4.0 * GRAIN, 2.0][(variant % 3) as usize];
    let rank = |node: usize| (shares[node].unwrap_or(1.0) / grain).round() as i64;
    let stays = |node: usize| shares[node].is_none_or(|share| share >= 0.5);
    let stays = variant.is_multiple_of(2).then_some(&stays as &dyn Fn(usize) -> bool);
    drain(placement, attempt, &rank, stays, &ByRoom::new);
    let mut random = fastrand::Rng::with_seed(SEED + variant);
    let mut pools = Pools::new(placement);
    for _ in 0..tries(placement.problem) {
        for node in candidates(placement, attempt, &rank) {
            if placement.problem.is_over() {
                break;
            }
            if placement.state.is_closed(node) {
                continue;
            }
            let Some(helpers) = pools.helpers(placement, node, &[], &mut random) else { continue };
            let before = placement.moves;
            let accept = |placement: &mut Placement<'_>, broken: i64| {
                let saved = placement.problem.saved_by(node, broken);
                is_allowed(placement, attempt, saved, before, &helpers) && pending::keep_room(placement).is_ok()
            };
            if repack::empty(placement, node, &helpers, accept) {
                pools.forget(node);
            }
        }
    }
    exchange::exchange(placement, attempt, shares, &rank, &mut pools, &mut random);
    untangle::untangle(placement, 0..placement.problem.cluster.pods.len() as u32);
}

/// Do the limits allow, for this saving, what packing the helpers anew has moved? What moves for nothing is put back first.
fn is_allowed(
    placement: &mut Placement<'_>,
    attempt: &Attempt,
    saved: UsdPerHour,
    moves_before: usize,
    helpers: &[usize],
) -> bool {
    if !attempt.limits.are_set() {
        return saved >= UsdPerHour::ZERO;
    }
    let mut packed: Vec<u32> = helpers.iter().flat_map(|helper| placement.pods_on[*helper].iter().copied()).collect();
    packed.sort_unstable();
    untangle::untangle(placement, packed);
    attempt.limits.allow(saved, moves_before, placement.moves)
}

/// Does it move nothing, or does it save enough? Limits, where there are any, say themselves what is enough.
fn is_worthwhile(before: &Placement<'_>, after: &Placement<'_>, attempt: &Attempt) -> bool {
    let saved = after.worth() - before.worth();
    let moves = before.at.iter().zip(&after.at).any(|(before, after)| before != after && after.is_some());
    let nodes = 0..before.problem.cluster.nodes();
    let cost = nodes.filter_map(|node| before.problem.price(node)).sum::<UsdPerHour>() - before.saved();
    saved > UsdPerHour::ZERO && (!moves || attempt.limits.are_set() || saved >= cost.share(WORTHWHILE_PER_MILLE, 1_000))
}

/// May the pod go alone to any node that takes it?
fn is_free(problem: &Problem<'_>, pod: u32) -> bool {
    let number = pod as usize;
    problem.pod_blockers[number].is_none()
        && !problem.goes_with_node(number)
        && problem.together[number].is_none()
        && problem.cluster.pods[number].node.is_some()
}
