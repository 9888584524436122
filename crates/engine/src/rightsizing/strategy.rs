//! A strategy turns what was seen into what to ask for. A new one is a file and a line in the list below.

use model::Time;

use super::decaying::Decaying;
use super::percentile::Percentile;
use super::seasonal::Seasonal;
use super::{EventKind, Resource, Sample, Settings};

/// A way to choose requests.
pub trait Strategy: Sync {
    /// Its name on the command line and in the API.
    fn name(&self) -> &'static str;

    /// One line for people.
    fn describe(&self) -> &'static str;

    /// Something that watches one resource of one container.
    fn watch(&self, resource: Resource, settings: &Settings) -> Box<dyn Watch>;
}

/// Watches one resource of one container, sample by sample in the order of time.
pub trait Watch {
    /// A sample came.
    fn sample(&mut self, sample: Sample);

    /// Something happened.
    fn event(&mut self, _at: Time, _event: EventKind) {}

    /// What to ask for from this moment on, before bounds; none where nothing was seen.
    fn estimate(&mut self, now: Time) -> Option<Estimate>;
}

/// What to ask for, and how it came to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Cores or bytes.
    pub amount: f64,
    /// How it came to be.
    pub basis: Basis,
}

/// How an estimate came to be; `words` says it.
#[derive(Clone, Debug, PartialEq)]
pub enum Basis {
    /// A percentile of all samples of the window, times a safety factor.
    Percentile {
        /** Which, 0 to 100. */
        percentile: u8,
        /** Its value. */
        value: f64,
        /** The factor. */
        factor: f64,
        /** How many samples there were. */
        samples: usize,
    },
    /// VPA's target, and the bounds outside of which its updater acts at once.
    Decaying {
        /** The 90th percentile of the decaying histogram. */
        value: f64,
        /** The lower bound. */
        lower: f64,
        /** The upper bound; infinite where there is no history. */
        upper: f64,
    },
    /// The largest of several peaks, each with its margin.
    Seasonal {
        /** Which peak it was. */
        peak: Peak,
        /** Its height. */
        value: f64,
        /** All that was put on top of it, as a factor. */
        margin: f64,
    },
    /// Somebody else's answer, in their own words.
    Answer(String),
}

/// A peak that decides a seasonal estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Peak {
    /// The highest use, that counts half as much after so many days.
    Fading(f64),
    /// The highest use in the same hours of yesterday.
    Yesterday,
    /// The highest use in the same hours of the last seven days.
    HighestOfWeek,
    /// The second highest of the same hours of the last seven days.
    SecondOfWeek,
    /// What a container that was killed for want of memory is given.
    OutOfMemory,
    /// The highest use of any run, of what runs now and then.
    Runs,
}

/// All strategies.
pub fn strategies() -> [&'static dyn Strategy; 3] {
    [&Seasonal, &Percentile, &Decaying]
}

/// The one that is used where none is named.
pub fn default_strategy() -> &'static dyn Strategy {
    &Seasonal
}

/// The one of this name.
pub fn strategy(name: &str) -> Option<&'static dyn Strategy> {
    strategies().into_iter().find(|strategy| strategy.name() == name)
}

impl Basis {
    /// A sentence for people.
    pub fn words(&self, resource: Resource) -> String {
        let amount = |value: f64| resource.words(value);
        match *self {
            Basis::Answer(ref words) => words.clone(),
            Basis::Percentile { percentile, value, factor, samples } => {
                format!("P{percentile} of {samples} samples is {}, times {factor}", amount(value))
            }
            Basis::Decaying { value, lower, upper } if upper.is_finite() => format!(
                "P90 with a half-life of a day is {}, plus 15 %; VPA would leave {} to {} alone",
                amount(value),
                amount(lower),
                amount(upper)
            ),
            Basis::Decaying { value, .. } => {
                format!("P90 with a half-life of a day is {}, plus 15 %", amount(value))
            }
            Basis::Seasonal { peak, value, margin } => {
                let what = match peak {
                    Peak::Fading(days) if days < 1.0 => {
                        format!("the highest use, fading by half every {:.0} hours,", (days * 24.0).max(1.0))
                    }
                    Peak::Fading(days) => format!("the highest use, fading by half every {days:.1} days,"),
                    Peak::Yesterday => "the highest use in these hours yesterday".to_owned(),
                    Peak::HighestOfWeek => "the highest use in these hours of the last seven days".to_owned(),
                    Peak::SecondOfWeek => "the second highest use in these hours of the last seven days".to_owned(),
                    Peak::OutOfMemory => "the memory at which it was killed".to_owned(),
                    Peak::Runs => "the highest use of any run".to_owned(),
                };
                format!("{what} is {}, times {margin:.2}", amount(value))
            }
        }
    }
}
