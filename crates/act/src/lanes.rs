//! Which pods of a wave may leave when.
//!
//! Pods of one controller are as good as one another for the scheduler, so each controller has one target at a time: the
//! next is named once whatever takes the place of those before has a node. Pods that keep their name have each their own
//! target, and pods of nobody have none: these leave at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{Migration, Name};

/// A step with the uid of its pod's controller.
pub(crate) type Leaving<'s> = (&'s Migration, Option<Name>);

/// The pods of a wave that have yet to leave, and the controllers whose pods are under way.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// By controller, by target in the order of the plan: indices of steps.
    waiting: BTreeMap<Option<Name>, VecDeque<Vec<usize>>>,
    /// With how many that have no answer yet.
    under_way: BTreeMap<Name, usize>,
}

impl Lanes {
    /// All of these have yet to leave; where nobody is told of targets, a controller's leave together.
    pub(crate) fn new(leaving: &[Leaving<'_>], has_targets: bool) -> Lanes {
        let mut lanes = Lanes::default();
        for (number, (step, controller)) in leaving.iter().enumerate() {
            let groups = lanes.waiting.entry(controller.clone()).or_default();
            let together = !has_targets || controller.is_none() || keeps_its_name(step);
            match groups.iter_mut().find(|group| together || leaving[group[0]].0.to_node == step.to_node) {
                Some(group) => group.push(number),
                None => groups.push_back(vec![number]),
            }
        }
        lanes
    }

    /// What may leave now, first of controllers with the most targets to come, then in the order of the plan; `undecided`
    /// are controllers whose replacements have no node.
    pub(crate) fn next(&mut self, undecided: &BTreeSet<Name>) -> Vec<usize> {
        self.under_way.retain(|controller, unanswered| *unanswered > 0 || undecided.contains(controller));
        let mut next = Vec::new();
        for (controller, groups) in &mut self.waiting {
            if controller.as_ref().is_some_and(|controller| self.under_way.contains_key(controller)) {
                continue;
            }
            let group = groups.pop_front().unwrap_or_default();
            if let Some(controller) = controller {
                self.under_way.insert(controller.clone(), group.len());
            }
            next.extend(group.into_iter().map(|number| (Reverse(groups.len()), number)));
        }
        self.waiting.retain(|_, groups| !groups.is_empty());
        next.sort_unstable();
        next.into_iter().map(|(_, number)| number).collect()
    }

    /// May anything leave now?
    pub(crate) fn has_next(&self, undecided: &BTreeSet<Name>) -> bool {
        let is_free = |controller: &Name| {
            let unanswered = self.under_way.get(controller);
            unanswered.is_none_or(|unanswered| *unanswered == 0 && !undecided.contains(controller))
        };
        self.waiting.keys().any(|controller| controller.as_ref().is_none_or(is_free))
    }

    /// One that was to leave has left, or stays.
    pub(crate) fn answered(&mut self, controller: Option<&Name>) {
        if let Some(unanswered) = controller.and_then(|controller| self.under_way.get_mut(controller)) {
            *unanswered = unanswered.saturating_sub(1);
        }
    }

    /// Are pods of it under way?
    pub(crate) fn is_under_way(&self, controller: &str) -> bool {
        self.under_way.contains_key(controller)
    }

    /// Has everything left that was to leave?
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Pods of a StatefulSet come again under their name.
pub(crate) fn keeps_its_name(step: &Migration) -> bool {
    &*step.workload.kind == "StatefulSet"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(controller: u8, target: u8) -> Migration {
        let mut step = Migration { to_node: format!("node-{target}").into(), ..Migration::default() };
        step.workload.kind = if controller == 0 { "StatefulSet" } else { "Deployment" }.into();
        step
    }

    proptest! {
        /// Every pod leaves once; of one controller only to one target at a time, and to the next once all are placed;
        /// and nobody waits for another controller.
        #[test]
        fn each_controller_has_one_target_at_a_time(
            pods in proptest::collection::vec((0u8..5, 0u8..4), 0..40),
            has_targets in any::<bool>(),
            choices in proptest::collection::vec(any::<prop::sample::Index>(), 200),
        ) {
            let steps: Vec<Migration> = pods.iter().map(|(controller, target)| step(*controller, *target)).collect();
            // The last is nobody's.
            let name = |controller: u8| (controller < 4).then(|| Name::from(format!("{controller}")));
            let leaving: Vec<Leaving<'_>> =
                steps.iter().zip(&pods).map(|(step, (controller, _))| (step, name(*controller))).collect();
            let mut lanes = Lanes::new(&leaving, has_targets);
            let mut left = vec![0; leaving.len()];
            // Those that have left without an answer, and those answered whose replacements have no node.
            let (mut unanswered, mut unplaced): (Vec<usize>, Vec<usize>) = Default::default();
            for choice in choices {
                let is_free = |controller: &Name| {
                    unanswered.iter().chain(&unplaced).all(|number| leaving[*number].1.as_ref() != Some(controller))
                };
                let undecided: BTreeSet<Name> =
                    unplaced.iter().filter_map(|number| leaving[*number].1.clone()).collect();
                let expected: BTreeSet<Option<Name>> = (0..leaving.len())
                    .filter(|number| left[*number] == 0)
                    .map(|number| leaving[number].1.clone())
                    .filter(|controller| controller.as_ref().is_none_or(is_free))
                    .collect();
                prop_assert_eq!(lanes.has_next(&undecided), !expected.is_empty());
                let next = lanes.next(&undecided);
                let targets_to_come = |number: &usize| {
                    let same = |other: &usize| left[*other] == 0 && leaving[*other].1 == leaving[*number].1;
                    let shares = has_targets && !keeps_its_name(leaving[*number].0);
                    let others = (0..leaving.len()).filter(same).filter(|_| shares && leaving[*number].1.is_some());
                    others.map(|other| &leaving[other].0.to_node).collect::<BTreeSet<&Name>>().len()
                };
                prop_assert!(next.is_sorted_by_key(|number| (Reverse(targets_to_come(number).max(1)), *number)));
                let of: BTreeSet<Option<Name>> = next.iter().map(|number| leaving[*number].1.clone()).collect();
                prop_assert_eq!(of, expected);
                for number in &next {
                    left[*number] += 1;
                    let others = next.iter().filter(|other| leaving[**other].1 == leaving[*number].1);
                    let targets: BTreeSet<&Name> = others.map(|other| &leaving[*other].0.to_node).collect();
                    let shares = has_targets && leaving[*number].1.is_some() && !keeps_its_name(leaving[*number].0);
                    prop_assert!(!shares || targets.len() == 1);
                }
                unanswered.extend(next);
                if !unanswered.is_empty() && choice.index(2) == 0 {
                    let number = unanswered.swap_remove(choice.index(unanswered.len()));
                    lanes.answered(leaving[number].1.as_ref());
                    unplaced.push(number);
                } else if !unplaced.is_empty() {
                    unplaced.swap_remove(choice.index(unplaced.len()));
                }
            }
            prop_assert!(lanes.is_empty() == left.iter().all(|times| *times == 1));
            prop_assert!(left.iter().all(|times| *times <= 1));
        }
    }
}
