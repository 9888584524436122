//! What is kept of a plan: all that was worked out for it, without the snapshot that it was worked out of.

use std::collections::BTreeSet;

use model::{Pod, Policy, Prices, Snapshot};

use crate::bound::Ledger;
use crate::cluster::{Cluster, Compiled};
use crate::evictable::{self, Evictable};
use crate::planning::Problem;
use crate::planning::effort::Work;
use crate::planning::placement::{KeptPlacement, Placement};
use crate::planning::problem::Facts;
use crate::planning::survival::Survival;
use crate::planning::wave_seconds;
use crate::planning::waves::{Move, Sequence};
use crate::state::{State, Tally};

/// Kept between two changes.
#[derive(Default)]
pub(super) struct Kept {
    pub compiled: Compiled,
    pub counted: evictable::Counted,
    pub facts: Facts,
    pub goal: KeptPlacement,
    holding: Tally,
    leaving: Tally,
    pub survival: Survival,
    pub waves: Vec<Vec<Move>>,
    pub ledger: Ledger,
    /// By wave: how long it takes, where that was worked out.
    pub seconds: Vec<Option<i64>>,
    /// By pod: its workload, or `u32::MAX`.
    pub workload_of: Vec<u32>,
    /// Nodes cordoned since all was planned.
    pub cordoned: BTreeSet<u32>,
    /// The pod that was taken out last.
    pub left: Option<Left>,
}

/// A pod that was taken out.
pub(super) struct Left {
    pub pod: Pod,
    pub class: u32,
    /// How many ready pods its workload had with it.
    pub ready: u32,
}

/// The same, alive.
pub(super) struct Live<'p> {
    pub problem: &'p Problem<'p>,
    /// Where everything is to be in the end.
    pub goal: Placement<'p>,
    /// As a sequence of waves begins (`planning::waves`).
    pub holding: State<'p, 'p>,
    pub leaving: State<'p, 'p>,
    pub survival: Survival,
    pub waves: Vec<Vec<Move>>,
    pub ledger: Ledger,
    /// By wave: how long it takes, where that was worked out.
    pub seconds: Vec<Option<i64>>,
    /// Nodes cordoned since all was planned.
    pub cordoned: &'p BTreeSet<u32>,
    /// By pod: its workload, or `u32::MAX`.
    pub workload_of: &'p [u32],
}

impl Kept {
    /// Of a placement and its waves.
    pub(super) fn new(problem: Problem<'_>, goal: KeptPlacement, waves: Vec<Vec<Move>>, ledger: Ledger) -> Kept {
        let workload_of = problem.snapshot().pods.iter().map(|pod| pod.workload.unwrap_or(u32::MAX)).collect();
        let seconds = waves.iter().map(|wave| Some(wave_seconds(&problem, wave))).collect();
        let (holding, leaving, survival) = {
            let goal = Placement::of_kept(&problem, goal.clone());
            let sequence = Sequence::new(&problem, &goal);
            (sequence.holding.into_tally(), sequence.leaving.into_tally(), sequence.survival)
        };
        let compiled = Compiled::default();
        let (counted, facts) = (problem.evictable.counts, problem.facts);
        Kept {
            compiled,
            counted,
            facts,
            goal,
            holding,
            leaving,
            survival,
            waves,
            ledger,
            seconds,
            workload_of,
            ..Kept::default()
        }
    }

    /// Does something with all that is kept.
    pub(super) fn with<R>(
        &mut self,
        snapshot: &Snapshot,
        prices: &Prices,
        policy: &Policy,
        act: impl FnOnce(&mut Live<'_>) -> R,
    ) -> R {
        let cluster = Cluster { snapshot, compiled: std::mem::take(&mut self.compiled) };
        let counts = std::mem::take(&mut self.counted);
        let evictable = Evictable::of_counts(snapshot, policy, counts);
        let facts = std::mem::take(&mut self.facts);
        let problem = Problem { cluster: &cluster, prices, policy, evictable, work: Work::default(), facts };
        let mut live = Live {
            problem: &problem,
            goal: Placement::of_kept(&problem, std::mem::take(&mut self.goal)),
            holding: State::of_tally(&cluster, std::mem::take(&mut self.holding)),
            leaving: State::of_tally(&cluster, std::mem::take(&mut self.leaving)),
            survival: std::mem::take(&mut self.survival),
            waves: std::mem::take(&mut self.waves),
            ledger: std::mem::take(&mut self.ledger),
            seconds: std::mem::take(&mut self.seconds),
            cordoned: &self.cordoned,
            workload_of: &self.workload_of,
        };
        let result = act(&mut live);
        let Live { goal, holding, leaving, survival, waves, ledger, seconds, .. } = live;
        self.goal = goal.into_kept();
        (self.holding, self.leaving) = (holding.into_tally(), leaving.into_tally());
        (self.survival, self.waves, self.ledger, self.seconds) = (survival, waves, ledger, seconds);
        (self.counted, self.facts) = (problem.evictable.counts, problem.facts);
        self.compiled = cluster.compiled;
        result
    }
}
