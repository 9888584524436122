//! Pods are resized where they are: step by step, each watched, and those that come later.

use std::time::Instant;

use act::{Resized, resize};
use crds::optimization_recommendation::{Change, Method, ResizedPod};
use crds::{Moment, OptimizationPolicySpec};
use engine::rightsizing::method::Obstacle;
use kube::runtime::events::EventType;
use model::{Phase, Pod};
use tracing::warn;

use super::case::{Case, Policy};
use super::threshold::Thresholds;
use super::{Done, Known, MOST_PATIENCE, SOON};
use crate::clock;
use crate::events::{self, Subject};
use crate::objects::name;
use crate::rightsizing::InUse;
use crate::rightsizing::recommendation::{Side, has, sizes};

/// Every step is watched for so long at least: a kubelet says within seconds that it cannot.
const LEAST_WATCH_SECONDS: i64 = 15;
/// Pods of one recommendation that are resized before anything else is looked at.
const AT_ONCE: usize = 20;
/// Where pods of a step do not stay as they are made for so many rounds more than it takes, somebody else is at work.
const MOST_ROUNDS: usize = 30;

impl Case<'_> {
    /// The step that is under way: a part of the pods get it, and are watched.
    pub(super) async fn resize(self, in_use: &InUse, known: &mut Known, thresholds: &mut Thresholds) -> Done {
        if let Some(trouble) = self.trouble() {
            return self.roll_back("Unhealthy", trouble, known).await;
        }
        let Some(mut case) = self.unless_crossed(thresholds, known).await? else { return Ok(()) };
        let is_dry = case.context.settings.rightsizing.dry_run;
        let dry = || ("DryRun", "the operator was started anew for a dry run".to_owned());
        if let Some((reason, words)) = case.stopped().or_else(|| is_dry.then(dry)) {
            // What has it keeps it, and is watched; no other gets it.
            known.again = Some(Instant::now() + SOON);
            return case.skip(reason, words).await;
        }
        let pods = case.pods();
        let steps = match &case.policy {
            Policy::Of(terms) => terms.spec.steps(),
            _ => OptimizationPolicySpec::at_once(),
        };
        let at = (case.standing.step.unwrap_or(1).max(1) as usize).min(steps.len());
        let (percent, seconds) = steps[at - 1];
        let of_step = &pods[..(pods.len() * percent as usize).div_ceil(100).min(pods.len())];
        let without: Vec<&Pod> = of_step.iter().copied().filter(|pod| !has(&case.spec.changes, pod)).collect();
        if !without.is_empty() {
            known.rounds += 1;
            if known.rounds > MOST_ROUNDS + 2 * of_step.len() / AT_ONCE {
                let words = "its pods do not keep the size that they are given: somebody else changes them".to_owned();
                return case.roll_back("NotKept", words, known).await;
            }
            return case.resize_some(&without[..without.len().min(AT_ONCE)], in_use, known).await;
        }
        let is_waiting = |pod: &&&Pod| !pod.resize_problem.is_empty() || pod.held != pod.requests;
        if let Some(waiting) = of_step.iter().find(is_waiting) {
            let since = *known.waits_since.get_or_insert_with(Instant::now);
            if since.elapsed() > MOST_PATIENCE {
                let why = if waiting.resize_problem.is_empty() { "is not done" } else { &*waiting.resize_problem };
                let words = format!("the resize of pod {} {why}", waiting.name);
                return case.roll_back("ResizePending", words, known).await;
            }
            return Ok(());
        }
        known.waits_since = None;
        let now = clock::now();
        let Some(since) = case.standing.step_since else {
            case.standing.step_since = Some(Moment(now));
            return case.write().await.map(|_| ());
        };
        if now.seconds_since(since.0) < seconds.max(LEAST_WATCH_SECONDS) {
            return Ok(());
        }
        known.rounds = 0;
        if at < steps.len() {
            case.standing.step = Some(at as u32 + 1);
            case.standing.step_since = None;
            return case.write().await.map(|_| ());
        }
        let words = format!("{} pods were resized; pods made from now on are sized as they are made", pods.len());
        case.applied(Method::InPlace, words).await
    }

    /// Writes down which pods and what they were like, and then resizes them.
    async fn resize_some(mut self, pods: &[&Pod], in_use: &InUse, known: &mut Known) -> Done {
        // What was so when it began may not be so any more.
        if let Some(in_the_way) = self.in_the_way(&self.spec.changes, pods, in_use) {
            let since = *known.waits_since.get_or_insert_with(Instant::now);
            let obstacle = Obstacle::InTheWay(in_the_way);
            if since.elapsed() > MOST_PATIENCE {
                return self.roll_back(obstacle.reason(), obstacle.to_string(), known).await;
            }
            known.again = Some(Instant::now() + SOON);
            return Ok(());
        }
        for pod in pods {
            if self.standing.pods.iter().all(|known| known.uid != *pod.uid) {
                self.standing.pods.push(ResizedPod {
                    name: pod.name.to_string(),
                    uid: pod.uid.to_string(),
                    restarts: pod.restarts,
                    ready: pod.ready,
                });
            }
        }
        self.standing.step_since = None;
        if !self.write().await? {
            return Ok(());
        }
        let after = sizes(&self.spec.changes, Side::After);
        for pod in pods {
            let cluster = &self.context.cluster;
            match resize(cluster, (&pod.namespace, &pod.name, &pod.uid), &after, false).await {
                Resized::Taken => {
                    let subject = Subject::Pod { namespace: &pod.namespace, name: &pod.name, uid: &pod.uid };
                    let words = format!("by recommendation {}", name(&self.object));
                    events::tell(self.context, subject, EventType::Normal, "Resized", words).await;
                }
                Resized::AsIs | Resized::Gone => {}
                Resized::Later(why) => {
                    warn!(pod = %pod.name, why, "asked again");
                    known.again = Some(Instant::now() + SOON);
                    return Ok(());
                }
                Resized::Refused(why) => {
                    return self.roll_back("Refused", format!("pod {}: {why}", pod.name), known).await;
                }
            }
        }
        Ok(())
    }

    /// What went wrong with pods that were resized.
    fn trouble(&self) -> Option<String> {
        self.standing.pods.iter().find_map(|before| {
            let pod =
                self.snapshot.pod(&self.workload.namespace, &before.name).filter(|pod| *pod.uid == *before.uid)?;
            if pod.restarts > before.restarts {
                let times = pod.restarts - before.restarts;
                Some(format!("pod {} has restarted {times} times since it was resized", pod.name))
            } else if pod.phase == Phase::Failed {
                Some(format!("pod {} was evicted or has failed since it was resized", pod.name))
            } else if before.ready && !pod.ready && pod.phase == Phase::Running && !pod.terminating {
                Some(format!("pod {} is not ready since it was resized", pod.name))
            } else if matches!(&*pod.resize_problem, "Infeasible" | "Error") {
                Some(format!("the resize of pod {} is {}", pod.name, pod.resize_problem))
            } else {
                None
            }
        })
    }

    /// Pods that have come since, and were not sized as they were made; of those somebody sized otherwise, none.
    pub(super) async fn keep_in_force(self, in_use: &InUse) -> Done {
        if self.standing.applied.is_empty() || self.stopped().is_some() || self.context.settings.rightsizing.dry_run {
            return Ok(());
        }
        let applied = &self.standing.applied;
        let was_resized = |pod: &Pod| self.standing.pods.iter().any(|known| known.uid == *pod.uid);
        let after = sizes(applied, Side::After);
        let later = self.pods().into_iter().filter(|pod| !was_resized(pod) && !has(applied, pod));
        for pod in later.filter(|pod| is_as_before(applied, pod)).take(AT_ONCE) {
            if self.in_the_way(applied, &[pod], in_use).is_some() {
                continue;
            }
            let of = (&*pod.namespace, &*pod.name, &*pod.uid);
            if let Resized::Refused(why) | Resized::Later(why) = resize(&self.context.cluster, of, &after, false).await
            {
                warn!(pod = %pod.name, why, "a pod made since is not resized");
            }
        }
        Ok(())
    }
}

/// Does the pod ask for what was asked for before, where that is known? Somebody has sized it otherwise where not.
fn is_as_before(applied: &[Change], pod: &Pod) -> bool {
    applied.iter().all(|change| {
        let container = pod
            .spec
            .containers
            .iter()
            .find(|container| change.container.as_deref().is_none_or(|name| name == &*container.name));
        container.is_some_and(|container| {
            let asked = [container.cpu, container.memory];
            let before = change.requests_before.values();
            let after = change.requests.values();
            (0..2).all(|at| before[at].is_none() || asked[at] == before[at] || asked[at] == after[at])
        })
    })
}
