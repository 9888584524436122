//! Figures of a summary that follow from the others: a plan whose own sums contradict each other is refused.

use model::Plan;

use super::error::PlanError;
use super::resource::Summary;

/// Other programs may sum in another order; a real contradiction is far larger.
const TOLERANCE: f64 = 1e-6;

/// Refuses figures that do not follow from the plan's own totals.
pub(super) fn check(meant: &model::Summary, written: &Summary) -> Result<(), PlanError> {
    let saved = meant.saved().dollars_per_month();
    if !agrees(written.usd_per_month_saved, saved) {
        let wrong = format!("{} does not follow from the totals, which give {saved}", written.usd_per_month_saved);
        return Err(PlanError::field("spec.summary.usdPerMonthSaved", wrong));
    }
    match (written.gap, meant.gap()) {
        (Some(gap), Some(follows)) if !agrees(gap, follows) => {
            let wrong = format!("{gap} does not follow from the totals, which give {follows}");
            Err(PlanError::field("spec.summary.gap", wrong))
        }
        (Some(_), None) => Err(PlanError::field("spec.summary.gap", "there is no lower bound to measure it from")),
        _ => Ok(()),
    }
}

/// Refuses a number of placement hints that is not that of the steps which need one.
pub(super) fn check_hints(plan: &Plan, written: Option<usize>) -> Result<(), PlanError> {
    let needed = plan.placement_hints();
    match written {
        Some(hints) if hints != needed => {
            let wrong = format!("{hints} does not follow from the migrations, of which {needed} need one");
            Err(PlanError::field("spec.summary.placementHints", wrong))
        }
        _ => Ok(()),
    }
}

fn agrees(written: f64, follows: f64) -> bool {
    written.is_finite() && (written - follows).abs() <= TOLERANCE * follows.abs().max(1.0)
}
