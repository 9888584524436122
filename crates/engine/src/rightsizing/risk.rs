//! What could go wrong with a recommendation.

use std::fmt;

use model::{Risk, Time};

use super::growth::only_grows;
use super::{EventKind, Resource, Settings, Usage};

const DAY_SECONDS: i64 = 86_400;
const WEEK_DAYS: i64 = 7;
/// A confidence below this is a risk, and below the other a high one.
const UNSURE: f64 = 0.8;
const VERY_UNSURE: f64 = 0.5;
/// Held back in more of its CPU periods than this, a container wants more than it uses.
const THROTTLED: f64 = 0.05;

/// How grave the risks are, and which.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Risks {
    /// The gravest.
    pub level: Risk,
    /// All, the gravest first.
    pub reasons: Vec<RiskReason>,
}

/// One risk.
#[derive(Clone, Debug, PartialEq)]
pub enum RiskReason {
    /// It was killed for want of memory so often in the window.
    Killed(usize),
    /// Its memory only grows, by so many bytes a day: a leak is not cured by a larger request.
    OnlyGrows(f64),
    /// Less memory than it has used in the window.
    BelowHighestUse,
    /// The chance that it does not hold for a week, 0 to 1.
    Unsure(f64),
    /// It was held back in this part of its CPU periods.
    Throttled(f64),
    /// So few days are known.
    FewDays(i64),
    /// It asks for less than half of what it asked for.
    LessThanHalf,
    /// It restarted so often in the window.
    Restarts(usize),
}

impl RiskReason {
    /// How grave it is.
    pub fn level(&self) -> Risk {
        match self {
            RiskReason::Killed(_) | RiskReason::OnlyGrows(_) | RiskReason::BelowHighestUse => Risk::High,
            RiskReason::Unsure(confidence) if *confidence < VERY_UNSURE => Risk::High,
            _ => Risk::Medium,
        }
    }
}

impl fmt::Display for RiskReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RiskReason::Killed(times) => write!(f, "killed for want of memory {times} times"),
            RiskReason::OnlyGrows(bytes) => {
                write!(f, "its memory only grows, by {} a day: a leak needs a cure", Resource::Memory.words(*bytes))
            }
            RiskReason::BelowHighestUse => f.write_str("it has used more memory than this"),
            RiskReason::Unsure(confidence) => {
                write!(f, "holds for a week with a chance of {:.0} %", 100.0 * confidence)
            }
            RiskReason::Throttled(part) => write!(f, "held back in {:.0} % of its CPU periods", 100.0 * part),
            RiskReason::FewDays(days) => write!(f, "only {days} days are known"),
            RiskReason::LessThanHalf => f.write_str("less than half of what it asked for"),
            RiskReason::Restarts(times) => write!(f, "restarted {times} times"),
        }
    }
}

/// The risks of asking for this much.
pub(super) fn risks(
    usage: &Usage,
    resource: Resource,
    asked: Option<i64>,
    request: i64,
    confidence: f64,
    settings: &Settings,
    now: Time,
) -> Risks {
    let from = Time(now.0.saturating_sub(settings.window_seconds));
    let window = usage.of(resource).window(now, settings.window_seconds);
    let highest = window.iter().map(|sample| sample.amount).fold(0.0, f64::max);
    let days = window.first().map_or(0, |first| now.seconds_since(first.at) / DAY_SECONDS);
    let mut reasons = Vec::new();
    let restarts = usage.count(from, |kind| kind == EventKind::Restart);
    if resource == Resource::Memory {
        let killed = usage.count(from, |kind| matches!(kind, EventKind::OutOfMemory(_)));
        if killed > 0 {
            reasons.push(RiskReason::Killed(killed));
        }
        if let Some(bytes) = only_grows(window) {
            reasons.push(RiskReason::OnlyGrows(bytes));
        }
        if resource.from_request(request) < highest {
            reasons.push(RiskReason::BelowHighestUse);
        }
    } else {
        let throttled = usage.events.iter().rev().find_map(|event| match event.kind {
            EventKind::Throttled(part) => Some(part),
            _ => None,
        });
        reasons.extend(throttled.filter(|part| *part > THROTTLED).map(RiskReason::Throttled));
    }
    if confidence < UNSURE {
        reasons.push(RiskReason::Unsure(confidence));
    }
    if days < WEEK_DAYS {
        reasons.push(RiskReason::FewDays(days));
    }
    if asked.is_some_and(|asked| request < asked / 2) {
        reasons.push(RiskReason::LessThanHalf);
    }
    if restarts > 0 {
        reasons.push(RiskReason::Restarts(restarts));
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level()));
    Risks { level: reasons.first().map_or(Risk::Low, RiskReason::level), reasons }
}
