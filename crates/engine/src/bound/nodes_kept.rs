//! How many nodes of each group the relaxation keeps at the least cost: the program whose dual gives the prices.

use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Problem as Program, Variable};

use super::dual_prices::bundles;
use super::relaxation::Relaxation;

/// By group, how many nodes; nothing where none can go, or where the program has no answer. A group may have as many as
/// it has nodes, or as `most` says.
pub(super) fn nodes_kept(relaxation: &Relaxation<'_>, most: &[Option<f64>]) -> Vec<Option<f64>> {
    solve(relaxation, most).unwrap_or_else(|| vec![None; relaxation.groups.len()])
}

fn solve(relaxation: &Relaxation<'_>, most: &[Option<f64>]) -> Option<Vec<Option<f64>>> {
    let bundles = bundles(relaxation);
    let width = relaxation.width();
    let mut program = Program::new(OptimizationDirection::Minimize);
    let mut room: Vec<Vec<LinearExpr>> = Vec::new();
    let mut free: Vec<Vec<f64>> = Vec::new();
    let mut kept: Vec<Option<Variable>> = Vec::new();
    for (at, (group, rooms)) in relaxation.groups.iter().zip(&relaxation.rooms).enumerate() {
        let count = rooms.len() as f64;
        let total = |resource: usize| rooms.iter().map(|room| room.amounts[resource]).sum::<f64>();
        let totals: Vec<f64> = (0..width).map(total).collect();
        let price = rooms.iter().map(|room| room.usd_per_hour).sum::<f64>() / count;
        let variable =
            group.can_go.then(|| program.add_var(price, (0.0, most.get(at).copied().flatten().unwrap_or(count))));
        let row = |resource: usize| {
            let mut row = LinearExpr::empty();
            variable.iter().for_each(|variable| row.add(*variable, -totals[resource] / count));
            row
        };
        room.push((0..width).map(row).collect());
        free.push(if group.can_go { vec![0.0; width] } else { totals.clone() });
        kept.push(variable);
    }
    for bundle in &bundles {
        let mut whole = LinearExpr::empty();
        for group in &bundle.groups {
            let part = program.add_var(0.0, (0.0, 1.0));
            whole.add(part, 1.0);
            for (row, amount) in room[*group as usize].iter_mut().zip(&bundle.amounts) {
                row.add(part, *amount);
            }
        }
        program.add_constraint(whole, ComparisonOp::Ge, 1.0);
    }
    for (rows, free) in room.into_iter().zip(free) {
        for (row, free) in rows.into_iter().zip(free) {
            program.add_constraint(row, ComparisonOp::Le, free);
        }
    }
    let solution = program.solve().ok()?.into_solution().ok()?;
    Some(kept.into_iter().map(|kept| kept.map(|kept| solution.var_value(kept))).collect())
}
