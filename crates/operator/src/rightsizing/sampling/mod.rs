//! The provider metrics-server: the metrics API says only what is used now, so it is sampled over time, while a policy
//! wants it to be and where that policy reaches.

pub mod checkpoint;
pub mod history;
mod stored;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crds::optimization_policy::{PolicyMode, Provider};
use engine::rightsizing::owners::Owners;
use engine::rightsizing::sketch::MOST_HOURS;
use engine::rightsizing::{Used, User};
use model::{Snapshot, Time, WorkloadRef};
use observe::LiveError;
use tracing::{info, warn};

use super::terms::Terms;
use crate::clock;
use crate::context::Context;
use history::History;

/// Whether there is anything to do is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest that anything is kept.
pub const MOST_SECONDS: i64 = MOST_HOURS as i64 * 3_600;
/// An end waits no longer for what was sampled to be written down.
const HAND_OVER: Duration = Duration::from_secs(5);

/// What was sampled, and how that goes.
#[derive(Default)]
pub struct Samples {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    history: History,
    /// When the metrics API last answered.
    answered: Option<Time>,
    /// Why it does not answer.
    problem: Option<String>,
    /// Why what was sampled is not written down.
    not_kept: Option<String>,
    /// Something was sampled that is not written down.
    is_news: bool,
    /// What was written down before was read.
    may_write: bool,
}

/// How sampling goes.
pub struct Going {
    pub answered: Option<Time>,
    pub problem: Option<String>,
    pub not_kept: Option<String>,
}

/// Where policies want it to be sampled.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    Everywhere,
    Namespaces(BTreeSet<String>),
}

impl Samples {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was used, of one namespace or of all, and since when that is known.
    pub fn used(&self, namespace: Option<&str>) -> (Vec<Used>, Option<Time>) {
        let state = self.lock();
        (state.history.used(namespace), state.history.since(namespace))
    }

    /// How sampling goes.
    pub fn going(&self) -> Going {
        let state = self.lock();
        let (problem, not_kept) = (state.problem.clone(), state.not_kept.clone());
        Going { answered: state.answered, problem, not_kept }
    }
}

/// Samples while somebody wants it. What another replica has sampled is where this one begins.
pub async fn keep(context: &Arc<Context>) -> Infallible {
    *context.samples.lock() = State::default();
    let every = context.settings.rightsizing.sample_every;
    let mut last: Option<(Instant, Reach)> = None;
    let between = context.settings.rightsizing.checkpoint_every;
    let (mut write_at, mut is_restored) = (Instant::now() + between, false);
    loop {
        let wanting = wanting(context);
        if let Some(reach) = reach(&wanting) {
            let is_due = last.as_ref().is_none_or(|(at, known)| at.elapsed() >= every || *known != reach);
            if is_due {
                // Nothing is written over what could not be read.
                is_restored = is_restored || restore(context).await;
                last = Some((Instant::now(), reach.clone()));
                sample(context, &wanting, &reach).await;
            }
            if is_restored && write_at <= Instant::now() {
                let is_written = write_down(context).await;
                write_at = Instant::now() + if is_written { between } else { every };
            }
        }
        tokio::time::sleep(LOOK_EVERY.min(every)).await;
    }
}

/// Before this replica ends on purpose: the next one begins with what it has sampled.
pub async fn hand_over(context: &Context) {
    let is_due = {
        let state = context.samples.lock();
        state.is_news && state.may_write
    };
    if is_due && tokio::time::timeout(HAND_OVER, write_down(context)).await.is_err() {
        warn!("what was sampled could not be written down in time");
    }
}

/// What the policies mean that want it.
fn wanting(context: &Context) -> Vec<Terms> {
    let all = context.objects.policies.all();
    let terms = all.iter().filter_map(|policy| Terms::of(context, policy).ok());
    let wants = |terms: &Terms| {
        terms.spec.mode != PolicyMode::Disabled && terms.spec.metrics_config.provider == Provider::MetricsServer
    };
    terms.filter(wants).collect()
}

fn reach(wanting: &[Terms]) -> Option<Reach> {
    let mut namespaces = BTreeSet::new();
    for terms in wanting {
        match terms.only() {
            Some(one) => namespaces.extend([one.to_owned()]),
            None if terms.spec.selector.namespaces.allow.is_empty() => return Some(Reach::Everywhere),
            None => namespaces.extend(terms.spec.selector.namespaces.allow.iter().cloned()),
        }
    }
    (!namespaces.is_empty()).then_some(Reach::Namespaces(namespaces))
}

/// Asks once, and takes in what is new.
async fn sample(context: &Context, wanting: &[Terms], reach: &Reach) {
    let read = read(context, reach).await;
    let now = clock::now();
    let readings = match read {
        Ok(readings) => readings,
        Err(error) => {
            let problem = observe::in_full(&error);
            warn!(%problem, "cannot sample the metrics API");
            context.samples.lock().problem = Some(problem);
            return;
        }
    };
    let snapshot = context.followed.snapshot(now);
    let owners = Owners::new(&snapshot);
    let longest = wanting.iter().map(|terms| terms.spec.window_seconds()).max().unwrap_or(0).min(MOST_SECONDS);
    let mut state = context.samples.lock();
    let (mut taken, mut strangers) = (0, 0);
    for reading in &readings {
        let workload = owners.of(&reading.namespace, &User::Pod(reading.pod.clone()));
        let workload = workload.and_then(|at| snapshot.workloads.get(at));
        match workload.filter(|workload| wanting.iter().any(|terms| terms.means(&snapshot, workload))) {
            Some(workload) => taken += usize::from(state.history.take(&workload.reference, reading, now)),
            None => strangers += 1,
        }
    }
    state.history.settle(now, longest, |workload| is_there(&snapshot, workload));
    state.answered = Some(now);
    state.problem = None;
    state.is_news |= taken > 0;
    tracing::debug!(taken, strangers, "sampled the metrics API");
}

async fn read(context: &Context, reach: &Reach) -> Result<Vec<observe::PodReading>, LiveError> {
    let (connection, live) = (context.cluster.connection(), &context.settings.live);
    let namespaces: Vec<Option<&str>> = match reach {
        Reach::Everywhere => vec![None],
        Reach::Namespaces(names) => names.iter().map(|name| Some(&**name)).collect(),
    };
    let mut all = Vec::new();
    for namespace in namespaces {
        let mut read = observe::read_pod_metrics(connection, live, namespace).await?;
        if read.left_out > 0 {
            tracing::debug!(left_out = read.left_out, "the metrics API named amounts that were not measured");
        }
        all.append(&mut read.readings);
    }
    Ok(all)
}

/// Of a kind that could not be read nobody knows.
fn is_there(snapshot: &Snapshot, workload: &WorkloadRef) -> bool {
    !snapshot.has(&workload.kind) || snapshot.workloads.binary_search_by(|known| known.reference.cmp(workload)).is_ok()
}

async fn restore(context: &Context) -> bool {
    match stored::read(context).await {
        Ok(sketches) => {
            let mut state = context.samples.lock();
            info!(containers = sketches.len(), "what was sampled before is known");
            sketches.into_iter().for_each(|(key, sketch)| state.history.restore(key, sketch));
            (state.not_kept, state.may_write) = (None, true);
            true
        }
        Err(problem) => {
            warn!(%problem, "what was sampled before is not known");
            context.samples.lock().not_kept = Some(problem);
            false
        }
    }
}

async fn write_down(context: &Context) -> bool {
    let sketches: Vec<_> = {
        let state = context.samples.lock();
        state.history.sketches().map(|(key, sketch)| (key.clone(), sketch)).collect()
    };
    let written = stored::write(context, &sketches).await;
    let mut state = context.samples.lock();
    match written {
        Ok(parts) => {
            info!(containers = sketches.len(), parts, "what was sampled is written down");
            (state.not_kept, state.is_news) = (None, false);
            true
        }
        Err(problem) => {
            warn!(%problem, "what was sampled is not written down");
            state.not_kept = Some(problem);
            false
        }
    }
}
