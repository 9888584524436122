//! One wave: hints, evictions, and the wait for what takes the place of what left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use model::{Method, Migration, Name};
use tracing::{Instrument, debug_span};

use crate::carry_out::{Execution, Stop};
use crate::eviction::{Evicted, Run, evict};
use crate::hints::{self, Targets};
use crate::pods::Watched;
use crate::progress::{Done, Progress};
use crate::settling::Settling;
use crate::surge;

/// Evictions asked for at once; the pace of writes bounds them further.
const EVICTIONS_AT_ONCE: usize = 16;
/// How often somebody who waits is told what for.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A step with the uid of its pod's controller.
type Leaving<'s> = (&'s Migration, Option<Name>);

impl Execution<'_> {
    /// Evicts the pods of a wave and waits until each has a replacement that is ready.
    pub(crate) async fn wave(&mut self, wave: &[Migration], pods: &Watched) -> Result<(), Stop> {
        let mut settling = pods.now(|pods| Settling::new(pods, wave.iter().map(|step| &step.uid)));
        let controller = |step: &Migration| pods.now(|pods| pods.by_uid.get(&step.uid)?.controller.clone());
        let (surging, evicting): (Vec<&Migration>, Vec<&Migration>) =
            wave.iter().partition(|step| step.method == Method::Surge);
        let leaving: Vec<Leaving<'_>> = evicting.iter().map(|step| (*step, controller(step))).collect();
        let mut refused: BTreeMap<Name, String> = BTreeMap::new();
        let mut evicted = Vec::new();
        let mut targets = Targets::new();
        let mut namespaces: Vec<&str> = wave.iter().map(|step| &*step.namespace).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let mut surged = Vec::new();
        // A node of which one pod may not go keeps all: nobody is evicted from it for nothing.
        for ((step, _), answer) in self.evict_all(&leaving, Run::Dry).await {
            if let Evicted::Refused(reason) = answer {
                refused.insert(step.from_node.clone(), refused_by(step, &reason));
            }
        }
        for step in surging {
            if refused.contains_key(&step.from_node) {
                continue;
            }
            (self.listener)(Progress::Surging(step));
            match surge::surge(self.cluster, step).await {
                Evicted::Granted => surged.push(step),
                Evicted::Gone => self.done(step, Done::Gone),
                Evicted::Refused(reason) => {
                    refused.insert(step.from_node.clone(), refused_by(step, &reason));
                }
            }
        }
        for mut round in self.rounds(&leaving) {
            // A node that keeps one pod keeps all: the rest of its pods need not go.
            round.retain(|(step, _)| !refused.contains_key(&step.from_node));
            self.hint(&round, &mut targets, &namespaces).await;
            for ((step, controller), answer) in self.evict_all(&round, Run::Real).await {
                match answer {
                    Evicted::Granted => {
                        settling.evicted(controller.clone(), step.uid.clone());
                        evicted.push((step, controller));
                    }
                    Evicted::Gone => self.done(step, Done::Gone),
                    Evicted::Refused(reason) => {
                        refused.insert(step.from_node.clone(), refused_by(step, &reason));
                    }
                }
            }
            // The next round has other targets. Pods that keep their name have theirs for as long as the wave lasts.
            let shared = round.iter().filter(|(step, _)| !keeps_its_name(step));
            let shared: BTreeSet<Name> = shared.filter_map(|(_, controller)| controller.clone()).collect();
            if !pods.until(self.within(&evicted), |pods| settling.are_placed(pods, &shared)).await {
                break;
            }
        }
        if let Err(reason) = self.settle(&evicted, &settling, pods).await {
            for (step, _) in evicted {
                self.done(step, Done::Failed(reason.clone()));
            }
            return Err(Stop::RollBack(reason));
        }
        for step in surged {
            if let Err(reason) = surge::is_over(self.cluster, step, pods, self.options.ready_within).await {
                self.done(step, Done::Failed(reason.clone()));
                return Err(Stop::RollBack(reason));
            }
            self.done(step, Done::Moved { landed_on: None });
        }
        self.replacements.extend(pods.now(|pods| settling.all_replacements(pods)));
        for (step, landed_on) in pods.now(|pods| settling.landings(pods, &evicted)) {
            self.done(step, Done::Moved { landed_on });
        }
        self.keep(refused).await
    }

    /// Pods of one controller are as good as one another for the scheduler: in a round each controller's have one
    /// target. Those that keep their name have each their own.
    fn rounds<'s>(&self, wave: &[Leaving<'s>]) -> Vec<Vec<Leaving<'s>>> {
        if self.hints.is_none() {
            return vec![wave.to_vec()];
        }
        let mut targets_of: BTreeMap<&Option<Name>, Vec<&Name>> = BTreeMap::new();
        let mut rounds: Vec<Vec<Leaving<'s>>> = Vec::new();
        for (step, controller) in wave {
            let round = if keeps_its_name(step) {
                0
            } else {
                let targets = targets_of.entry(controller).or_default();
                targets.iter().position(|target| **target == step.to_node).unwrap_or_else(|| {
                    targets.push(&step.to_node);
                    targets.len() - 1
                })
            };
            rounds.resize_with(rounds.len().max(round + 1), Vec::new);
            rounds[round].push((step, controller.clone()));
        }
        rounds
    }

    /// Tells the API server where the replacements of these should go. Where it gives no hints it goes on without: where
    /// they land is looked at.
    async fn hint(&mut self, round: &[Leaving<'_>], targets: &mut Targets, namespaces: &[&str]) {
        let Some(hints) = &mut self.hints else { return };
        targets.retain(|key, _| hints::is_named(key));
        for (step, controller) in round {
            let Some(controller) = controller else { continue };
            let key = if keeps_its_name(step) { hints::named(controller, &step.pod) } else { controller.to_string() };
            targets.insert(key, step.to_node.clone());
        }
        if let Err(problem) = hints.give(targets, namespaces).await {
            (self.listener)(Progress::WithoutHints(&problem));
            self.hints = None;
        }
    }

    async fn evict_all<'s>(&self, round: &[Leaving<'s>], run: Run) -> Vec<(Leaving<'s>, Evicted)> {
        let asked: Vec<_> = round.iter().cloned().map(|leaving| self.evict_one(leaving, run).boxed()).collect();
        futures_util::stream::iter(asked).buffer_unordered(EVICTIONS_AT_ONCE).collect().await
    }

    async fn evict_one<'s>(&self, leaving: Leaving<'s>, run: Run) -> (Leaving<'s>, Evicted) {
        if run == Run::Real {
            (self.listener)(Progress::Evicting(leaving.0));
        }
        let step = leaving.0;
        let span = debug_span!("eviction", namespace = %step.namespace, pod = %step.pod, rehearsed = run == Run::Dry);
        let answer = evict(self.cluster, step, run, self.options.refused_for).instrument(span).await;
        (leaving, answer)
    }

    /// Waits until the wave is over; the error says what it waited for in vain, or why it waits no longer.
    async fn settle(&self, evicted: &[Leaving<'_>], settling: &Settling, pods: &Watched) -> Result<(), String> {
        let (start, within) = (Instant::now(), self.within(evicted));
        loop {
            let wait = TELL_EVERY.min(within.saturating_sub(start.elapsed()));
            if pods.until(wait, |pods| settling.is_over(pods)).await {
                return Ok(());
            }
            let awaited = pods.now(|pods| settling.awaited(pods));
            if start.elapsed() >= within {
                return Err(format!("waited {} s for {awaited}", within.as_secs()));
            }
            (self.listener)(Progress::Waiting { what: &awaited, since: start.elapsed() });
            if let Some(reason) = self.crossed_meanwhile().await {
                return Err(format!("{reason}, while waiting for {awaited}"));
            }
        }
    }

    /// How long it may take until everything evicted has a replacement that is ready.
    fn within(&self, evicted: &[Leaving<'_>]) -> Duration {
        let graces = evicted.iter().filter_map(|(step, _)| self.graces.get(&step.uid));
        let grace = graces.max().and_then(|seconds| u64::try_from(*seconds).ok()).unwrap_or(0);
        self.options.ready_within + Duration::from_secs(grace)
    }
}

fn refused_by(step: &Migration, reason: &str) -> String {
    format!("{}/{}: {reason}", step.namespace, step.pod)
}

/// Pods of a StatefulSet come again under their name.
fn keeps_its_name(step: &Migration) -> bool {
    &*step.workload.kind == "StatefulSet"
}
