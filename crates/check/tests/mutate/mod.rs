//! Takes a legal plan and breaks it in every way that a rule forbids.
//!
//! Depends on `model` and `check` alone and on nothing of the plan's maker, so that other crates can include this file
//! (`#[path = "../../check/tests/mutate/mod.rs"] mod mutate;`) and break what they plan.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

mod change;
mod steps;
mod whole;

use check::{Rule, verify};
use model::{Node, Plan, Pod, Policy, Prices, Snapshot};

/// A cluster and a plan on it.
#[derive(Clone)]
pub struct Case {
    pub snapshot: Snapshot,
    pub prices: Prices,
    pub policy: Policy,
    pub plan: Plan,
}

/// A broken case, how it was broken, and the rules one of which must catch it.
pub struct Mutation {
    pub name: String,
    pub case: Case,
    pub expected: Vec<Rule>,
}

/// How many steps, spread over the plan, each breakage is tried on.
const STEPS: usize = 6;

/// Checks that the plan is legal, and that every mutation is caught by the rule it breaks. Gives the number of
/// mutations.
#[track_caller]
pub fn assert_all_caught(case: &Case) -> usize {
    let found = faults(case);
    assert!(found.is_empty(), "the plan is not legal to begin with: {}", found.join("\n"));
    let mutations = mutations(case);
    for mutation in &mutations {
        let Case { snapshot, prices, policy, plan } = &mutation.case;
        let faults = verify(snapshot, Some(prices), policy, plan);
        assert!(
            faults.iter().any(|fault| mutation.expected.contains(&fault.rule)),
            "{}: expected {:?}, found {:?}",
            mutation.name,
            mutation.expected,
            faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        );
    }
    mutations.len()
}

fn faults(case: &Case) -> Vec<String> {
    verify(&case.snapshot, Some(&case.prices), &case.policy, &case.plan).iter().map(ToString::to_string).collect()
}

/// Every mutation that applies to the case.
pub fn mutations(case: &Case) -> Vec<Mutation> {
    let mut mutations = Mutations { case, made: Vec::new() };
    let steps = case.plan.migrations.len();
    for at in (0..steps).step_by(steps.div_ceil(STEPS).max(1)) {
        mutations.identity(at);
        mutations.order(at);
        mutations.targets(at);
        mutations.placement(at);
        mutations.neighbours(at);
        mutations.volumes(at);
        mutations.evictions(at);
        mutations.budgets(at);
    }
    mutations.merged_waves();
    mutations.limits();
    mutations.nodes();
    mutations.figures();
    mutations.pending();
    mutations.made
}

struct Mutations<'a> {
    case: &'a Case,
    made: Vec<Mutation>,
}

impl<'a> Mutations<'a> {
    fn add(&mut self, name: &str, expected: &[Rule], change: impl FnOnce(&mut Case)) {
        let mut case = self.case.clone();
        change(&mut case);
        self.made.push(Mutation { name: name.to_owned(), case, expected: expected.to_vec() });
    }

    fn pod(&self, at: usize) -> &'a Pod {
        let step = &self.case.plan.migrations[at];
        self.case.snapshot.pod(&step.namespace, &step.pod).expect("a legal plan moves pods that are there")
    }

    /// The target, where it is a node of the snapshot.
    fn target(&self, at: usize) -> Option<&'a Node> {
        self.case.snapshot.node(&self.case.plan.migrations[at].to_node)
    }

    /// A pod that is on the target and stays.
    fn stays_on_target(&self, at: usize) -> Option<usize> {
        let Case { snapshot, plan, .. } = self.case;
        let to = &plan.migrations[at].to_node;
        let moves =
            |pod: &Pod| plan.migrations.iter().any(|step| step.namespace == pod.namespace && step.pod == pod.name);
        snapshot
            .pods
            .iter()
            .position(|pod| pod.node.as_ref() == Some(to) && !pod.is_finished() && !pod.terminating && !moves(pod))
    }
}
