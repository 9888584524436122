//! What may be evicted at all, and how much of a budget or a workload a wave takes.

use std::collections::BTreeMap;

use model::{DisruptionsSpent, Method, Snapshot};

use super::identity::Step;
use crate::evictable::{Blocker, Evictions, allowance};
use crate::rule::{Fault, Rule};

/// Every pod that moves may move in the way that its step names.
pub(super) fn evictable(snapshot: &Snapshot, evictions: &Evictions, steps: &[Step]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for step in steps {
        if let Err(blocker) = evictions.pod_allows(&snapshot.pods[step.pod], step.migration.method) {
            let rule = match blocker {
                Blocker::CannotSurge(_) => Rule::CannotSurge,
                _ => Rule::NotEvictable,
            };
            faults.push(Fault::new(rule, blocker.to_string()).at_step(step.at, step.migration));
        }
    }
    faults
}

/// A wave takes from a budget what its status allows, and from a workload without one a quarter of what is ready. A pod
/// that surges is replaced before it goes, and takes from neither.
pub(super) fn check(snapshot: &Snapshot, evictions: &Evictions, steps: &[Step]) -> Vec<Fault> {
    let mut faults = Vec::new();
    // By wave and budget (its place in the namespace's order would do as well as its name), and by wave and workload.
    let mut taken: BTreeMap<(u32, String), i64> = BTreeMap::new();
    let mut lost: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for step in steps {
        let pod = &snapshot.pods[step.pod];
        let wave = step.migration.wave;
        let fault = |rule: Rule, message: String| Fault::new(rule, message).at_step(step.at, step.migration);
        match evictions.budgets_of(pod).as_slice() {
            [] | [_] if step.migration.method == Method::Surge => {}
            [] => {
                let Some(workload) = pod.workload else { continue };
                let ready = evictions.ready(workload);
                let lost = lost.entry((wave, workload)).or_default();
                // Pods that are not ready count too: they may become so.
                *lost += 1;
                if *lost > ready.div_ceil(4) {
                    let message = format!("the wave takes {lost} pods of a workload with {ready} ready and no budget");
                    faults.push(fault(Rule::WorkloadQuarter, message));
                }
            }
            [budget] => {
                if budget.spends(pod) == DisruptionsSpent::None {
                    continue;
                }
                let taken = taken.entry((wave, budget.key())).or_default();
                *taken += 1;
                if *taken > allowance(budget) {
                    let message = format!(
                        "the wave takes {taken} from budget {}, which allows {}",
                        budget.key(),
                        allowance(budget)
                    );
                    faults.push(fault(Rule::BudgetExceeded, message));
                }
            }
            several => {
                let names: Vec<String> = several.iter().map(|budget| budget.key()).collect();
                faults.push(fault(Rule::BudgetDoubled, format!("budgets {} cover the pod", names.join(", "))));
            }
        }
    }
    faults
}
