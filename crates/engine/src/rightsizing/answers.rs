//! Requests that somebody else chooses. They are asked beforehand and handed in as data: nothing here asks anybody. What
//! was too seldom measured is not asked about, and bounds, limits and skips are ours.

use std::collections::BTreeMap;

use model::{Name, Snapshot, Time, WorkloadRef};

use super::recommend::enough;
use super::workloads::{Candidate, Used, candidates, moment, pods_by_workload};
use super::{Percentiles, Resource, Series, Settings, Skip};

/// What is asked of one container.
#[derive(Clone, Debug)]
pub struct Question {
    /// The workload.
    pub workload: WorkloadRef,
    /// The container.
    pub container: Name,
    /// How many unfinished pods it has.
    pub pods: usize,
    /// By resource; none where nothing is asked.
    pub of: [Option<ResourceQuestion>; 2],
}

/// What is asked of one resource of a container.
#[derive(Clone, Debug)]
pub struct ResourceQuestion {
    /// What it asks for, in cores or bytes.
    pub asked: Option<f64>,
    /// Its limit.
    pub limit: Option<f64>,
    /// Of the window's samples.
    pub percentiles: Percentiles,
    /// Those samples.
    pub samples: Series,
}

/// What somebody else would ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Cores or bytes.
    pub amount: f64,
    /// The chance, 0 to 1, that it holds for a week. Ours counts where it is lower.
    pub confidence: f64,
    /// How it came to be, in a sentence.
    pub explanation: String,
}

/// By container, then by resource: an answer, or why there is none.
pub type Answers = BTreeMap<(WorkloadRef, Name), [Result<Answer, String>; 2]>;

/// What is to be asked of the containers of these workloads, in the order of the snapshot.
pub fn questions(
    snapshot: &Snapshot,
    used: &[Used],
    settings: &Settings,
    is_meant: impl Fn(&WorkloadRef) -> bool,
) -> Vec<Question> {
    let (now, pods) = (moment(used), pods_by_workload(snapshot));
    let all = candidates(snapshot, used, &pods);
    let of = |candidate: Candidate| {
        let of_resource = |resource: Resource| {
            let settings = candidate.settings(snapshot, resource, settings);
            candidate.skip(resource, &settings).is_none().then(|| question(&candidate, resource, &settings, now))?
        };
        let of = Resource::ALL.map(of_resource);
        let is_asked = of.iter().any(Option::is_some);
        is_asked.then(|| Question {
            workload: candidate.workload.reference.clone(),
            container: candidate.container.name.clone(),
            pods: candidate.pods.len(),
            of,
        })
    };
    all.into_iter().filter(|candidate| is_meant(&candidate.workload.reference)).filter_map(of).collect()
}

fn question(candidate: &Candidate, resource: Resource, settings: &Settings, now: Time) -> Option<ResourceQuestion> {
    let window = enough(&candidate.usage, resource, settings, now).ok()?;
    let amount = |request: Option<i64>| request.map(|request| resource.from_request(request));
    Some(ResourceQuestion {
        asked: amount(candidate.asked(resource)),
        limit: amount(candidate.limit(resource)),
        percentiles: Percentiles::of(window)?,
        samples: Series::new(resource, window.iter().copied()),
    })
}

/// The answer for one resource of a container, or why there is none.
pub(super) fn answer(
    answers: &Answers,
    (workload, container): (&WorkloadRef, &Name),
    resource: Resource,
) -> Result<Answer, Skip> {
    let missing = || Skip::NoAnswer("the strategy's endpoint said nothing of it".to_owned());
    let found = answers.get(&(workload.clone(), container.clone())).ok_or_else(missing)?;
    let answer = found[resource.index()].clone().map_err(Skip::NoAnswer)?;
    if !resource.is_plausible(answer.amount) || answer.amount <= 0.0 || !(0.0..=1.0).contains(&answer.confidence) {
        return Err(Skip::NoAnswer("the strategy's endpoint named an amount that no container can have".to_owned()));
    }
    Ok(answer)
}
