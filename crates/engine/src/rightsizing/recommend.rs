//! One container's recommendation from what it uses: requests, how sure they are, what could go wrong.

use std::fmt;

use model::Time;

use super::answers::Answer;
use super::confidence::confidence;
use super::risk::{Risks, risks};
use super::strategy::{Basis, Estimate, Strategy};
use super::{Bound, Event, Percentiles, Resource, Sample, Settings, Usage};

/// Below so many samples, or so much time between the first and the last, nothing is recommended.
const FEWEST_SAMPLES: usize = 50;
const SHORTEST_SECONDS: i64 = 86_400;

/// What to ask for of one resource, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommended {
    /// Millicores or bytes, within bounds.
    pub request: i64,
    /// Before bounds.
    pub estimate: Estimate,
    /// Which bound cut it.
    pub bound: Option<Bound>,
    /// P50, P90, P99 and the highest of the window.
    pub percentiles: Percentiles,
    /// The chance, 0 to 1, that it holds for a week.
    pub confidence: f64,
    /// What could go wrong.
    pub risks: Risks,
    /// How many samples of the window it is made of.
    pub samples: usize,
}

/// Why nothing is recommended for a resource of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// It was not measured.
    NoMetrics,
    /// It was not measured for long enough.
    TooFewSamples {
        /** How many there are. */
        samples: usize,
        /** Between the first and the last. */
        seconds: i64,
    },
    /// A HorizontalPodAutoscaler keeps this resource's use at a part of the request: another request would change the
    /// number of replicas.
    Autoscaled,
    /// Its limits equal its requests, and limits are to stay: another request would change its class.
    Guaranteed,
    /// Its pods are static: their requests are in a file on their node.
    Static,
    /// It needs more than a ResourceQuota of its namespace leaves, as is told.
    NoQuota(String),
    /// Whoever was asked what it should ask for gave no answer, or a wrong one.
    NoAnswer(String),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skip::NoMetrics => f.write_str("its use is unknown"),
            Skip::TooFewSamples { samples, seconds } => {
                let hours = seconds / 3_600;
                write!(
                    f,
                    "too little is known: {samples} samples over {hours} hours, where {FEWEST_SAMPLES} over 24 are needed"
                )
            }
            Skip::Autoscaled => f.write_str(
                "an autoscaler looks at this resource: the request and its target would have to change together",
            ),
            Skip::Guaranteed => {
                f.write_str("its limits equal its requests, which makes it Guaranteed: both would have to change")
            }
            Skip::Static => f.write_str("its pods are static"),
            Skip::NoQuota(why) | Skip::NoAnswer(why) => f.write_str(why),
        }
    }
}

/// Recommends a request for one resource as of this moment, where `now` is what is asked for now.
pub fn recommend(
    usage: &Usage,
    resource: Resource,
    asked: Option<i64>,
    strategy: &dyn Strategy,
    settings: &Settings,
    now: Time,
) -> Result<Recommended, Skip> {
    let window = enough(usage, resource, settings, now)?;
    let from = Time(now.0.saturating_sub(settings.window_seconds));
    let mut watch = strategy.watch(resource, settings);
    let mut events = usage.events.iter().filter(|event| event.at > from && event.at <= now).peekable();
    for sample in window {
        while let Some(Event { at, kind }) = events.next_if(|event| event.at <= sample.at) {
            watch.event(*at, *kind);
        }
        watch.sample(*sample);
    }
    events.for_each(|event| watch.event(event.at, event.kind));
    let estimate = watch.estimate(now).ok_or(Skip::NoMetrics)?;
    within_bounds(estimate, 1.0, usage, resource, asked, settings, now)
}

/// The same of what somebody else would ask for: as much must be known, and the same bounds hold.
pub(super) fn of_answer(
    answer: Answer,
    usage: &Usage,
    resource: Resource,
    asked: Option<i64>,
    settings: &Settings,
    now: Time,
) -> Result<Recommended, Skip> {
    enough(usage, resource, settings, now)?;
    let estimate = Estimate { amount: answer.amount, basis: Basis::Answer(answer.explanation) };
    within_bounds(estimate, answer.confidence, usage, resource, asked, settings, now)
}

/// The samples of the window, where they are enough to recommend something.
pub(super) fn enough<'u>(
    usage: &'u Usage,
    resource: Resource,
    settings: &Settings,
    now: Time,
) -> Result<&'u [Sample], Skip> {
    let window = usage.of(resource).window(now, settings.window_seconds);
    let (Some(first), Some(last)) = (window.first(), window.last()) else { return Err(Skip::NoMetrics) };
    let seconds = last.at.seconds_since(first.at);
    if window.len() < FEWEST_SAMPLES || seconds < SHORTEST_SECONDS {
        return Err(Skip::TooFewSamples { samples: window.len(), seconds });
    }
    Ok(window)
}

/// An estimate as a request, of which no more than so much is sure.
fn within_bounds(
    estimate: Estimate,
    most_confidence: f64,
    usage: &Usage,
    resource: Resource,
    asked: Option<i64>,
    settings: &Settings,
    now: Time,
) -> Result<Recommended, Skip> {
    let window = usage.of(resource).window(now, settings.window_seconds);
    let percentiles = Percentiles::of(window).ok_or(Skip::NoMetrics)?;
    let (request, bound) = settings.bounds[resource.index()].clamp(resource.to_request(estimate.amount));
    let amount = resource.from_request(request);
    let confidence = confidence(resource, amount, usage.of(resource), now).ok_or(Skip::NoMetrics)?;
    let confidence = confidence.min(most_confidence);
    let risks = risks(usage, resource, asked, request, confidence, settings, now);
    Ok(Recommended { request, estimate, bound, percentiles, confidence, risks, samples: window.len() })
}

impl Recommended {
    /// How it came to be, in a sentence.
    pub fn words(&self, resource: Resource) -> String {
        let mut words = self.estimate.basis.words(resource);
        if let Some(bound) = self.bound {
            words += &format!("; {}, {}", bound.words(), resource.quantity(self.request));
        }
        words
    }
}
