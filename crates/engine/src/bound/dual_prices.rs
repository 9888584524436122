//! The dual prices, by linear programming: the best for pods taken together by the shape of what they ask.

use std::collections::BTreeMap;

use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Problem as Program, Solution, SolveOutcome, Variable};

use super::relaxation::{Demand, Relaxation, Room};

/// How often rows are added for groups where pods would pay less than they are said to.
const MOST_ROUNDS: usize = 40;
/// Rooms of a group are told apart in the program as long as there are no more kinds than this.
const MOST_ROOMS: usize = 24;

/// For each group a price of each resource, or zeros where the program has no answer: they prove little, but nothing
/// false.
pub(super) fn dual_prices(relaxation: &Relaxation<'_>) -> Vec<f64> {
    let unknown = || vec![0.0; relaxation.groups.len() * relaxation.width()];
    solve(relaxation).unwrap_or_else(unknown)
}

/// Pods that may be on the same groups and ask in much the same proportions: their sum is what the program sees.
pub(super) fn bundles(relaxation: &Relaxation<'_>) -> Vec<Demand> {
    let mut bundles: BTreeMap<(Vec<u32>, Vec<i32>), Demand> = BTreeMap::new();
    for demand in &relaxation.demands {
        // To a quarter of an octave, against the CPU or whatever comes first; a pod's place counts as a resource too.
        let octave = |amount: f64| if amount > 0.0 { (amount.log2() * 4.0).round() as i32 } else { i32::MIN };
        let whole = demand.amounts[0].max(1e-3);
        let shape = demand.amounts.iter().map(|amount| octave(amount / whole)).collect();
        let bundle = bundles.entry((demand.groups.clone(), shape)).or_insert_with(|| Demand {
            groups: demand.groups.clone(),
            amounts: vec![0.0; demand.amounts.len()],
            pods: 1.0,
        });
        for (sum, amount) in bundle.amounts.iter_mut().zip(&demand.amounts) {
            *sum += amount * demand.pods;
        }
    }
    bundles.into_values().collect()
}

fn solve(relaxation: &Relaxation<'_>) -> Option<Vec<f64>> {
    let bundles = bundles(relaxation);
    let width = relaxation.width();
    if bundles.is_empty() {
        return None;
    }
    let dearest = relaxation.rooms.iter().flatten().map(|room| room.usd_per_hour).fold(0.0, f64::max);
    let mut paid_in = vec![false; relaxation.groups.len() * width];
    for bundle in &bundles {
        for (group, resource) in bundle.groups.iter().flat_map(|group| (0..width).map(move |at| (*group, at))) {
            paid_in[group as usize * width + resource] |= bundle.amounts[resource] > 0.0;
        }
    }
    let mut program = Program::new(OptimizationDirection::Maximize);
    let mut prices: Vec<Variable> = Vec::new();
    for (group, rooms) in relaxation.groups.iter().zip(&relaxation.rooms) {
        let total = |resource: usize| rooms.iter().map(|room| room.amounts[resource]).sum::<f64>();
        for resource in 0..width {
            let earned = if group.can_go { 0.0 } else { -total(resource) };
            // A price that nobody pays is zero.
            let most = if paid_in[prices.len()] { 10.0 * dearest } else { 0.0 };
            prices.push(program.add_var(earned, (0.0, most)));
        }
    }
    for (group, rooms) in relaxation.rooms.iter().enumerate().filter(|(group, _)| relaxation.groups[*group].can_go) {
        let is_unlimited = relaxation.groups[group].is_unlimited;
        for (amounts, usd_per_hour, count) in kinds_of_room(rooms, if is_unlimited { usize::MAX } else { MOST_ROOMS }) {
            let mut earned = expression(&prices[group * width..][..width], &amounts, 1.0);
            if !is_unlimited {
                let above_cost = program.add_var(-count, (0.0, f64::INFINITY));
                earned.add(above_cost, -1.0);
            }
            program.add_constraint(earned, ComparisonOp::Le, usd_per_hour);
        }
    }
    let paid: Vec<Variable> = bundles.iter().map(|_| program.add_var(1.0, (0.0, f64::INFINITY))).collect();
    let row = |bundle: usize, group: u32| {
        let mut row = expression(&prices[group as usize * width..][..width], &bundles[bundle].amounts, -1.0);
        row.add(paid[bundle], 1.0);
        row
    };
    let mut has_row: Vec<Vec<bool>> = bundles.iter().map(|_| vec![false; relaxation.groups.len()]).collect();
    for (at, bundle) in bundles.iter().enumerate() {
        // One row for each keeps the program bounded: the groups in turn, so that all are asked for.
        let group = bundle.groups[at % bundle.groups.len()];
        program.add_constraint(row(at, group), ComparisonOp::Le, 0.0);
        has_row[at][group as usize] = true;
    }
    let mut solution = done(program.solve().ok()?)?;
    for _ in 0..MOST_ROUNDS {
        let values: Vec<f64> = prices.iter().map(|price| solution.var_value(*price).max(0.0)).collect();
        let of_group: Vec<&[f64]> = values.chunks(width).collect();
        let mut is_done = true;
        for (at, bundle) in bundles.iter().enumerate() {
            let (group, pays) = bundle.cheapest(&of_group);
            let said = solution.var_value(paid[at]);
            if said > pays + 1e-7 * said.abs().max(1.0) && !has_row[at][group as usize] {
                has_row[at][group as usize] = true;
                is_done = false;
                solution = done(solution.add_constraint(row(at, group), ComparisonOp::Le, 0.0).ok()?)?;
            }
        }
        if is_done {
            break;
        }
    }
    Some(prices.iter().map(|price| solution.var_value(*price).max(0.0)).collect())
}

fn done(outcome: SolveOutcome) -> Option<Solution> {
    outcome.into_solution().ok()
}

fn expression(variables: &[Variable], amounts: &[f64], sign: f64) -> LinearExpr {
    let mut sum = LinearExpr::empty();
    for (variable, amount) in variables.iter().zip(amounts).filter(|(_, amount)| **amount != 0.0) {
        sum.add(*variable, sign * amount);
    }
    sum
}

/// Rooms that are the same, with how many; only their mean where there are too many kinds.
pub(super) fn kinds_of_room(rooms: &[Room], most: usize) -> Vec<(Vec<f64>, f64, f64)> {
    let mut kinds: BTreeMap<Vec<u64>, (Vec<f64>, f64, f64)> = BTreeMap::new();
    for room in rooms {
        let key = room.amounts.iter().chain([&room.usd_per_hour]).map(|amount| amount.to_bits()).collect();
        kinds.entry(key).or_insert_with(|| (room.amounts.clone(), room.usd_per_hour, 0.0)).2 += 1.0;
    }
    if kinds.len() <= most {
        return kinds.into_values().collect();
    }
    let count = rooms.len() as f64;
    let mean = |part: &dyn Fn(&Room) -> f64| rooms.iter().map(part).sum::<f64>() / count;
    let amounts = (0..rooms[0].amounts.len()).map(|resource| mean(&|room| room.amounts[resource])).collect();
    vec![(amounts, mean(&|room| room.usd_per_hour), count)]
}
