//! One wave: hints, evictions, and the wait for what takes the place of what left.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, OptionFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use model::{Method, Migration, Name};
use tracing::{Instrument, debug_span};

use crate::carry_out::{Execution, Stop};
use crate::cluster::Cluster;
use crate::eviction::{Evicted, Run, evict};
use crate::hints::{self, Hints, Targets};
use crate::lanes::{Lanes, Leaving, keeps_its_name};
use crate::options::Options;
use crate::pods::Watched;
use crate::progress::{Done, Listener, Progress};
use crate::settling::Settling;
use crate::surge;

/// Evictions asked for at once; the pace of writes bounds them further.
const EVICTIONS_AT_ONCE: usize = 16;
/// The next hints are written while so many are yet to leave: at the pace of writes, while the API server learns of them.
const LEAVING_MEANWHILE: usize = 32;
/// Longer than anything is waited for that has a limit of its own.
const LONG: Duration = Duration::from_secs(24 * 3_600);
/// How often somebody who waits is told what for.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Hints that are being given: what came of it, and the steps that they are for.
type Giving<'g, 'e> = BoxFuture<'g, (Hints<'e>, Result<(), String>, Vec<usize>)>;

impl Execution<'_> {
    /// Evicts the pods of a wave and waits until each has a replacement that is ready.
    pub(crate) async fn wave(&mut self, wave: &[Migration], pods: &Watched) -> Result<(), Stop> {
        let mut settling = pods.now(|pods| Settling::new(pods, wave.iter().map(|step| &step.uid)));
        let controller = |step: &Migration| pods.now(|pods| pods.by_uid.get(&step.uid)?.controller.clone());
        let (surging, evicting): (Vec<&Migration>, Vec<&Migration>) =
            wave.iter().partition(|step| step.method == Method::Surge);
        let leaving: Vec<Leaving<'_>> = evicting.iter().map(|step| (*step, controller(step))).collect();
        let mut refused: BTreeMap<Name, String> = BTreeMap::new();
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
        let evicted = self.evict_in_turn(&leaving, &namespaces, &mut refused, &mut settling, pods).await;
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

    /// Evicts these, each controller's by one target after the other, and returns those that left. What has been hinted at
    /// leaves while the API server learns of the next hints.
    async fn evict_in_turn<'s>(
        &mut self,
        leaving: &[Leaving<'s>],
        namespaces: &[&str],
        refused: &mut BTreeMap<Name, String>,
        settling: &mut Settling,
        pods: &Watched,
    ) -> Vec<Leaving<'s>> {
        let mut hints = self.hints.take();
        hints.iter_mut().for_each(Hints::begin_wave);
        let mut lanes = Lanes::new(leaving, hints.is_some());
        let mut targets = Targets::new();
        let mut giving: OptionFuture<Giving<'_, '_>> = None.into();
        let mut is_giving = false;
        let mut hinted: VecDeque<usize> = VecDeque::new();
        let mut asked = FuturesUnordered::new();
        let mut evicted: Vec<Leaving<'s>> = Vec::new();
        let mut came_forward = Instant::now();
        loop {
            // Late, so that many share a hint, and early enough that nothing waits for it.
            let next = if !is_giving && hinted.len() <= LEAVING_MEANWHILE {
                lanes.next(&pods.now(|pods| settling.undecided(pods)))
            } else {
                Vec::new()
            };
            match hints.take_if(|_| !next.is_empty()) {
                Some(mut hints) => {
                    targets.retain(|key, _| hints::is_named(key) || lanes.is_under_way(key));
                    targets.extend(next.iter().filter_map(|number| target(&leaving[*number])));
                    let targets = targets.clone();
                    let given = async move {
                        let given = hints.give(&targets, namespaces).await;
                        (hints, given, next)
                    };
                    (giving, is_giving) = (Some(given.boxed()).into(), true);
                }
                None => hinted.extend(next),
            }
            while asked.len() < EVICTIONS_AT_ONCE
                && let Some(number) = hinted.pop_front()
            {
                let (step, controller) = &leaving[number];
                // A node that keeps one pod keeps all: the rest of its pods need not go.
                if refused.contains_key(&step.from_node) {
                    lanes.answered(controller.as_ref());
                    continue;
                }
                let leaving = (*step, controller.clone());
                asked.push(evict_one(self.cluster, self.options, self.listener, leaving, Run::Real).boxed());
            }
            let may_hint = !is_giving && hinted.len() <= LEAVING_MEANWHILE && !lanes.is_empty();
            let is_idle = asked.is_empty() && !is_giving;
            if is_idle && hinted.is_empty() && lanes.is_empty() {
                break;
            }
            let left = match is_idle {
                true => self.within(&evicted).saturating_sub(came_forward.elapsed()),
                false => LONG,
            };
            tokio::select! {
                Some(((step, controller), answer)) = asked.next(), if !asked.is_empty() => {
                    came_forward = Instant::now();
                    lanes.answered(controller.as_ref());
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
                Some((back, given, next)) = &mut giving, if is_giving => {
                    (giving, is_giving) = (None.into(), false);
                    came_forward = Instant::now();
                    hinted.extend(next);
                    // Where the API server gives none it goes on without: where replacements land is looked at.
                    match given {
                        Ok(()) => hints = Some(back),
                        Err(problem) => {
                            // What an earlier hint says of them is no longer meant.
                            let taken = hints::take_back(self.cluster, Some(&self.plan.name)).await;
                            let problem = taken.err().map_or(problem.clone(), |left| format!("{problem}; and {left}"));
                            (self.listener)(Progress::WithoutHints(&problem));
                        }
                    }
                }
                may_go_on = pods.until(left, |pods| lanes.has_next(&settling.undecided(pods))), if may_hint => {
                    // In vain: the rest stays, and the wave is told to have failed where it is settled.
                    if !may_go_on && is_idle {
                        break;
                    }
                    came_forward = Instant::now();
                }
            }
        }
        self.hints = hints;
        evicted
    }

    async fn evict_all<'s>(&self, all: &[Leaving<'s>], run: Run) -> Vec<(Leaving<'s>, Evicted)> {
        let ask = |leaving: &Leaving<'s>| evict_one(self.cluster, self.options, self.listener, leaving.clone(), run);
        let asked: Vec<_> = all.iter().map(|leaving| ask(leaving).boxed()).collect();
        futures_util::stream::iter(asked).buffer_unordered(EVICTIONS_AT_ONCE).collect().await
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

/// Where its replacement should go, where it has a controller that makes one.
fn target((step, controller): &Leaving<'_>) -> Option<(String, Name)> {
    let controller = controller.as_ref()?;
    let key = if keeps_its_name(step) { hints::named(controller, &step.pod) } else { controller.to_string() };
    Some((key, step.to_node.clone()))
}

async fn evict_one<'s>(
    cluster: &Cluster,
    options: &Options,
    listener: Listener<'_>,
    (step, controller): Leaving<'s>,
    run: Run,
) -> (Leaving<'s>, Evicted) {
    if run == Run::Real {
        listener(Progress::Evicting(step));
    }
    let span = debug_span!("eviction", namespace = %step.namespace, pod = %step.pod, rehearsed = run == Run::Dry);
    let answer = evict(cluster, step, run, options.refused_for).instrument(span).await;
    ((step, controller), answer)
}
