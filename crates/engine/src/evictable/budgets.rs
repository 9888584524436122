//! Which budget covers which pod, and whether it lets it go.

use std::collections::BTreeMap;

use model::{DisruptionsSpent, FindingCode, Name, Snapshot};

use super::Blocker;

/// The eviction API refuses while a budget still waits for this many evicted pods to disappear.
const MOST_DISRUPTED_PODS: i64 = 2_000;

/// Budgets by pod.
#[derive(Default)]
pub struct Budgets {
    by_pod: Vec<Vec<u32>>,
}

impl Budgets {
    /// Works out which budgets cover which pods.
    pub fn new(snapshot: &Snapshot) -> Budgets {
        let mut by_namespace: BTreeMap<&Name, Vec<u32>> = BTreeMap::new();
        for (number, budget) in snapshot.budgets.iter().enumerate() {
            by_namespace.entry(&budget.namespace).or_default().push(number as u32);
        }
        let by_pod = snapshot.pods.iter().map(|pod| {
            let candidates = by_namespace.get(&pod.namespace).map_or(&[][..], Vec::as_slice);
            candidates.iter().copied().filter(|at| snapshot.budgets[*at as usize].covers(pod)).collect()
        });
        Budgets { by_pod: by_pod.collect() }
    }

    pub(super) fn insert(&mut self, snapshot: &Snapshot, at: usize) {
        let covers = |number: &usize| snapshot.budgets[*number].covers(&snapshot.pods[at]);
        let covering = (0..snapshot.budgets.len()).filter(covers).map(|number| number as u32);
        self.by_pod.insert(at, covering.collect());
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.by_pod.remove(at);
    }

    /// The budgets that cover a pod, as indexes in `Snapshot::budgets`.
    pub fn of(&self, pod: usize) -> &[u32] {
        &self.by_pod[pod]
    }

    /// The budget that the pod's eviction takes from, if any.
    pub fn spent_by(&self, snapshot: &Snapshot, pod: usize) -> Option<u32> {
        let [budget] = self.of(pod) else { return None };
        let spends = snapshot.budgets[*budget as usize].spends(&snapshot.pods[pod]);
        (spends == DisruptionsSpent::One).then_some(*budget)
    }

    pub(super) fn blocker(&self, snapshot: &Snapshot, pod: usize) -> Option<Blocker> {
        let number = match self.of(pod) {
            [] => return None,
            [number] => *number,
            several => {
                let names: Vec<String> = several.iter().map(|at| snapshot.budgets[*at as usize].key()).collect();
                let reason =
                    format!("{} budgets cover it ({}), so the eviction API refuses", names.len(), names.join(", "));
                let remedy = "let one budget cover each pod".to_owned();
                return Some(Blocker::new(FindingCode::BudgetDoubled, reason).remedy(remedy));
            }
        };
        let budget = &snapshot.budgets[number as usize];
        let key = budget.key();
        if budget.spends(&snapshot.pods[pod]) == DisruptionsSpent::None {
            return None;
        }
        if budget.observed_generation < budget.generation || budget.disrupted_pods > MOST_DISRUPTED_PODS {
            let reason = format!("the status of budget {key} is not current");
            return Some(Blocker::new(FindingCode::BudgetNotObserved, reason));
        }
        if budget.disruptions_allowed <= 0 {
            let (healthy, desired) = (budget.current_healthy, budget.desired_healthy);
            let reason =
                format!("budget {key} allows no disruption ({healthy} healthy, {desired} wanted: {})", budget.limit);
            let remedy = format!("let budget {key} allow one disruption, or run one replica more");
            return Some(Blocker::new(FindingCode::BudgetExhausted, reason).remedy(remedy));
        }
        None
    }
}
