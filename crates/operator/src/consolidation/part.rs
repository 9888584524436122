//! As much of a plan as one object holds.
//!
//! What is left out is not cut off: the plan is made again with fewer moves, so that it is the best of its size and legal
//! alone. Once it is done, the next look makes another of what is left.

use crds::MigrationPlan;
use model::Plan;

/// etcd takes objects of 1.5 MiB, with the status and the managed fields.
const LARGEST_BYTES: usize = 1_400_000;
/// What the outcome of a step takes in both, with a message of some length.
const OUTCOME_BYTES: usize = 500;

/// Does the object hold its plan, and the outcomes of all of its steps?
pub fn fits(object: &MigrationPlan) -> bool {
    bytes(object) <= LARGEST_BYTES
}

/// A plan of fewer moves that one object holds, where it does not hold this one.
pub fn that_fits(whole: &Plan, with_at_most: impl Fn(u32) -> Plan) -> Option<Plan> {
    within(LARGEST_BYTES, whole, with_at_most)
}

fn within(largest: usize, whole: &Plan, with_at_most: impl Fn(u32) -> Plan) -> Option<Plan> {
    let mut part: Option<Plan> = None;
    loop {
        let plan = part.as_ref().unwrap_or(whole);
        let (bytes, moves) = (bytes(&without_explanations(plan)), plan.migrations.len());
        if bytes <= largest {
            return part;
        }
        // A little less than its share: steps are not all as long.
        let most = (moves * largest / bytes * 9 / 10).min(moves.saturating_sub(1));
        // What is left says too much of its nodes alone; whoever writes it says so.
        let most = u32::try_from(most).ok().filter(|most| *most > 0)?;
        part = Some(with_at_most(most));
    }
}

fn without_explanations(plan: &Plan) -> MigrationPlan {
    let mut object = MigrationPlan::from(plan);
    while explain_less(&mut object) {}
    object
}

/// Leaves out what explains most at length; false where nothing is left that only explains.
pub fn explain_less(object: &mut MigrationPlan) -> bool {
    let spec = &mut object.spec;
    if !spec.findings.is_empty() {
        spec.findings.clear();
    } else if !spec.rollback.is_empty() {
        spec.rollback.clear();
    } else if spec.bound.take().is_some() {
        if let Some(summary) = &mut spec.summary {
            (summary.usd_per_hour_lower_bound, summary.gap) = (None, None);
        }
    } else {
        return false;
    }
    true
}

fn bytes(object: &MigrationPlan) -> usize {
    let written = serde_json::to_vec(object).map_or(usize::MAX, |written| written.len());
    written.saturating_add(object.spec.migrations.len() * OUTCOME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Migration, PlannedNodes, Summary, Time};

    /// A plan of so many moves, the later ones with longer names.
    fn plan(moves: usize) -> Plan {
        let step = |number: usize| Migration {
            pod: format!("{}-{number}", "app".repeat(1 + number % 7 + number / 50)).into(),
            ..Migration::default()
        };
        Plan {
            name: "consolidate".to_owned(),
            cluster: String::new(),
            taken_at: Time(0),
            digest: String::new(),
            migrations: (0..moves).map(step).collect(),
            nodes: PlannedNodes::default(),
            summary: Summary { migrations: moves, ..Summary::default() },
            bound: None,
            findings: Vec::new(),
            constraints: Vec::new(),
        }
    }

    #[test]
    fn the_part_fits_and_is_most_of_what_would() {
        for moves in [0, 1, 10, 300, 1_000] {
            let whole = plan(moves);
            for largest in [1_000, 20_000, 200_000, 2_000_000] {
                let fitting = (0..=moves).rev().find(|most| bytes(&without_explanations(&plan(*most))) <= largest);
                let part = within(largest, &whole, |most| plan(moves.min(most as usize)));
                match (part, fitting) {
                    (None, Some(fitting)) => assert!(fitting == moves || fitting == 0, "{moves} {largest}: {fitting}"),
                    (None, None) => {}
                    (Some(part), Some(fitting)) => {
                        let moves = part.migrations.len();
                        assert!(moves <= fitting && moves * 10 >= fitting * 6, "{moves} of {fitting}");
                    }
                    (Some(part), None) => panic!("{} moves do not fit {largest}", part.migrations.len()),
                }
            }
        }
    }

    #[test]
    fn what_explains_goes_before_what_is_to_be_done() {
        let mut plan = plan(3);
        plan.bound = Some(model::BoundCertificate::default());
        plan.summary.usd_per_hour_lower_bound = Some(model::UsdPerHour::ZERO);
        let mut object = MigrationPlan::from(&plan);
        assert!(object.spec.bound.is_some());
        while explain_less(&mut object) {}
        assert!(object.spec.bound.is_none() && object.spec.migrations.len() == 3);
        assert!(object.spec.summary.is_some_and(|summary| summary.usd_per_hour_lower_bound.is_none()));
    }
}
