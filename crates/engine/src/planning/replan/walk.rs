//! Goes through the waves again, asking of everything that a change bears on whether it is still legal.

use crate::planning::allowance::Allowance;
use crate::planning::waves::{Member, Move, Sequence, Wave};
use crate::state::{Holds, State, Tally};

use super::Live;
use super::scope::Scope;

/// The steps of the first wave in which some are legal no more. All counts are as before when it is over.
pub(super) fn walk(live: &mut Live<'_>, scope: &Scope) -> Vec<Move> {
    let problem = live.problem;
    let nothing = || State::of_tally(problem.cluster, Tally::default());
    let mut sequence = Sequence {
        problem,
        holding: std::mem::replace(&mut live.holding, nothing()),
        leaving: std::mem::replace(&mut live.leaving, nothing()),
        survival: live.survival.clone(),
        left_on: Default::default(),
        scope: Some(scope),
    };
    let mut done = Done::default();
    let refused = go_through(live, scope, &mut sequence, &mut done);
    done.undo(&mut sequence);
    let tallies = [sequence.holding, sequence.leaving].map(State::into_tally);
    [live.holding, live.leaving] = tallies.map(|tally| State::of_tally(problem.cluster, tally));
    refused
}

fn go_through(live: &Live<'_>, scope: &Scope, sequence: &mut Sequence<'_, '_>, done: &mut Done) -> Vec<Move> {
    let problem = live.problem;
    let classes = scope.classes(problem.cluster);
    let in_scope = |step: &&Move| scope.has_step(live, &classes, step);
    let emptied = emptied(live);
    done.groups = scope.spread.iter().copied().collect();
    for (number, steps) in live.waves.iter().enumerate() {
        let mut wave = Wave::default();
        let mut allowance = Allowance::new(problem.snapshot(), &problem.evictable);
        let mut refused = Vec::new();
        for step in steps.iter().filter(in_scope) {
            if !sequence.admit(&mut wave, &mut allowance, step) {
                refused.push(step.clone());
            }
        }
        if !refused.is_empty() {
            while !wave.members.is_empty() {
                sequence.drop_last(&mut wave);
            }
            return refused;
        }
        sequence.finish(&wave);
        done.members.extend(wave.members);
        for node in &emptied[number] {
            for pod in &problem.cluster.pods_on[*node as usize] {
                let class = problem.cluster.pods[*pod as usize].class;
                if classes[class as usize] && problem.goes_with_node(*pod as usize) {
                    sequence.holding.take(*pod as usize, *node as usize, Holds::AsSeen);
                    sequence.leaving.take(*pod as usize, *node as usize, Holds::AsSeen);
                    done.gone_with_nodes.push((*pod, *node));
                }
            }
            sequence.holding.remove_node_from(&done.groups, *node as usize);
            sequence.leaving.remove_node_from(&done.groups, *node as usize);
            done.nodes.push(*node);
        }
    }
    Vec::new()
}

/// What was counted on the way. Counts are the same whatever the order in which it is taken back.
#[derive(Default)]
struct Done {
    members: Vec<Member>,
    gone_with_nodes: Vec<(u32, u32)>,
    nodes: Vec<u32>,
    groups: Vec<u32>,
}

impl Done {
    fn undo(self, sequence: &mut Sequence<'_, '_>) {
        for state in [&mut sequence.holding, &mut sequence.leaving] {
            self.nodes.iter().for_each(|node| state.return_node_to(&self.groups, *node as usize));
            for (pod, node) in &self.gone_with_nodes {
                state.put(*pod as usize, *node as usize, Holds::AsSeen);
            }
            for member in &self.members {
                state.take(member.pod as usize, member.to as usize, Holds::Requests);
                state.put(member.pod as usize, member.from as usize, Holds::AsSeen);
            }
        }
    }
}

/// By wave: nodes that are gone when it is over. Those that were empty from the start go with the first.
fn emptied(live: &Live<'_>) -> Vec<Vec<u32>> {
    let mut last = vec![0; live.problem.cluster.nodes()];
    for (number, steps) in live.waves.iter().enumerate() {
        steps.iter().for_each(|step| last[step.from as usize] = number);
    }
    let mut emptied = vec![Vec::new(); live.waves.len().max(1)];
    live.goal.removed.iter().for_each(|node| emptied[last[*node as usize]].push(*node));
    emptied
}
