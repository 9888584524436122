//! Recommendations for the containers of a cluster, and what they save at its own prices.

use std::collections::BTreeMap;

use model::pod::ContainerRequests;
use model::{LimitRange, Name, Pod, Prices, ResourceQuota, Snapshot, Time, UsdPerHour, Workload, WorkloadRef};
use rayon::prelude::*;

use super::answers::{Answers, answer};
use super::owners::Owners;
use super::recommend::{Recommended, Skip, enough, of_answer, recommend};
use super::replicas::highest_of;
use super::settings::BoundOf;
use super::strategy::Strategy;
use super::{Limits, Resource, Settings, Usage, Work};
use crate::analyze::{PodCost, pod_costs};

/// Changes of less than this part are not worth a restart: VPA's updater thinks so too.
const WORTH_CHANGING: f64 = 0.1;

/// Whose use it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum User {
    /// A pod, gone ones too.
    Pod(Name),
    /// A workload by kind and name.
    Workload(Name, Name),
}

/// The use of one container.
#[derive(Clone, Debug)]
pub struct Used {
    /// The namespace.
    pub namespace: Name,
    /// Whose.
    pub user: User,
    /// The container.
    pub container: Name,
    /// What it used.
    pub usage: Usage,
}

/// Quality of service, as Kubernetes derives it from requests and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// Every limit equals its request.
    Guaranteed,
    /// Something in between.
    #[default]
    Burstable,
    /// It asks for nothing; with requests it is burstable.
    BestEffort,
}

/// What one container of a workload should ask for.
#[derive(Clone, Debug)]
pub struct ContainerAdvice {
    /// The workload.
    pub workload: WorkloadRef,
    /// The container.
    pub container: Name,
    /// Init container that runs beside the others.
    pub is_sidecar: bool,
    /// How many unfinished pods it has.
    pub pods: usize,
    /// Their class.
    pub class: Class,
    /// All that is known of its use, of the replica that used most at each moment.
    pub usage: Usage,
    /// By resource.
    pub advice: [Advice; 2],
}

/// What it should ask for of one resource.
#[derive(Clone, Debug)]
pub struct Advice {
    /// What it asks for.
    pub asked: Option<i64>,
    /// Its limit.
    pub limit: Option<i64>,
    /// Its limit with the new request; as it was unless limits are to change in proportion.
    pub new_limit: Option<i64>,
    /// What it should ask for, or why nothing is said.
    pub recommended: Result<Recommended, Skip>,
    /// What all its pods then cost less, at their nodes' prices; more where negative. Unknown where a price is.
    pub saved: Option<UsdPerHour>,
}

/// What is to be said of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It asks for less than it needs: a danger.
    TooLittle,
    /// It asks for more than it needs: a saving.
    TooMuch,
    /// Within a tenth.
    Fits,
    /// Nothing is recommended.
    Skipped,
}

impl Advice {
    /// What is to be said of the request.
    pub fn verdict(&self) -> Verdict {
        match (&self.recommended, self.asked) {
            (Err(_), _) => Verdict::Skipped,
            (Ok(_), None) => Verdict::TooLittle,
            (Ok(recommended), Some(asked)) => {
                let change = recommended.request as f64 / (asked as f64).max(1.0);
                if change > 1.0 + WORTH_CHANGING {
                    Verdict::TooLittle
                } else if change < 1.0 - WORTH_CHANGING {
                    Verdict::TooMuch
                } else {
                    Verdict::Fits
                }
            }
        }
    }

    /// The new request, where it should change.
    pub fn change(&self) -> Option<i64> {
        match self.verdict() {
            Verdict::TooLittle | Verdict::TooMuch => Some(self.recommended.as_ref().ok()?.request),
            Verdict::Fits | Verdict::Skipped => None,
        }
    }
}

/// Who chooses requests.
#[derive(Clone, Copy)]
pub enum Chooser<'a> {
    /// One of ours.
    Strategy(&'a dyn Strategy),
    /// Somebody else, who was asked beforehand.
    Answers(&'a Answers),
}

/// Recommends for every container of every workload that has pods, in the order of the snapshot. The moment is that of
/// the last sample of all.
pub fn rightsize(
    snapshot: &Snapshot,
    prices: &Prices,
    used: &[Used],
    strategy: &dyn Strategy,
    settings: &Settings,
) -> Vec<ContainerAdvice> {
    rightsize_by(snapshot, prices, used, Chooser::Strategy(strategy), settings)
}

/// The same, whoever chooses.
pub fn rightsize_by(
    snapshot: &Snapshot,
    prices: &Prices,
    used: &[Used],
    chooser: Chooser,
    settings: &Settings,
) -> Vec<ContainerAdvice> {
    let now = moment(used);
    let costs = pod_costs(snapshot, prices);
    let pods = pods_by_workload(snapshot);
    let advise = |candidate: Candidate| {
        let one = |resource: Resource| advice(snapshot, &costs, &candidate, chooser, resource, settings, now);
        ContainerAdvice {
            workload: candidate.workload.reference.clone(),
            container: candidate.container.name.clone(),
            is_sidecar: candidate.container.is_sidecar,
            pods: candidate.pods.len(),
            class: class(candidate.model),
            advice: Resource::ALL.map(one),
            usage: candidate.usage,
        }
    };
    // Collected in the order of the workloads, whichever thread was first.
    candidates(snapshot, used, &pods).into_par_iter().map(advise).collect()
}

/// The moment of the last sample of all.
pub(super) fn moment(used: &[Used]) -> Time {
    used.iter().filter_map(|used| used.usage.last()).max().unwrap_or(Time(0))
}

/// A container of a workload that has pods, and what is known of its use.
pub(super) struct Candidate<'a> {
    pub workload: &'a Workload,
    /// Places of its unfinished pods.
    pub pods: &'a [usize],
    /// The last of them, which all are alike.
    pub model: &'a Pod,
    pub container: &'a ContainerRequests,
    /// Its place in the pod.
    pub place: usize,
    pub usage: Usage,
}

/// All containers of all workloads that have pods, in the order of the snapshot.
pub(super) fn candidates<'a>(snapshot: &'a Snapshot, used: &[Used], pods: &'a [Vec<usize>]) -> Vec<Candidate<'a>> {
    let usage = by_container(snapshot, used);
    let of_workload = |(at, (workload, pods)): (usize, (&'a Workload, &'a Vec<usize>))| {
        let model = pods.last().map(|pod| &snapshot.pods[*pod]);
        let containers = model.into_iter().flat_map(|model| model.spec.containers.iter().map(move |of| (model, of)));
        let candidates = containers.enumerate().map(|(place, (model, container))| {
            let found = usage.get(&(at, container.name.clone()));
            let usage = found.map(|found| highest_of(found)).unwrap_or_default();
            Candidate { workload, pods, model, container, place, usage }
        });
        candidates.collect::<Vec<_>>()
    };
    snapshot.workloads.par_iter().zip(pods).enumerate().flat_map_iter(of_workload).collect()
}

/// Places of the unfinished pods of each workload.
pub(super) fn pods_by_workload(snapshot: &Snapshot) -> Vec<Vec<usize>> {
    let mut pods: Vec<Vec<usize>> = vec![Vec::new(); snapshot.workloads.len()];
    for (at, pod) in snapshot.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished()) {
        if let Some(of_workload) = pod.workload.and_then(|workload| pods.get_mut(workload as usize)) {
            of_workload.push(at);
        }
    }
    pods
}

impl Candidate<'_> {
    pub fn asked(&self, resource: Resource) -> Option<i64> {
        [self.container.cpu, self.container.memory][resource.index()]
    }

    pub fn limit(&self, resource: Resource) -> Option<i64> {
        [self.container.cpu_limit, self.container.memory_limit][resource.index()]
    }

    /// How a request is made for this one.
    pub fn settings(&self, snapshot: &Snapshot, resource: Resource, settings: &Settings) -> Settings {
        let work = if self.workload.is_job { Work::Batch } else { Work::Serving };
        let mut settings = Settings { work, ..settings.clone() };
        let bounds = &mut settings.bounds[resource.index()];
        if let Some(heap) = self.container.java_heap.filter(|_| resource == Resource::Memory) {
            bounds.at_least(heap.min(bounds.most), BoundOf::JavaHeap);
        }
        let kept_limit = self.limit(resource).filter(|_| settings.limits == Limits::Keep);
        let is_here = |range: &&LimitRange| range.namespace == self.workload.reference.namespace;
        for range in snapshot.limit_ranges.iter().filter(is_here).map(|range| range.containers[resource.index()]) {
            bounds.at_least(range.least.unwrap_or(i64::MIN), BoundOf::LimitRange);
            bounds.at_most(range.most.unwrap_or(i64::MAX), BoundOf::LimitRange);
            if let (Some(limit), Some(ratio)) = (kept_limit, range.limit_to_request.filter(|ratio| *ratio >= 1.0)) {
                bounds.at_least((limit as f64 / ratio).ceil() as i64, BoundOf::LimitRange);
            }
        }
        // A request above its limit is refused.
        if let Some(limit) = kept_limit {
            bounds.at_most(limit, BoundOf::Limit);
            if limit < bounds.least {
                (bounds.least, bounds.least_of) = (limit, BoundOf::Limit);
            }
        }
        settings
    }

    /// Why quotas of its namespace do not let all its pods ask for so much.
    fn beyond_quota(&self, snapshot: &Snapshot, resource: Resource, new: i64) -> Option<Skip> {
        let more = i128::from(new.saturating_sub(self.asked(resource).unwrap_or(0))) * self.pods.len() as i128;
        let is_here = |quota: &&ResourceQuota| quota.namespace == self.workload.reference.namespace;
        let mut quotas = snapshot.quotas.iter().filter(is_here);
        quotas.find_map(|quota| {
            let room = quota.room[resource.index()].filter(|room| more > i128::from(*room))?;
            let of = |amount: i64| resource.quantity(amount);
            let (new, room, more) = (of(new), of(room), of(i64::try_from(more).unwrap_or(i64::MAX)));
            let (pods, quota) = (self.pods.len(), &quota.name);
            Some(Skip::NoQuota(format!(
                "it needs {new}, {more} more for {pods} pods, and ResourceQuota {quota} leaves {room}"
            )))
        })
    }

    pub fn skip(&self, resource: Resource, settings: &Settings) -> Option<Skip> {
        skip(self.workload, self.model, resource, settings)
    }
}

fn advice(
    snapshot: &Snapshot,
    costs: &[Option<PodCost>],
    candidate: &Candidate,
    chooser: Chooser,
    resource: Resource,
    settings: &Settings,
    now: Time,
) -> Advice {
    let settings = candidate.settings(snapshot, resource, settings);
    let (asked, limit) = (candidate.asked(resource), candidate.limit(resource));
    let name = (&candidate.workload.reference, &candidate.container.name);
    let recommended = match (candidate.skip(resource, &settings), chooser) {
        (Some(skip), _) => Err(skip),
        (None, Chooser::Strategy(strategy)) => recommend(&candidate.usage, resource, asked, strategy, &settings, now),
        // Of what is too seldom measured nothing was asked, and that is the reason to name.
        (None, Chooser::Answers(answers)) => enough(&candidate.usage, resource, &settings, now)
            .and_then(|_| answer(answers, name, resource))
            .and_then(|answer| of_answer(answer, &candidate.usage, resource, asked, &settings, now)),
    };
    let mut advice = Advice { asked, limit, new_limit: limit, recommended, saved: None };
    if let Some(skip) = advice.change().and_then(|new| candidate.beyond_quota(snapshot, resource, new)) {
        advice.recommended = Err(skip);
    }
    if let Some(new) = advice.change() {
        advice.saved = saved(snapshot, costs, candidate.pods, candidate.place, resource, new);
        if settings.limits == Limits::InProportion {
            advice.new_limit = limit.map(|limit| in_proportion(limit, asked, new));
        }
    }
    advice
}

/// Dangers first, the largest lack before others; then savings, the largest first; then the rest.
pub fn sort_by_urgency(advice: &mut [ContainerAdvice]) {
    advice.sort_by_cached_key(|container| {
        let verdict = container.advice.iter().map(Advice::verdict).min().unwrap_or(Verdict::Skipped);
        let lack = container.advice.iter().filter(|advice| advice.verdict() == Verdict::TooLittle);
        let lack = lack.filter_map(|advice| {
            let new = advice.recommended.as_ref().ok()?.request as f64;
            // Asking for nothing lacks everything.
            Some((new / (advice.asked.unwrap_or(1) as f64).max(1.0) * 1_000.0) as i64)
        });
        let lack = lack.max().unwrap_or(0);
        let saved: UsdPerHour = container.advice.iter().filter_map(|advice| advice.saved).sum();
        let name = (container.workload.clone(), container.container.clone());
        (verdict, std::cmp::Reverse(lack), std::cmp::Reverse(saved), name)
    });
}

fn skip(workload: &Workload, pod: &Pod, resource: Resource, settings: &Settings) -> Option<Skip> {
    if pod.is_static() {
        return Some(Skip::Static);
    }
    if workload.autoscaled_on.iter().any(|metric| &**metric == resource.name()) {
        return Some(Skip::Autoscaled);
    }
    (class(pod) == Class::Guaranteed && settings.limits == Limits::Keep).then_some(Skip::Guaranteed)
}

/// A limit as many times its request as before, never below it.
fn in_proportion(limit: i64, asked: Option<i64>, new: i64) -> i64 {
    let asked = i128::from(asked.unwrap_or(limit).max(1));
    let scaled = (i128::from(limit) * i128::from(new) + asked - 1) / asked;
    i64::try_from(scaled).unwrap_or(i64::MAX).max(new)
}

/// As `k8s.io/kubernetes/pkg/apis/core/v1/helper/qos` has it, of CPU and memory.
fn class(pod: &Pod) -> Class {
    let containers = &pod.spec.containers;
    let is_set = |amount: Option<i64>| amount.is_some_and(|amount| amount > 0);
    let asks = containers.iter().any(|c| [c.cpu, c.memory, c.cpu_limit, c.memory_limit].into_iter().any(is_set));
    let is_equal = |asked: Option<i64>, limit: Option<i64>| is_set(limit) && asked == limit;
    if !asks {
        Class::BestEffort
    } else if containers.iter().all(|c| is_equal(c.cpu, c.cpu_limit) && is_equal(c.memory, c.memory_limit)) {
        Class::Guaranteed
    } else {
        Class::Burstable
    }
}

/// Of each bound pod the part of its CPU's or memory's cost by which its request shrinks; what has no price is unknown.
fn saved(
    snapshot: &Snapshot,
    costs: &[Option<PodCost>],
    pods: &[usize],
    container: usize,
    resource: Resource,
    new: i64,
) -> Option<UsdPerHour> {
    let mut saved = UsdPerHour::ZERO;
    for at in pods.iter().filter(|at| snapshot.pods[**at].node.is_some()) {
        let (pod, cost) = (&snapshot.pods[*at], costs[*at]?);
        let container = pod.spec.containers.get(container)?;
        let (cost, held, asked) = match resource {
            Resource::Cpu => (cost.cpu, pod.held.cpu, container.cpu),
            Resource::Memory => (cost.memory, pod.held.memory, container.memory),
        };
        if held <= 0 {
            // It asks for nothing and so has no share of its node that could tell what more would cost.
            return None;
        }
        saved += cost.share(asked.unwrap_or(0).saturating_sub(new), held);
    }
    Some(saved)
}

fn by_container<'a>(snapshot: &Snapshot, used: &'a [Used]) -> BTreeMap<(usize, Name), Vec<&'a Usage>> {
    let owners = Owners::new(snapshot);
    let mut usage: BTreeMap<(usize, Name), Vec<&'a Usage>> = BTreeMap::new();
    for used in used {
        if let Some(workload) = owners.of(&used.namespace, &used.user) {
            usage.entry((workload, used.container.clone())).or_default().push(&used.usage);
        }
    }
    usage
}
